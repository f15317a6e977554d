//! What handlers ask of a request beside who sends it: of which kind a repository is, what the query says, what the body
//! says.

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::domain::RepoKind;

/// A JSON body, whatever its content type says: no route takes credentials that a browser adds by itself.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// The parameters of a query in order; lists are repeated keys.
#[derive(Debug, Default)]
pub struct QueryPairs(Vec<(String, String)>);

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
            ApiError::bad_request(format!(
                "The body is not what this route takes: {}",
                cause(&error)
            ))
        })?;
        Ok(Self(value))
    }
}

fn body_error(error: BytesRejection) -> ApiError {
    match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::too_large("The body is larger than this route takes")
        }
        other => ApiError::bad_request(format!("The body did not arrive: {other}")),
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

// === impl QueryPairs ===

impl QueryPairs {
    /// The first value of a key, unless it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// All values of a key that are not empty.
    pub fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let named = move |(found, value): &'a (String, String)| {
            (found == key && !value.is_empty()).then_some(value.as_str())
        };
        self.0.iter().filter_map(named)
    }

    /// Whether a switch is on: `true` or `1`.
    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "True" | "1"))
    }

    /// A number.
    ///
    /// # Errors
    /// 400 when the value is not one.
    pub fn number(&self, key: &str) -> Result<Option<u64>, ApiError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| ApiError::bad_request(format!("`{key}` must be a whole number")))
        };
        self.get(key).map(parse).transpose()
    }

    /// The query with `key` set to `value` and everything else as it was.
    pub fn with(&self, key: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(found, _)| found != key);
        let pairs = others.map(|(key, value)| (key.as_str(), value.as_str()));
        let encoded: Vec<_> = pairs
            .chain([(key, value)])
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        encoded.join("&")
    }
}

fn encode(text: &str) -> impl Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::from_request_parts(parts, state).await;
        pairs
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|error| ApiError::bad_request(error.to_string()))
    }
}
