//! Who may visit a Space.

use axum::body::Body;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};

use super::rejection::Rejection;
use crate::auth::{Action, Auth, AuthError, HUB_AUTHORIZATION, Principal, Purpose, cookies};
use crate::domain::{AccountId, Belonging, SpaceId, Visibility};
use crate::routes::{Entry, EntrySettings};

/// The parameter in which the hub's pages hand over a ticket; the Hub's own word for it.
const TICKET: &str = "__sign";

/// The cookie of a Space's own origin that lets a browser in. No Space ever sees it, as it begins as all of ours do.
const COOKIE_NAME: &str = "glasshouse-ticket";

/// Lets a visitor in, or says what is said of a Space that does not exist. Nothing is looked up for a Space that is
/// open to all; whoever visits another is known by name.
pub(super) async fn check(
    auth: &Auth,
    space: &Entry,
    headers: &HeaderMap,
) -> Result<Option<AccountId>, Rejection> {
    let settings = space.settings();
    if settings.visibility != Visibility::Private {
        return Ok(None);
    }
    let belonging = belonging(space.id, &settings);
    match Box::pin(visitor(auth, space, headers)).await {
        Ok(visitor) if visitor.may(Action::Visit, belonging) => {
            Ok(visitor.account.map(|account| account.id))
        }
        Ok(_) | Err(AuthError::BadToken) => Err(Rejection::NotFound),
        Err(error) => Err(internal(&error, space)),
    }
}

async fn visitor(auth: &Auth, space: &Entry, headers: &HeaderMap) -> Result<Principal, AuthError> {
    let visitor = auth.authenticate_visitor(headers).await?;
    match ticket_cookie(headers) {
        Some(ticket) if visitor.account.is_none() => {
            Ok(auth.authenticate_ticket(space.id, ticket).await?)
        }
        _ => Ok(visitor),
    }
}

/// Whether these headers are of somebody who may change the Space, and read its logs. Who cannot be told apart from
/// anybody is anybody.
pub(super) async fn may_write(auth: &Auth, space: &Entry, headers: &HeaderMap) -> bool {
    let belonging = belonging(space.id, &space.settings());
    let visitor = Box::pin(visitor(auth, space, headers)).await;
    visitor.is_ok_and(|visitor| visitor.may(Action::Write, belonging))
}

/// What of these headers tells who somebody is.
pub(super) fn credentials(headers: &HeaderMap) -> HeaderMap {
    let tells = [AUTHORIZATION, HUB_AUTHORIZATION, COOKIE];
    let theirs = headers
        .iter()
        .filter(|(name, _)| tells.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()));
    theirs.collect()
}

/// A ticket in the address of a private Space, and the address without it.
pub(super) fn handed_over<'u>(space: &Entry, uri: &'u Uri) -> Option<(&'u str, String)> {
    ticket_in(uri).filter(|_| space.settings().visibility == Visibility::Private)
}

/// Exchanges a ticket for a cookie of the Space's own origin, and leads to the address without it, so that it stands in
/// no history and no referrer.
pub(super) async fn exchange(
    auth: &Auth,
    space: &Entry,
    (ticket, address): (&str, String),
    secure: bool,
) -> Result<Response<Body>, Rejection> {
    let session = auth
        .redeem(Purpose::Address, space.id, ticket)
        .await
        .map_err(|error| internal(&AuthError::Store(error), space))?
        .ok_or(Rejection::NotFound)?;
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
        headers.insert(
            name,
            HeaderValue::try_from(value).map_err(|_| Rejection::NotFound)?,
        );
    }
    Ok(response)
}

/// Whether a browser keeps `Secure` cookies from this address: from https, and from `localhost` and what is below it.
pub(super) fn is_secure<B>(scheme: &str, request: &Request<B>) -> bool {
    let host = super::host::named(request).unwrap_or_default();
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

fn ticket_cookie(headers: &HeaderMap) -> Option<&str> {
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

/// Whose a Space is, and who sees it, from what the gateway knows of it.
fn belonging(id: SpaceId, settings: &EntrySettings) -> Belonging {
    Belonging {
        id: id.into(),
        owner: settings.owner,
        visibility: settings.visibility,
    }
}

fn internal(error: &AuthError, space: &Entry) -> Rejection {
    let name = &space.settings().name;
    tracing::error!(
        error = error as &dyn std::error::Error,
        space = %name,
        "cannot tell who visits {name}"
    );
    Rejection::Ours
}

#[cfg(test)]
mod tests {
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
            ticket_cookie(&headers).map(str::to_owned)
        };
        assert_eq!(of("a=b; __Host-glasshouse-ticket=t.1"), Some("t.1".into()));
        assert_eq!(of("glasshouse-ticket=t.2"), Some("t.2".into()));
        assert_eq!(of("glasshouse-ticketx=t; b"), None);
    }
}
