//! OAuth 2.0: programs that sign in by a code, and Spaces that sign people in, for which this server is an OpenID provider.

mod answer;
mod client;
mod device;
mod provider;
mod token;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::table::Routes;

pub(super) use client::Failures;

/// What pages of other origins may send and read here: nothing of it goes by a cookie.
const OPEN: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type",
    ),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
];

pub(super) fn routes() -> Routes {
    Routes::new()
        .merge(device::routes())
        .merge(token::routes())
        .merge(provider::routes())
}

/// Lets pages of other origins read what is here, as apps without a server of their own do; and lets nobody keep it.
pub(super) async fn open_to_pages(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/oauth/") && path != provider::DISCOVERY {
        return next.run(request).await;
    }
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in OPEN {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
