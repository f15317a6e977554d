//! What browsers are told not to do with our pages.

use axum::response::Response;
use http::HeaderValue;
use http::header::{self, HeaderName};

/// Nothing, and then one line for each thing allowed.
const POLICY: &str = concat!(
    "default-src 'none'; ",
    // The one style sheet.
    "style-src 'self'; ",
    // The icon, which stands in the page itself.
    "img-src data:; ",
    // The search.
    "form-action 'self'; ",
    // Not overridable from a page, and no page of another origin frames ours.
    "base-uri 'none'; frame-ancestors 'none'",
);

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Older browsers do not know frame-ancestors.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Adds them to every answer of this room.
pub(super) async fn protect(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    // A page names addresses under the host it was asked at, and what runs right now.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
