//! The path form: a Space under the hub's own origin, where a browser must not take it for the hub.
//!
//! A sandboxed document has an origin of its own that equals no other: it reads no cookies or storage of the hub, and its
//! requests to the hub are foreign ones. So the Space must also be allowed to read itself from everywhere, which costs
//! nothing: it keeps no cookies here, so that what is answered is what anybody is answered.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_SECURITY_POLICY,
    LOCATION, REFERRER_POLICY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

/// Forms, scripts and pop-ups, which demos need; never `allow-same-origin`, which would undo all of it.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads",
);
const ANY: HeaderValue = HeaderValue::from_static("*");

/// What a browser would keep for the whole origin, the hub's, beyond this one response.
const ORIGIN_WIDE: [&str; 12] = [
    // Signs the visitor out, or in as somebody else.
    "set-cookie",
    // Lets a worker answer for the hub's pages.
    "service-worker-allowed",
    // Makes the hub unreachable over http.
    "strict-transport-security",
    // Leads the hub's visitors to another server.
    "alt-svc",
    // Reports the hub's traffic elsewhere.
    "nel",
    "report-to",
    // Asks for more facts about the visitor on every later request.
    "accept-ch",
    "critical-ch",
    // Asks for a password in the hub's name.
    "www-authenticate",
    // Tells the browser that the visitor is signed in, or is not.
    "set-login",
    // Lets one response be the key to reading later ones.
    "use-as-dictionary",
    // Chooses how the hub's pages share a process.
    "origin-agent-cluster",
];

/// What isolates an origin's documents from others. One in a sandbox is alone in its origin: its own files would be withheld
/// from it, and a browser does not open it at all.
const ISOLATING: [&str; 3] = [
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
];

/// Confines a Space's response; `prefix` is `/run/OWNER/NAME`, `host` is what the visitor calls us.
pub(in crate::gateway) fn confine(
    headers: &mut HeaderMap,
    prefix: &str,
    host: Option<&HeaderValue>,
) {
    lead_back(headers, prefix, host);
    for name in ORIGIN_WIDE.into_iter().chain(ISOLATING) {
        headers.remove(name);
    }
    // In addition to the Space's own: a browser applies all policies it is given, so the strictest holds.
    headers.append(CONTENT_SECURITY_POLICY, SANDBOX);
    if !headers.contains_key(REFERRER_POLICY) {
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
}

/// A redirect to a path of the Space's own origin leads to that path below the prefix.
fn lead_back(headers: &mut HeaderMap, prefix: &str, host: Option<&HeaderValue>) {
    let path = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    // Many servers redirect to full addresses, made of the `Host` they were asked by.
    let host = host.and_then(|host| host.to_str().ok());
    let path = path.map(|to| own_path(to, host).unwrap_or(to));
    // Two slashes begin another host's name; a Space that reads `X-Forwarded-Prefix` has done it itself.
    let path = path.filter(|to| to.starts_with('/') && !to.starts_with("//"));
    let path = path.filter(|to| {
        !to.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('/'))
    });
    if let Some(to) = path
        && let Ok(to) = HeaderValue::try_from(format!("{prefix}{to}"))
    {
        headers.insert(LOCATION, to);
    }
}

/// The path in `http://HOST/path`.
fn own_path<'t>(to: &'t str, host: Option<&str>) -> Option<&'t str> {
    let rest = to.strip_prefix("http")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    let path = rest.strip_prefix(host?)?;
    path.starts_with('/').then_some(path)
}

/// Lets pages of any origin read the response, also one of ours that stands in for the Space's.
pub(in crate::gateway) fn open_to_all(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANY);
    headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
}

/// The answer to a browser that asks whether it may send a request at all. It says nothing of whether the Space exists.
pub(in crate::gateway) fn preflight<B>(request: &Request<B>) -> Option<Response<Body>> {
    let headers = request.headers();
    let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    if *request.method() != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

/// Whether a browser asks for the script of a service worker.
pub(in crate::gateway) fn is_service_worker(headers: &HeaderMap) -> bool {
    const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");
    const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
    headers.contains_key(SERVICE_WORKER)
        || headers
            .get(SEC_FETCH_DEST)
            .is_some_and(|purpose| purpose == "serviceworker")
}
