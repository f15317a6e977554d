//! What of a message's headers belongs to one connection alone (RFC 9110 §7.6.1).

use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName};

/// Removes what is said to the next hop alone: the names that are always so, and those that `Connection` lists.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
            .filter_map(|token| HeaderName::from_bytes(token).ok())
            // Both belong to the message, whatever the client says.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    remove_where(headers, is_hop_by_hop);
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

/// Removes the headers whose names, in lower case, answer the question with yes.
pub fn remove_where(headers: &mut HeaderMap, question: impl Fn(&str) -> bool) {
    let doomed = headers.keys().filter(|name| question(name.as_str()));
    let doomed: Vec<HeaderName> = doomed.cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}
