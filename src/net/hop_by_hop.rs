//! What of a message's headers belongs to one connection alone (RFC 9110 §7.6.1).

use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName};

/// Removes what is said to the next hop alone: the names that are always so, and those that `Connection` lists. And with
/// them those whose names, in lower case, `also` answers with yes.
pub fn strip_hop_by_hop(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    if headers.contains_key(CONNECTION) {
        let named = tokens(headers, &CONNECTION)
            // What nearly all say, and goes in any case.
            .filter(|token| !token.eq_ignore_ascii_case(b"keep-alive"))
            .filter_map(|token| HeaderName::from_bytes(token).ok())
            // Both belong to the message, whatever the client says.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
            .collect();
        remove(headers, named);
    }
    let goes = |name: &&HeaderName| is_hop_by_hop(name.as_str()) || also(name.as_str());
    let doomed = headers.keys().filter(goes).cloned().collect();
    remove(headers, doomed);
}

fn remove(headers: &mut HeaderMap, names: Vec<HeaderName>) {
    for name in names {
        headers.remove(name);
    }
}

/// Whether a header of that name, in lower case, is always said to the next hop alone.
pub fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// The members of a comma-separated header.
pub fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}
