//! What browsers are told not to do with our pages.

use axum::response::Response;
use http::HeaderValue;
use http::header::{self, HeaderName};

use super::visitor::Frame;

/// For what is no page: nothing at all.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Older browsers do not know frame-ancestors.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    // A Space that asks through its frame is not asking as the hub.
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
    ),
];

/// The policy of one page: nothing, and then one line for each thing allowed. Scripts and style sheets are let in one by
/// one, by the page's nonce, for Spaces have addresses below this origin too.
pub(super) fn page_policy(frame: &Frame) -> [(HeaderName, String); 1] {
    let nonce = &frame.nonce;
    let frames = match frame.frames.as_str() {
        "" => String::new(),
        // The demo, on its own origin.
        origin => format!("frame-src {origin}; "),
    };
    let policy = format!(
        "default-src 'none'; \
         script-src 'nonce-{nonce}'; \
         style-src 'nonce-{nonce}'; \
         img-src 'self' data:; \
         connect-src 'self'; \
         form-action 'self'; \
         {frames}base-uri 'none'; frame-ancestors 'none'"
    );
    [(header::CONTENT_SECURITY_POLICY, policy)]
}

/// Adds them to every answer of this room.
pub(super) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(NOTHING));
    // A page names addresses under the host it was asked at, who is signed in, and what runs right now.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
