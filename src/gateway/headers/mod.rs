//! What of a request reaches a Space, and what of its response reaches the visitor.
//!
//! Both directions lose what belongs to one connection (RFC 9110 §7.6.1). A request also loses what would let a Space
//! act for its visitor, or let a visitor pretend to be us; a response loses what would reach beyond the Space's origin.

use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::SpaceId;
use crate::net::{is_hop_by_hop, strip_hop_by_hop, tokens};

mod cookies;
mod credentials;
pub(super) mod frames;
pub(super) mod hop;
pub(super) mod path_form;
#[cfg(test)]
mod tests;

/// What the Space is told of how the visitor reached it.
pub(super) struct Origin {
    /// The Space that it goes to.
    pub(super) space: SpaceId,
    /// The visitor's address, as far as this server can see.
    pub(super) peer: Option<HeaderValue>,
    /// The host the visitor named, with its port.
    pub(super) host: Option<HeaderValue>,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// What was taken off the path, in the path form.
    pub(super) prefix: Option<HeaderValue>,
    /// The name of the request in our log.
    pub(super) id: Option<HeaderValue>,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const X_REQUEST_ID: HeaderName = crate::telemetry::X_REQUEST_ID;
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Makes a visitor's headers fit for a Space.
pub(super) fn to_space(headers: &mut HeaderMap, origin: Origin) {
    strip_hop_by_hop(headers, |name| with_hyphens(name, is_ours_to_say));
    credentials::strip(headers, origin.space);
    if origin.prefix.is_some() {
        // The path form sets none, so what a browser sends is meant for the hub or for other Spaces.
        headers.remove(COOKIE);
    } else {
        cookies::strip_ours(headers);
    }
    let Origin {
        peer,
        host,
        scheme,
        prefix,
        id,
        ..
    } = origin;
    let scheme = HeaderValue::from_static(scheme);
    let ours = [
        (HOST, host.clone()),
        (X_FORWARDED_FOR, peer),
        (X_FORWARDED_HOST, host),
        (X_FORWARDED_PROTO, Some(scheme)),
        (X_FORWARDED_PREFIX, prefix),
        (X_REQUEST_ID, id),
    ];
    for (name, value) in ours {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// Makes a Space's headers fit for a visitor; `apart` says that their browser keeps the cookies of frames apart.
pub(super) fn to_visitor(headers: &mut HeaderMap, apart: bool) {
    // It clears what all hosts under the domain keep, the hub's sign-in with them.
    strip_hop_by_hop(headers, |name| name == CLEAR_SITE_DATA);
    if headers.contains_key(SET_COOKIE) {
        cookies::confine(headers);
        if apart {
            cookies::partition(headers);
        }
    }
}

fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word.as_bytes()))
}

/// Names under which a client must not reach a Space: we say these, or nobody does.
fn is_ours_to_say(name: &str) -> bool {
    match name {
        // Answered here: `100 Continue` is sent when the Space begins to read.
        "expect"
        // A CGI program would take it for `HTTP_PROXY`, and send its own requests there.
        | "proxy"
        | "forwarded" | "x-real-ip" | "x-request-id" | "x-hf-authorization" => true,
        _ => name.starts_with("x-forwarded"),
    }
}

/// Asks about the name with hyphens for underscores: as environment variables, CGI programs see both alike.
fn with_hyphens(name: &str, question: fn(&str) -> bool) -> bool {
    if name.contains('_') {
        let name = name.replace('_', "-");
        question(&name)
            || is_hop_by_hop(&name)
            || matches!(&*name, "authorization" | "cookie" | "host")
    } else {
        question(name)
    }
}

/// Keeps those values of a header that pass, in order.
fn retain_values(
    headers: &mut HeaderMap,
    name: &HeaderName,
    keep: impl Fn(&HeaderValue) -> Option<HeaderValue>,
) {
    let kept: Vec<_> = headers.get_all(name).iter().filter_map(keep).collect();
    headers.remove(name);
    for value in kept {
        headers.append(name.clone(), value);
    }
}
