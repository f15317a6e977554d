//! The style sheet, embedded.

use axum::response::{IntoResponse, Response};
use http::header;

const STYLE: &str = include_str!("static/style.css");

/// `GET /assets/style.css`
pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=600"),
    ];
    (headers, STYLE).into_response()
}
