//! Requests that pages left open send by themselves, for as long as they are open.
//!
//! They come again and again when the Space has gone to sleep, and would wake it each time; so they neither wake a Space
//! nor keep it awake. The page is told that nobody is there, which it expects of a server that is down.

use http::{HeaderValue, Method, Request, header};

use super::super::headers::hop::Hop;
use super::target::Target;

/// Paths below which nothing is asked for but whether the Space is still there.
const PATHS: [&str; 3] = [
    // Gradio: of each open tab and client, as an event stream.
    "gradio_api/heartbeat/",
    // Streamlit: of each tab that has lost its WebSocket, before it tries to open another one.
    "_stcore/health",
    "_stcore/host-config",
];

/// Whether it is one of those.
pub(super) fn is_keepalive_probe<B>(request: &Request<B>, target: &Target) -> bool {
    let path = target.path(request.uri());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    is_read && PATHS.iter().any(|probe| path.starts_with(probe))
}

/// Whether a page of the Space asks for what it is made of, or opens a WebSocket to where it came from. The page was loaded
/// before, and that has woken the Space; frameworks open the socket again and again while nobody answers, and load the
/// pictures and fonts of the message that says so. A program names no origin, and another site's page its own.
pub(super) fn is_of_an_open_page<B>(
    request: &Request<B>,
    host: Option<&HeaderValue>,
    hop: &Hop,
) -> bool {
    match hop.is_websocket() {
        true => is_from_own_page(request, host),
        false => is_part_of_own_page(request),
    }
}

/// By `Origin`, which a browser says with each WebSocket (RFC 6455 §4.1).
fn is_from_own_page<B>(request: &Request<B>, host: Option<&HeaderValue>) -> bool {
    let origin = request.headers().get(header::ORIGIN);
    let origin = origin.and_then(|origin| origin.to_str().ok());
    let origin = origin.and_then(|origin| Some(origin.split_once("://")?.1));
    let host = host.and_then(|host| host.to_str().ok());
    matches!((origin, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host))
}

/// By Fetch Metadata (`Sec-Fetch-Site`, `Sec-Fetch-Dest`): nothing that a script asks for, and no page.
fn is_part_of_own_page<B>(request: &Request<B>) -> bool {
    const PARTS: [&[u8]; 8] = [
        b"audio",
        b"font",
        b"image",
        b"manifest",
        b"script",
        b"style",
        b"track",
        b"video",
    ];
    let said = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    said("sec-fetch-site") == Some(b"same-origin")
        && said("sec-fetch-dest").is_some_and(|dest| PARTS.contains(&dest))
}
