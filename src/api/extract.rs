//! What handlers ask of a request beside who sends it and its query: of which kind a repository is, what the body says.

use std::marker::PhantomData;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ApiError;
use super::answers::JSON;
use super::commits::small_json;
use super::describe::{Input, Operation};
use crate::domain::RepoKind;

/// A JSON body, whatever its content type says: no route takes credentials that a browser adds by itself.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

/// The same, understood only once it is known that its sender may say it.
#[derive(Debug)]
pub(super) struct LaterBody<T> {
    value: Value,
    kind: PhantomData<fn() -> T>,
}

/// The same, not even received before it is known that its sender may say it.
#[derive(Debug)]
pub(super) struct UnreadBody<T> {
    body: Body,
    kind: PhantomData<fn() -> T>,
}

/// How long an [`UnreadBody`] may take to come: for so long its sender may do what they might when they were asked.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// The kind stands in the path: `/api/models/…`, `/datasets/…`, `/spaces/…`; what names none is a model.
impl<S: Send + Sync> FromRequestParts<S> for RepoKind {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let path = parts.uri.path();
        let path = path.strip_prefix("/api").unwrap_or(path);
        let first = path.trim_start_matches('/').split('/').next();
        let named = Self::ALL
            .into_iter()
            .find(|kind| first == Some(kind.plural()));
        Ok(named.unwrap_or(Self::Model))
    }
}

// === impl JsonBody ===

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(body_error)?;
        // Some clients send no body at all where every field is optional.
        let bytes = if bytes.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            bytes
        };
        let Json(value) = Json::from_bytes(&bytes).map_err(|error| {
            ApiError::bad_request(format!("The request body is not valid: {}", cause(&error)))
        })?;
        Ok(Self(value))
    }
}

fn body_error(error: BytesRejection) -> ApiError {
    match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::too_large("The request body is too large for this route")
        }
        other => ApiError::bad_request(format!("The request body could not be read: {other}")),
    }
}

/// The innermost cause: what serde found wrong, without the framework's words around it.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl<T: JsonSchema> Input for JsonBody<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>(&[JSON]);
    }
}

// === impl LaterBody ===

impl<T: DeserializeOwned> LaterBody<T> {
    /// What it says.
    ///
    /// # Errors
    /// 400 for anything but what is meant.
    pub(super) fn understood(self) -> Result<T, ApiError> {
        if !self.value.is_object() {
            return Err(ApiError::bad_request(
                "The request body must be a JSON object",
            ));
        }
        serde_json::from_value(self.value).map_err(|error| ApiError::bad_request(error.to_string()))
    }
}

impl<T, S: Send + Sync> FromRequest<S> for LaterBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonBody(value) = JsonBody::from_request(request, state).await?;
        Ok(Self {
            value,
            kind: PhantomData,
        })
    }
}

impl<T: JsonSchema> Input for LaterBody<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>(&[JSON]);
    }
}

// === impl UnreadBody ===

impl<T: DeserializeOwned> UnreadBody<T> {
    /// What it says.
    ///
    /// # Errors
    /// As [`small_json`].
    pub(super) async fn read(self, most_bytes: usize) -> Result<T, ApiError> {
        let read = tokio::time::timeout(ARRIVES_WITHIN, small_json(self.body, most_bytes));
        read.await.map_err(|_| {
            ApiError::bad_request(format!(
                "The body did not arrive within {} seconds",
                ARRIVES_WITHIN.as_secs()
            ))
        })?
    }
}

impl<T, S: Send + Sync> FromRequest<S> for UnreadBody<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            body: request.into_body(),
            kind: PhantomData,
        })
    }
}

impl<T: JsonSchema> Input for UnreadBody<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<T>(&[JSON]);
    }
}
