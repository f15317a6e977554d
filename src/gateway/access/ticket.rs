//! The ticket by which the hub lets a browser that is signed in there into a private Space's own origin.

use axum::body::Body;
use http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};

use crate::auth::{Auth, AuthError, Purpose, cookies};
use crate::domain::Visibility;
use crate::routes::Entry;

/// The parameter in which the hub's pages hand over a ticket; the Hub's own word for it.
const TICKET: &str = "__sign";

/// The cookie of a Space's own origin that lets a browser in. No Space ever sees it, as it begins as all of ours do.
const COOKIE_NAME: &str = "glasshouse-ticket";

/// A ticket in the address of a private Space, and the address without it.
pub(super) fn handed_over<'u>(space: &Entry, uri: &'u Uri) -> Option<(&'u str, String)> {
    ticket_in(uri).filter(|_| space.settings().visibility == Visibility::Private)
}

/// Exchanges a ticket for a cookie of the Space's own origin, and leads to the address without it, so that it stands in
/// no history and no referrer. `None` for a ticket that opens nothing.
///
/// # Errors
/// Ours.
pub(super) async fn exchange(
    auth: &Auth,
    space: &Entry,
    (ticket, address): (&str, String),
    secure: bool,
) -> Result<Option<Response<Body>>, AuthError> {
    let Some(session) = auth.redeem(Purpose::Address, space.id, ticket).await? else {
        return Ok(None);
    };
    let kept = auth.ticket(Purpose::Cookie, space.id, &session);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    for (name, value) in [
        (LOCATION, address),
        (SET_COOKIE, cookie(&kept, secure)),
        (CACHE_CONTROL, "no-store".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
    ] {
        let Ok(value) = HeaderValue::try_from(value) else {
            return Ok(None);
        };
        headers.insert(name, value);
    }
    Ok(Some(response))
}

/// Whether a browser keeps `Secure` cookies from this address: from https, and from `localhost` and what is below it.
pub(super) fn is_secure(scheme: &str, host: Option<&HeaderValue>) -> bool {
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    scheme == "https" || name == "localhost" || name.ends_with(".localhost")
}

/// The hub's pages frame the Space, and may be of another site than it (`localhost` is, of `ada-demo.localhost`). So the
/// cookie is one that frames may have, but kept apart by the page around them; where no secure one can be kept, the
/// browser has it for frames of the same site only.
fn cookie(ticket: &str, secure: bool) -> String {
    let rest = "Path=/; HttpOnly";
    if secure {
        format!("__Host-{COOKIE_NAME}={ticket}; {rest}; Secure; SameSite=None; Partitioned")
    } else {
        format!("{COOKIE_NAME}={ticket}; {rest}; SameSite=Lax")
    }
}

pub(super) fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    cookies(headers)
        .find(|(name, _)| name.strip_prefix("__Host-").unwrap_or(name) == COOKIE_NAME)
        .map(|(_, ticket)| ticket)
}

/// The ticket in an address, and the address without it.
fn ticket_in(uri: &Uri) -> Option<(&str, String)> {
    let is_ticket = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == TICKET);
    let pairs = || uri.query().unwrap_or_default().split('&');
    let (_, ticket) = pairs().find(is_ticket)?.split_once('=')?;
    let rest: Vec<_> = pairs().filter(|pair| !is_ticket(pair)).collect();
    // Two slashes at the beginning would be another host.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    let address = match rest.is_empty() {
        true => path,
        false => format!("{path}?{}", rest.join("&")),
    };
    Some((ticket, address))
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn the_ticket_leaves_the_address() {
        let found = |uri: &str| {
            let uri: Uri = uri.parse().expect("a URI");
            ticket_in(&uri).map(|(ticket, rest)| (ticket.to_owned(), rest))
        };
        let is = |ticket: &str, rest: &str| Some((ticket.to_owned(), rest.to_owned()));
        assert_eq!(found("/a?__sign=x.y"), is("x.y", "/a"));
        assert_eq!(found("/?q=1&__sign=x&r=%20"), is("x", "/?q=1&r=%20"));
        assert_eq!(found("//evil.example/?__sign=x"), is("x", "/evil.example/"));
        assert_eq!(found("/a?x__sign=1"), None);
        assert_eq!(found("/a"), None);
    }

    #[test]
    fn the_cookie_is_found_in_either_dress() {
        let of = |line: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(line));
            cookie_of(&headers).map(str::to_owned)
        };
        assert_eq!(of("a=b; __Host-glasshouse-ticket=t.1"), Some("t.1".into()));
        assert_eq!(of("glasshouse-ticket=t.2"), Some("t.2".into()));
        assert_eq!(of("glasshouse-ticketx=t; b"), None);
    }
}
