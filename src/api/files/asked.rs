//! A question about paths: a form from Python, JSON from JavaScript.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde_json::Value;

use crate::api::ApiError;
use crate::api::answers::JSON;
use crate::api::describe::{Input, Operation};

/// Most bytes of a question.
const QUESTION_BYTES: usize = 2 << 20;

/// A question that has not been read yet.
#[derive(Debug)]
pub(super) struct PathsBody(Body);

/// Of which paths something is to be told.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "it says what two readers take")]
struct PathsInfo {
    /// From the root, without a leading slash.
    #[schemars(length(max = 50))]
    paths: Vec<String>,
    /// With the commit that last changed each.
    #[serde(default)]
    expand: bool,
}

impl<S: Send + Sync> FromRequest<S> for PathsBody {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request.into_body()))
    }
}

impl Input for PathsBody {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<PathsInfo>(&[JSON, "application/x-www-form-urlencoded"]);
    }
}

impl PathsBody {
    /// The paths, and whether the commits are wanted too.
    ///
    /// # Errors
    /// 413 for one that is too long, 400 for what is no such question.
    pub(super) async fn read(self, headers: &HeaderMap) -> Result<(Vec<String>, bool), ApiError> {
        let body = axum::body::to_bytes(self.0, QUESTION_BYTES).await;
        let body = body.map_err(|_| {
            ApiError::too_large(
                "the list of paths is too long, or the request ended before it was complete",
            )
        })?;
        asked_paths(headers, &body)
    }
}

fn asked_paths(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<String>, bool), ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let body: Value = serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!("the request body is not JSON: {error}"))
        })?;
        let paths = match &body["paths"] {
            Value::String(path) => vec![path.clone()],
            Value::Array(paths) => paths
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => return Err(ApiError::bad_request("`paths` must be a list of paths")),
        };
        return Ok((paths, body["expand"] == true));
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| ApiError::bad_request("the form is not valid UTF-8"))?;
    let (mut paths, mut expand) = (Vec::new(), false);
    for pair in text.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_encoding::percent_decode_str(&value).decode_utf8_lossy();
        match key {
            "paths" => paths.push(value.into_owned()),
            "expand" => expand = matches!(&*value, "true" | "True" | "1"),
            _ => {}
        }
    }
    Ok((paths, expand))
}
