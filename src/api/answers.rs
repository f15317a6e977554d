//! Answers that are more than 200 and JSON: other statuses, headers, bytes.

use std::marker::PhantomData;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::ApiError;
use super::describe::{Input, Operation, Output};

pub(super) const JSON: &str = "application/json";

/// 201: what was made.
#[derive(Debug)]
pub(super) struct Created<T>(pub(super) T);

/// 204.
#[derive(Debug)]
pub(super) struct NoContent;

/// What has been done needs no more words: `{}`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Done {}

/// 501: what the Hub offers and this server does not.
#[derive(Debug)]
pub(super) struct NotOffered(pub(super) &'static str);

/// A page of a list, and the address of the next one.
#[derive(Debug, Default)]
pub(super) struct Page<T> {
    pub(super) items: T,
    pub(super) next: Option<String>,
}

/// An answer to an owner whose quota is nearly used up, perhaps.
#[derive(Debug)]
pub(super) struct Noticed<T> {
    pub(super) body: T,
    /// For the header `X-HF-Warning`, which the Hub's clients print once each.
    pub(super) notice: Option<HeaderValue>,
}

/// A kind of body that is no JSON.
pub(super) trait Media {
    /// Its media type.
    const TYPE: &'static str;
}

/// An answer of that kind.
#[derive(Debug)]
pub(super) struct Raw<M> {
    response: Response,
    kind: PhantomData<fn() -> M>,
}

/// A body of that kind, not read yet.
#[derive(Debug)]
pub(super) struct RawBody<M> {
    pub(super) body: axum::body::Body,
    kind: PhantomData<fn() -> M>,
}

/// Any bytes.
#[derive(Debug)]
pub(super) struct Bytes;

impl Media for Bytes {
    const TYPE: &'static str = "application/octet-stream";
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(201, JSON, "Made.");
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(200, JSON, "Success.");
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Output for NoContent {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_nothing(204, "Success.");
    }
}

impl Output for &'static str {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<String>(200, "text/plain", "Success.");
    }
}

impl IntoResponse for NotOffered {
    fn into_response(self) -> Response {
        ApiError::not_offered(self.0).into_response()
    }
}

impl Output for NotOffered {
    fn describe(operation: &mut Operation<'_>) {
        operation.refuses(
            501,
            "This server does not offer this part of the Hub's API.",
        );
    }
}

impl Output for ApiError {
    fn describe(_: &mut Operation<'_>) {}
}

/// Errors are the same everywhere; the document says them of every operation.
impl<T: Output> Output for Result<T, ApiError> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

impl<T> Page<T> {
    /// That answer, with the address of the next page.
    pub(super) fn linked(self, mut response: Response) -> Response {
        let next = self.next.map(|next| format!("<{next}>; rel=\"next\""));
        match next.map(HeaderValue::try_from).transpose() {
            Ok(None) => response,
            Ok(Some(link)) => {
                response.headers_mut().insert(header::LINK, link);
                response
            }
            Err(error) => ApiError::internal(&error).into_response(),
        }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let response = Json(&self.items).into_response();
        self.linked(response)
    }
}

impl<T: JsonSchema> Output for Page<T> {
    fn describe(operation: &mut Operation<'_>) {
        Json::<T>::describe(operation);
        let says =
            "`<ADDRESS>; rel=\"next\"`: the address of the next page, if there is one (RFC 8288).";
        operation.answers_header("Link", says);
    }
}

impl<T: Serialize> IntoResponse for Noticed<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        if let Some(notice) = self.notice {
            response.headers_mut().insert("x-hf-warning", notice);
        }
        response
    }
}

impl<T: JsonSchema> Output for Noticed<T> {
    fn describe(operation: &mut Operation<'_>) {
        Json::<T>::describe(operation);
        let says = "A warning for an owner whose quota is nearly used up.";
        operation.answers_header("X-HF-Warning", says);
    }
}

impl<M> From<Response> for Raw<M> {
    fn from(response: Response) -> Self {
        Self {
            response,
            kind: PhantomData,
        }
    }
}

impl<M> IntoResponse for Raw<M> {
    fn into_response(self) -> Response {
        self.response
    }
}

impl<M: Media> Output for Raw<M> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_raw(200, M::TYPE, "Success.");
    }
}

impl<M, S: Send + Sync> axum::extract::FromRequest<S> for RawBody<M> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: axum::extract::Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            body: request.into_body(),
            kind: PhantomData,
        })
    }
}

impl<M: Media> Input for RawBody<M> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_raw(M::TYPE);
    }
}
