//! Cookies: ours never reach a Space, and a Space's never leave its own host.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::retain_values;

/// What the names of our own cookies begin with, after the browser's own prefixes.
const OURS: &[u8] = b"glasshouse";

/// Takes our cookies out of a request.
pub(super) fn strip_ours(headers: &mut HeaderMap) {
    let suspicious = |value: &HeaderValue| contains(value.as_bytes(), OURS);
    if headers.get_all(COOKIE).iter().any(suspicious) {
        retain_values(headers, &COOKIE, |value| {
            let pairs = value.as_bytes().split(|byte| *byte == b';');
            rejoin(pairs.filter(|pair| !is_ours(pair)))
        });
    }
}

/// Takes from a response the cookies that look like ours, and from the rest what would send them to other hosts.
pub(super) fn confine(headers: &mut HeaderMap) {
    retain_values(headers, &SET_COOKIE, |value| {
        if !contains(value.as_bytes(), OURS) && !contains(value.as_bytes(), b"domain") {
            return Some(value.clone());
        }
        let mut parts = value.as_bytes().split(|byte| *byte == b';');
        let pair = parts.next().filter(|pair| !is_ours(pair))?;
        let attributes =
            parts.filter(|attribute| !name_of(attribute).eq_ignore_ascii_case(b"domain"));
        rejoin(std::iter::once(pair).chain(attributes))
    });
}

/// Whether the request comes from a frame in another site's page, where the browser keeps no cookie unless it is of that page
/// alone (`Sec-Fetch-Storage-Access`, of the Storage Access headers).
pub(super) fn is_kept_apart(headers: &HeaderMap) -> bool {
    let access = headers.get("sec-fetch-storage-access");
    access.is_some_and(|access| matches!(access.as_bytes(), b"none" | b"inactive"))
}

/// Makes a Space's cookies such as browsers keep in a frame of another site's page (CHIPS, `Partitioned`): where the hub is
/// another site, a sign-in of an app would be forgotten at once in the frame on its page.
pub(super) fn partition(headers: &mut HeaderMap) {
    const OTHERS: [&[u8]; 3] = [b"samesite", b"secure", b"partitioned"];
    const FRAMED: [&[u8]; 3] = [b"SameSite=None", b"Secure", b"Partitioned"];
    retain_values(headers, &SET_COOKIE, |value| {
        let mut parts = value.as_bytes().split(|byte| *byte == b';');
        let pair = parts.next()?;
        let attributes = parts.filter(|attribute| {
            let name = name_of(attribute);
            !OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
        });
        rejoin(std::iter::once(pair).chain(attributes).chain(FRAMED))
    });
}

/// Whether the cookie's name is one of ours. A nameless cookie, `=ours=x`, is sent back as `ours=x`, so leading `=` do
/// not count.
fn is_ours(pair: &[u8]) -> bool {
    let begin = pair
        .iter()
        .position(|byte| *byte != b'=' && !byte.is_ascii_whitespace());
    let name = name_of(&pair[begin.unwrap_or(pair.len())..]);
    let bare = ["__host-", "__secure-", "__http-", "__host-http-"]
        .iter()
        .filter_map(|prefix| strip_prefix_ignoring_case(name, prefix.as_bytes()))
        .chain([name]);
    bare.into_iter()
        .any(|name| strip_prefix_ignoring_case(name, OURS).is_some())
}

fn name_of(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|byte| *byte == b'=');
    pair[..end.unwrap_or(pair.len())].trim_ascii()
}

fn strip_prefix_ignoring_case<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

/// The parts with `; ` between them; `None` if none is left.
fn rejoin<'p>(parts: impl Iterator<Item = &'p [u8]>) -> Option<HeaderValue> {
    let parts: Vec<_> = parts
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .collect();
    let joined = parts.join(&b"; "[..]);
    if joined.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&joined).ok()
}
