//! The page for when there is no page, with a way out.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use super::frame::{Frame, quoted};
use super::headers::page_policy;
use crate::auth::ProviderError;
use crate::lifecycle::LifecycleError;
use crate::repo::RepoError;
use crate::store::StoreError;

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// There is nothing here, or nothing that this visitor may see.
    NotFound,
    /// It has another name, and so another address.
    Moved(String),
    /// Only for those who are signed in; the address to come back to.
    SignIn(String),
    /// A form that none of this session's pages has sent.
    Forged,
    /// The visitor sees the Space and may not do this to it; the text says who may.
    Forbidden(String),
    /// What was asked cannot be read or done; the text is for the visitor.
    BadRequest(String),
    /// More was sent than is taken.
    TooLarge,
    /// The visitor has to wait; the text says why.
    TooMany(String),
    /// The server's disk or database cannot take a change at this moment; the text says which.
    Unable(StatusCode, String),
    /// Where people sign in did not answer as it should; the log has the cause under this id.
    Provider(String),
    /// Ours; the log has the cause under this id.
    Internal(String),
}

#[derive(Template)]
#[template(path = "error.html", config = "src/web/askama.toml")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    message: &'a str,
    hint: &'a str,
    sign_in: bool,
}

// === impl PageError ===

impl PageError {
    /// Logs an error of ours with its causes under a fresh id.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        Self::Internal(log(error))
    }

    fn unable(status: StatusCode, error: &dyn std::error::Error) -> Self {
        let text = error.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        Self::Unable(
            status,
            first.into_iter().chain(letters).chain(['.']).collect(),
        )
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Moved(_) => StatusCode::TEMPORARY_REDIRECT,
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Forged | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unable(status, _) => *status,
            Self::Provider(_) => StatusCode::BAD_GATEWAY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Title, message and hint.
    fn words(&self) -> (&str, &str, String) {
        let nothing = String::new();
        match self {
            Self::NotFound => (
                "Page not found",
                "This page does not exist, or you may not see it.",
                nothing,
            ),
            Self::Moved(_) | Self::SignIn(_) => (
                "Sign in",
                "Sign in to see this page.",
                nothing,
            ),
            Self::Forged => (
                "This form has expired",
                "The form does not belong to your current session, so nothing was changed.",
                "Go back, reload the page and send the form again.".to_owned(),
            ),
            Self::Forbidden(message) => ("Not allowed", message, nothing),
            Self::BadRequest(message) => ("This did not work", message, nothing),
            Self::TooLarge => (
                "Too large",
                "You sent more than this form accepts. Nothing was changed.",
                nothing,
            ),
            Self::TooMany(message) => ("Too many requests", message, nothing),
            Self::Unable(_, message) => (
                "The server cannot do this now",
                message,
                "This is not your fault. You can still delete things, which makes room if the disk is full."
                    .to_owned(),
            ),
            Self::Provider(id) => (
                "Sign-in failed",
                "The identity provider did not respond properly. Try again later, or sign in with a token.",
                format!("The operator can find the cause in the server's log under {id}."),
            ),
            Self::Internal(id) => (
                "Server error",
                "The server could not create this page. This is not your fault.",
                format!("The operator can find the cause in the server's log under {id}."),
            ),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Self::Moved(to) = &self {
            return Redirect::temporary(to).into_response();
        }
        if let Self::SignIn(next) = &self {
            return Redirect::to(&format!("/login?next={}", quoted(next))).into_response();
        }
        let (title, message, hint) = self.words();
        let frame = Frame::plain();
        let page = ErrorPage {
            title,
            message,
            hint: &hint,
            sign_in: matches!(self, Self::NotFound | Self::Provider(_)),
            frame: frame.clone(),
        };
        let mut response = (self.status(), show(&frame, &page)).into_response();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Logs an error with its causes; the id to find it by.
fn log(error: &dyn std::error::Error) -> String {
    let id = Uuid::now_v7().simple().to_string();
    let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    tracing::error!(request.id = %id, "page {id} failed: {}", causes.join(": "));
    id
}

impl From<ProviderError> for PageError {
    fn from(error: ProviderError) -> Self {
        Self::Provider(log(&error))
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::TooMany { what } => {
                Self::BadRequest(format!("You have reached the limit: {what}."))
            }
            StoreError::DiskFull => Self::unable(StatusCode::INSUFFICIENT_STORAGE, &error),
            StoreError::DiskFailing(ref cause) => {
                tracing::error!("the disk takes no writes: {cause}");
                Self::unable(StatusCode::INSUFFICIENT_STORAGE, &error)
            }
            StoreError::Busy(ref cause) => {
                tracing::warn!("the database is busy: {cause}");
                Self::unable(StatusCode::SERVICE_UNAVAILABLE, &error)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<RepoError> for PageError {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::NoRepository
            | RepoError::RevisionNotFound(_)
            | RepoError::EntryNotFound(_) => Self::NotFound,
            RepoError::Refused(message) | RepoError::TooLarge(message) => Self::BadRequest(message),
            RepoError::DiskFull => Self::unable(StatusCode::INSUFFICIENT_STORAGE, &error),
            RepoError::DiskFailed(ref cause) => {
                tracing::error!("the disk has failed: {cause}");
                Self::unable(StatusCode::SERVICE_UNAVAILABLE, &error)
            }
            RepoError::OverQuota(refused) => Self::BadRequest(refused.explain()),
            RepoError::Conflict { .. } | RepoError::Taken(_) => Self::BadRequest(error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<LifecycleError> for PageError {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::NotFound => Self::NotFound,
            LifecycleError::Repo(error) => error.into(),
            LifecycleError::Store(error) => error.into(),
            refused => Self::BadRequest(refused.to_string()),
        }
    }
}

/// A page as an answer, with the policy that its frame asks for.
pub(super) fn show(frame: &Frame, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (page_policy(frame), axum::response::Html(text)).into_response(),
        Err(error) => {
            tracing::error!("a page could not be rendered: {error}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The server could not create this page.",
            )
                .into_response()
        }
    }
}

/// For every address that is no page.
pub(super) async fn no_page() -> PageError {
    PageError::NotFound
}
