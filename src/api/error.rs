//! What a client is told when a request fails.
//!
//! One envelope, `{"error": text}`, and the headers by which the Hub's clients choose their exception: `X-Error-Code`
//! and `X-Error-Message`. A failure of ours shows a request id and nothing else; its whole chain of causes is logged
//! once, here.

use std::fmt::Write as _;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::auth::AuthError;
use crate::domain::{RepoKind, RepoName, Revision};
use crate::lifecycle::LifecycleError;
use crate::repo::RepoError;
use crate::store::StoreError;

/// Seconds after which a busy database, or a disk, is worth another try.
const RETRY_AFTER: u8 = 5;

/// A failed request: a status, a text for whoever sent it, and what the Hub's clients need beside it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: Option<&'static str>,
    message: String,
    commit: Option<Revision>,
    url: Option<Box<str>>,
    request: Option<Box<str>>,
    moved: Option<Box<Moved>>,
    /// Seconds.
    retry_after: Option<u8>,
}

/// What every error says.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Envelope {
    /// For people; also in the header `X-Error-Message`.
    error: String,
    /// Of what is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Box<str>>,
}

/// A repository is elsewhere: the names with which an answer is turned into a redirect.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) from: String,
    pub(super) to: String,
}

// === impl ApiError ===

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            message: message.into(),
            commit: None,
            url: None,
            request: None,
            moved: None,
            retry_after: None,
        }
    }

    fn coded(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(status, message)
        }
    }

    /// 404: there is no such Space, or none that this client may see; the answer does not tell which.
    pub fn repo_not_found() -> Self {
        Self::coded(
            StatusCode::NOT_FOUND,
            "RepoNotFound",
            "Repository not found",
        )
    }

    /// 404: the Space has no such branch, tag or commit.
    pub fn revision_not_found(revision: &str) -> Self {
        let message = format!("Invalid rev id: {revision}");
        Self::coded(StatusCode::NOT_FOUND, "RevisionNotFound", message)
    }

    /// 404: there is no such file at that commit. Clients remember the absence when `commit` is named.
    pub fn entry_not_found(path: &str, commit: Option<Revision>) -> Self {
        let message = format!("Entry not found: {path}");
        Self {
            commit,
            ..Self::coded(StatusCode::NOT_FOUND, "EntryNotFound", message)
        }
    }

    /// 404 for what is neither a repository nor a part of one.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 400: the request asks for what cannot be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 409: what the request wants is taken.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 409 for a repository that is there already; clients read its page's address from the body.
    pub fn exists(kind: RepoKind, url: String) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::conflict(format!("You already created this {} repo", kind.as_str()))
        }
    }

    /// 307: the repository has another name now. The router knows the rest of the path (see `moved`).
    pub fn moved(from: &RepoName, to: &RepoName) -> Self {
        Self {
            moved: Some(Box::new(Moved {
                from: from.to_string(),
                to: to.to_string(),
            })),
            ..Self::new(
                StatusCode::TEMPORARY_REDIRECT,
                format!("{from} has been renamed to {to}"),
            )
        }
    }

    /// 403: known, and not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 413: more bytes than are taken.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 415: the body comes in a form that is not read.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// 401: the request needs a token and has none.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "This request needs a token of this server: set HF_TOKEN, or send `Authorization: Bearer TOKEN`",
        )
    }

    /// 401 for a token that is unknown or expired, in the words by which clients tell it from a missing repository.
    pub fn bad_token() -> Self {
        let message = "Invalid credentials in Authorization header";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 501: the Hub has this and Glasshouse does not.
    pub fn not_offered(what: &str) -> Self {
        let message = format!("Glasshouse does not offer this: {what}");
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// 507: the server's disk is full, or takes nothing for another reason.
    fn no_room(error: &dyn std::error::Error) -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            sentence(&error.to_string()),
        )
    }

    /// 503: the same may be done later.
    fn later(text: impl Into<String>) -> Self {
        Self {
            retry_after: Some(RETRY_AFTER),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }

    fn unavailable(error: &dyn std::error::Error) -> Self {
        Self::later(sentence(&error.to_string()))
    }

    /// 503: the requests of all others fill the memory that there is for them.
    pub fn too_much_at_once() -> Self {
        Self::later("This server is receiving too much data at once; try again in a moment")
    }

    /// 500: ours. Logs the error with all its causes under a fresh request id, and shows only that id.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let id = Uuid::now_v7().simple().to_string();
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(chain, ": {cause}");
            source = cause.source();
        }
        tracing::error!(request.id = %id, "request {id} failed: {chain}");
        let message = format!(
            "The server failed to answer this request. The operator can find the cause in the server's log under {id}"
        );
        Self {
            request: Some(id.into()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }

    /// The status it will be answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The text for whoever sent the request.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let text = header_text(&self.message);
        let body = Envelope {
            error: self.message,
            url: self.url,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert("x-error-message", text);
        if let Some(code) = self.code {
            headers.insert("x-error-code", HeaderValue::from_static(code));
        }
        if let Some(commit) = &self.commit {
            headers.insert("x-repo-commit", header_text(commit.as_str()));
        }
        if let Some(request) = &self.request {
            headers.insert("x-request-id", header_text(request));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
        }
        if let Some(moved) = self.moved {
            response.extensions_mut().insert(*moved);
        }
        response
    }
}

