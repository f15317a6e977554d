//! The bytes of a file for a browser, which has no token to send: `resolve` is the same for programs.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, header};

use super::find;
use crate::domain::is_safe_image;
use crate::repo::Repo;
use crate::web::page_request::{PageRequest, quoted};
use crate::web::{PageError, WebState};

/// Whether a file is shown as a picture; all others are there to be saved.
pub(super) fn is_picture(path: &str) -> bool {
    picture_type(path).is_some()
}

fn picture_type(path: &str) -> Option<&'static str> {
    let kind = mime_guess::from_path(path).first_raw()?;
    is_safe_image(kind).then_some(kind)
}

/// `GET /spaces/{owner}/{name}/raw/{revision}/{*path}`
pub(super) async fn file(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision, path)): Path<(String, String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?.source()?;
    let asked = path.clone();
    let read = move |repo: &Repo| repo.file(&repo.resolve(&revision)?, &asked);
    let file = state.repos.read(found.space.id, read).await?;
    let size = file.size;
    let body = match size {
        0 => Body::empty(),
        _ => {
            let stream = state.repos.stream(found.space.id, file, 0, size).await?;
            Body::from_stream(stream::unfold(stream, async |mut file| {
                file.next().await.map(|chunk| (chunk, file))
            }))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let image = picture_type(&path);
    let kind = image.unwrap_or("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, size.into());
    // Should a browser show it as a page after all: an origin of its own, no scripts, nothing loaded.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'"),
    );
    let file_name = path.rsplit('/').next().unwrap_or(&path);
    let how = if image.is_some() {
        "inline"
    } else {
        "attachment"
    };
    let disposition = format!("{how}; filename*=UTF-8''{}", quoted(file_name));
    if let Ok(value) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
