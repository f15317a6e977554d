//! The page for when there is no page, with a way out.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use uuid::Uuid;

use crate::lifecycle::LifecycleError;
use crate::repo::RepoError;
use crate::store::StoreError;

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// There is nothing here, or nothing that everybody may see.
    NotFound,
    /// The address itself cannot be read; the text is for the visitor.
    BadRequest(String),
    /// Ours; the log has the cause under this id.
    Internal(String),
}

#[derive(Template)]
#[template(path = "error.html", config = "src/web/askama.toml")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
    hint: &'a str,
}

// === impl PageError ===

impl PageError {
    /// Logs an error of ours with its causes under a fresh id.
    fn internal(error: &dyn std::error::Error) -> Self {
        let id = Uuid::now_v7().simple().to_string();
        let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source())
            .map(ToString::to_string)
            .collect();
        tracing::error!(request.id = %id, "page {id} failed: {}", causes.join(": "));
        Self::Internal(id)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let internal;
        let (status, page) = match &self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                ErrorPage {
                    title: "Nothing here",
                    message: "There is no such page, or it is not open to everybody.",
                    hint: "The owner of a private Space finds it with `glasshouse info OWNER/NAME`.",
                },
            ),
            Self::BadRequest(message) => (
                StatusCode::BAD_REQUEST,
                ErrorPage {
                    title: "That address cannot be read",
                    message,
                    hint: "",
                },
            ),
            Self::Internal(id) => {
                internal = format!("Its operator finds the cause in the log under {id}.");
                let page = ErrorPage {
                    title: "The server failed",
                    message: "This page could not be made. It is not your fault.",
                    hint: &internal,
                };
                (StatusCode::INTERNAL_SERVER_ERROR, page)
            }
        };
        (status, show(&page)).into_response()
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
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
            other => Self::internal(&other),
        }
    }
}

impl From<LifecycleError> for PageError {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::NotFound => Self::NotFound,
            other => Self::internal(&other),
        }
    }
}

/// A page as an answer.
pub(super) fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!("a page could not be made: {error}");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The server failed to make this page.",
            )
                .into_response()
        }
    }
}

/// For every address that is no page.
pub(super) async fn no_page() -> PageError {
    PageError::NotFound
}
