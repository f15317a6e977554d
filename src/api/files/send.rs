//! Sending the bytes of a file, or a part of them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::range::{Wanted, is_known, wanted};
pub(in crate::api) use super::safe::add_headers as safe_headers;
use crate::api::describe::{Operation, Output};
use crate::api::{ApiError, ApiState};
use crate::domain::RepoUid;
use crate::repo::{FileFacts, LargeId};

/// Which bytes.
pub(in crate::api) enum Source {
    /// Those of a file in a commit.
    File(FileFacts),
    /// Those of a large file, whatever commits name it.
    Large(LargeId),
}

/// The bytes of a file, or a part of them.
#[derive(Debug)]
pub(in crate::api) struct FileAnswer(Response);

impl IntoResponse for FileAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for FileAnswer {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_raw(200, "*/*", "The whole file.");
        operation.answers_raw(206, "*/*", "The range that the header `Range` asks for.");
        operation.answers_nothing(
            304,
            "The file has not changed: it matches the header `If-None-Match`.",
        );
    }
}

/// Completes a response with what was asked for of a file of `size` bytes. `tag` names its bytes and no others.
///
/// # Errors
/// When the file cannot be read.
pub(in crate::api) async fn send(
    state: &ApiState,
    repo: RepoUid,
    source: Source,
    tag: &str,
    size: u64,
    (method, asked): (&Method, &HeaderMap),
    mut response: Response,
) -> Result<FileAnswer, ApiError> {
    let etag = format!("\"{tag}\"");
    let headers = response.headers_mut();
    headers.insert(header::ETAG, ascii(&etag)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if is_known(asked, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(FileAnswer(response));
    }
    let head = method == Method::HEAD;
    let wanted = if head {
        Wanted::Whole
    } else {
        wanted(asked, size, &etag)
    };
    let part = match wanted {
        Wanted::Whole => 0..size,
        Wanted::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let text = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, ascii(&text)?);
            part
        }
        Wanted::Outside => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, ascii(&format!("bytes */{size}"))?);
            return Ok(FileAnswer(response));
        }
    };
    let length = part.end - part.start;
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    if !head && length > 0 {
        let file = match source {
            Source::File(file) => state.repos.stream(repo, file, part.start, length).await?,
            Source::Large(id) => {
                let repos = &state.repos;
                repos.stream_large(repo, id, part.start, length).await?
            }
        };
        let chunks = stream::unfold(file, async |mut file| {
            file.next().await.map(|chunk| (chunk, file))
        });
        *response.body_mut() = Body::from_stream(chunks);
    }
    Ok(FileAnswer(response))
}

pub(super) fn ascii(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|error| ApiError::internal(&error))
}
