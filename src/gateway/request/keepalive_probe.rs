//! Requests that pages left open send by themselves, for as long as they are open.
//!
//! They come again and again when the Space has gone to sleep, and would wake it each time; so they neither wake a Space
//! nor keep it awake. The page is told that nobody is there, which it expects of a server that is down.

use http::{HeaderValue, Method, Request, header};

use super::super::headers::hop::Hop;
use super::target::Target;

/// What is asked for only to learn whether the Space is still there, by whoever asks. An app may have it below a path of its
/// own.
const PROBES: [&str; 4] = [
    // Gradio 5 and 6, and Gradio 4: of each open tab and client, as an event stream.
    "gradio_api/heartbeat/",
    "heartbeat/",
    // Streamlit: of each tab that has lost its WebSocket, before it tries to open another one.
    "_stcore/health",
    "_stcore/host-config",
];

/// What open pages of frameworks ask for again and again; a program that asks for the same means it.
const POLLS: [&str; 7] = [
    // Open WebUI, NiceGUI, Chainlit and whoever else has Socket.IO, while it looks for its server.
    "socket.io/",
    // Dash: hot reload.
    "_reload-hash",
    // JupyterLab: its lists of what runs, every ten seconds.
    "api/kernels",
    "api/kernelspecs",
    "api/sessions",
    "api/terminals",
    // Shiny: the fall-back of its WebSocket.
    "__sockjs__/",
];

/// Whether it is one of those.
pub(super) fn is_keepalive_probe<B>(request: &Request<B>, target: &Target) -> bool {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return false;
    }
    let path = target.path(request.uri());
    let is_below = |begin: &&str| {
        let mut places = path.match_indices(*begin);
        places.any(|(at, _)| {
            let rest = &path[at + begin.len()..];
            let begins = at == 0 || path.as_bytes()[at - 1] == b'/';
            begins && (begin.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        })
    };
    PROBES.iter().any(is_below) || (is_asked_by_own_page(request) && POLLS.iter().any(is_below))
}

/// By Fetch Metadata: a script of a page of the Space.
fn is_asked_by_own_page<B>(request: &Request<B>) -> bool {
    let said = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    said("sec-fetch-site") == Some(b"same-origin") && said("sec-fetch-dest") == Some(b"empty")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forgotten_tabs_ask_for_is_known() {
        let is_probe = |method: &str, path: &str, by_page: bool| {
            let mut request = Request::builder().method(method).uri(path);
            if by_page {
                request = request
                    .header("sec-fetch-site", "same-origin")
                    .header("sec-fetch-dest", "empty");
            }
            let request = request.body(()).expect("a request");
            is_keepalive_probe(&request, &Target::Subdomain("a-b".into()))
        };
        for path in [
            "/gradio_api/heartbeat/abc",
            "/sub/gradio_api/heartbeat/abc",
            "/heartbeat/abc",
            "/_stcore/health",
            "/app/_stcore/host-config",
        ] {
            assert!(
                is_probe("GET", path, false) && is_probe("HEAD", path, true),
                "{path}"
            );
            assert!(!is_probe("POST", path, true), "{path}");
        }
        for path in [
            "/ws/socket.io/?EIO=4&transport=polling",
            "/_nicegui_ws/socket.io/?EIO=4&transport=polling",
            "/_reload-hash",
            "/user/api/kernels?1",
            "/api/sessions",
            "/api/terminals",
            "/__sockjs__/n=1/info",
        ] {
            assert!(is_probe("GET", path, true), "{path}");
            assert!(
                !is_probe("GET", path, false) && !is_probe("POST", path, true),
                "{path}"
            );
        }
        for path in [
            "/",
            "/api/kernels-of-mine",
            "/api/predict",
            "/my_stcore/health",
            "/x-heartbeat/",
        ] {
            assert!(!is_probe("GET", path, true), "{path}");
        }
    }
}
