//! Requests that pages left open send by themselves, for as long as they are open.
//!
//! They come again and again when the Space has gone to sleep, and would wake it each time; so they neither wake a Space
//! nor keep it awake. The page is told that nobody is there, which it expects of a server that is down.

use http::{Method, Request};

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
    *request.method() == Method::GET && PATHS.iter().any(|probe| path.starts_with(probe))
}
