//! What browsers are told not to do with our pages.

use axum::response::Response;
use http::HeaderValue;
use http::header::{self, HeaderName};

use super::page_request::Frame;

/// For what is no page: nothing at all.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Older browsers do not know frame-ancestors.
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// What no page of ours uses, and no Space gets through one.
const NEVER: &str = "usb=(), serial=(), payment=()";

/// What a demo may ask its visitor for, as the Hub's Spaces may. The browser asks the visitor before it gives any.
pub(super) const DEVICES: [&str; 7] = [
    "microphone",
    "camera",
    "display-capture",
    "midi",
    "clipboard-read",
    "clipboard-write",
    "geolocation",
];

/// What the frame of a demo gives on: to the origin of its address alone, wherever it leads from there.
pub(super) fn frame_permissions() -> String {
    format!("{}; autoplay; fullscreen", DEVICES.join("; "))
}

/// Devices for the demo in the page's frame, and for nobody where there is none. A browser gives on only what the page
/// itself has, so the page is named too; its scripts are ours alone.
fn permissions(frames: &str) -> String {
    let allowed = match frames {
        "" => "()".to_owned(),
        origin => format!("(self \"{origin}\")"),
    };
    let devices = DEVICES.map(|device| format!("{device}={allowed}"));
    format!("{}, {NEVER}", devices.join(", "))
}

/// The policy of one page: nothing, and then one line for each thing allowed. Scripts and style sheets are let in one by
/// one, by the page's nonce, for Spaces have addresses below this origin too.
pub(super) fn page_policy(frame: &Frame) -> [(HeaderName, String); 2] {
    let nonce = &frame.nonce;
    let frames = match frame.frames.as_str() {
        "" => String::new(),
        // The demo, on its own origin.
        origin => format!("frame-src {origin}; "),
    };
    let leads_to = match frame.leads_to.as_str() {
        "" => String::new(),
        origins => format!(" {origins}"),
    };
    let policy = format!(
        "default-src 'none'; \
         script-src 'nonce-{nonce}'; \
         style-src 'nonce-{nonce}'; \
         img-src 'self' data:; \
         connect-src 'self'; \
         form-action 'self'{leads_to}; \
         {frames}base-uri 'none'; frame-ancestors 'none'"
    );
    [
        (header::CONTENT_SECURITY_POLICY, policy),
        (PERMISSIONS_POLICY, permissions(&frame.frames)),
    ]
}

/// Adds them to every answer of this room.
pub(super) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(PERMISSIONS_POLICY)
        && let Ok(nothing) = HeaderValue::try_from(permissions(""))
    {
        headers.insert(PERMISSIONS_POLICY, nothing);
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
