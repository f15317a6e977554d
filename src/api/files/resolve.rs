//! The bytes of a file.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::range::{Wanted, is_known, wanted};
use super::{FileRoute, safe};
use crate::api::{ApiError, ApiState, QueryPairs, RepoAccess};
use crate::domain::RepoKind;
use crate::repo::{Repo, RepoError};

/// Which commit a file is of; clients keep files under it.
const REPO_COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");

/// `GET` and `HEAD /{prefix}{owner}/{name}/resolve/{revision}/{*path}`
pub(super) async fn resolve(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision, path)): FileRoute,
    query: QueryPairs,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (_, stored) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let asked = path.clone();
    let read = move |repo: &Repo| {
        let at = repo.resolve(&revision)?;
        match repo.file(&at, &asked) {
            Ok(file) => Ok((at, Some(file))),
            Err(RepoError::EntryNotFound(_)) => Ok((at, None)),
            Err(error) => Err(error),
        }
    };
    let (at, file) = state.repos.read(stored.id, read).await?;
    let Some(file) = file else {
        return Err(ApiError::entry_not_found(&path, Some(at)));
    };
    let etag = format!("\"{}\"", file.oid);
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    out.insert(REPO_COMMIT, ascii(at.as_str())?);
    out.insert(header::ETAG, ascii(&etag)?);
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    safe::add_headers(out, &path, query.is_on("download"));
    if is_known(&headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let head = method == Method::HEAD;
    let wanted = if head {
        Wanted::Whole
    } else {
        wanted(&headers, file.size, &etag)
    };
    let part = match wanted {
        Wanted::Whole => 0..file.size,
        Wanted::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let text = format!("bytes {}-{}/{}", part.start, part.end - 1, file.size);
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, ascii(&text)?);
            part
        }
        Wanted::Outside => {
            let text = format!("bytes */{}", file.size);
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, ascii(&text)?);
            return Ok(response);
        }
    };
    let length = part.end - part.start;
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    if !head && length > 0 {
        let file = state
            .repos
            .stream(stored.id, file.oid, part.start, length)
            .await?;
        let chunks = stream::unfold(file, async |mut file| {
            file.next().await.map(|chunk| (chunk, file))
        });
        *response.body_mut() = Body::from_stream(chunks);
    }
    Ok(response)
}

fn ascii(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|error| ApiError::internal(&error))
}