impl From<RepoError> for ApiError {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::NoRepository => Self::repo_not_found(),
            RepoError::RevisionNotFound(revision) => Self::revision_not_found(&revision),
            RepoError::EntryNotFound(path) => Self::entry_not_found(&path, None),
            RepoError::Refused(message) => Self::bad_request(message),
            RepoError::Taken(message) => Self::conflict(message),
            RepoError::Conflict { .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, error.to_string())
            }
            RepoError::TooLarge(message) => Self::too_large(message),
            RepoError::OverQuota(_) => Self::forbidden(sentence(&error.to_string())),
            RepoError::NoGit => Self::new(StatusCode::NOT_IMPLEMENTED, error.to_string()),
            RepoError::DiskFull => Self::no_room(&error),
            RepoError::DiskFailed(ref cause) => {
                tracing::error!("the disk has failed: {cause}");
                Self::unavailable(&error)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            // Rows are looked for by an id that a caller has just read, so the Space went away in between.
            StoreError::NotFound => Self::repo_not_found(),
            StoreError::Taken { what } => Self::conflict(sentence(&what.to_string())),
            StoreError::Name(error) => Self::bad_request(error.to_string()),
            StoreError::LastAdmin => Self::conflict(sentence(&error.to_string())),
            StoreError::TooMany { .. } => Self::bad_request(sentence(&error.to_string())),
            StoreError::DiskFull => Self::no_room(&error),
            StoreError::DiskFailing(ref cause) => {
                tracing::error!("the disk takes no writes: {cause}");
                Self::no_room(&error)
            }
            StoreError::Busy(ref cause) => {
                tracing::warn!("the database is busy: {cause}");
                Self::unavailable(&error)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<LifecycleError> for ApiError {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Refused(message) => Self::bad_request(message),
            LifecycleError::Over(_) | LifecycleError::Disabled(_) => {
                Self::forbidden(sentence(&error.to_string()))
            }
            LifecycleError::NoLonger => Self::forbidden(sentence(&error.to_string())),
            LifecycleError::NotFound => Self::repo_not_found(),
            LifecycleError::Taken { .. } => Self::conflict(
                "Another repository already has that name, or the address that would follow from it",
            ),
            LifecycleError::Store(error) => error.into(),
            LifecycleError::Repo(error) => error.into(),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::BadToken => Self::bad_token(),
            AuthError::Store(error) => error.into(),
        }
    }
}

/// The text of an error, beginning as a sentence does.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Text as a header may carry it: one line of printable ASCII, not too long. A value equal to the body's text is shown
/// once by the clients; a changed one is shown beside it.
fn header_text(text: &str) -> HeaderValue {
    let safe: String = text
        .chars()
        .take(1000)
        .map(|letter| match letter {
            ' '..='~' => letter,
            letter if letter.is_whitespace() => ' ',
            _ => '?',
        })
        .collect();
    HeaderValue::from_str(&safe).unwrap_or(HeaderValue::from_static("error"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clients_find_what_they_read() {
        let commit = "0123456789012345678901234567890123456789"
            .parse()
            .expect("valid");
        let response = ApiError::entry_not_found("a/ü\n", Some(commit)).into_response();
        let header = |name: &str| response.headers()[name].to_str().expect("ascii").to_owned();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(header("x-error-code"), "EntryNotFound");
        assert_eq!(header("x-error-message"), "Entry not found: a/? ");
        assert_eq!(header("x-repo-commit").len(), 40);
    }

    #[test]
    fn causes_stay_in_the_log() {
        let cause = std::io::Error::other("disk 7 is on fire");
        let error = ApiError::internal(&cause);
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!error.message.contains("fire"));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_header(text in any::<String>()) {
            prop_assert!(header_text(&text).to_str().is_ok());
        }
    }
}
