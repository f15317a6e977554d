//! Who may visit a Space.

use axum::body::Body;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, Response, Uri};

mod ticket;

use super::admission::ClientKey;
use super::rejection::Rejection;
use super::request::Facts;
use crate::auth::{Action, Auth, AuthError, Credential, HUB_AUTHORIZATION, Principal};
use crate::domain::{AccountId, Belonging, SpaceId, Visibility};
use crate::routes::{Entry, EntrySettings};

/// What came of asking to be let in.
pub(super) enum Entered {
    /// In, and counted as that.
    As(ClientKey),
    /// Led to the same address, with a cookie for it.
    Led(Response<Body>),
}

/// Lets a visitor in, who may bring a ticket of the hub's in the address. `scheme` is that of this server.
///
/// # Errors
/// What is said of a Space that does not exist.
pub(super) async fn enter(
    auth: &Auth,
    scheme: &str,
    space: &Entry,
    uri: &Uri,
    headers: &HeaderMap,
    facts: &Facts,
) -> Result<Entered, Rejection> {
    if !facts.target.is_path_form()
        && let Some(handed) = ticket::handed_over(space, uri)
    {
        let secure = ticket::is_secure(scheme, facts.host.as_ref());
        let led = Box::pin(ticket::exchange(auth, space, handed, secure)).await;
        return match led {
            Ok(led) => led.map(Entered::Led).ok_or(Rejection::NotFound),
            Err(error) => Err(internal(&error, space)),
        };
    }
    let account = check(auth, space, headers).await?;
    let client = facts.client.as_ref();
    Ok(Entered::As(
        account.map_or_else(|| ClientKey::at(client), ClientKey::Account),
    ))
}

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
    // What the app's own page shows it says less than the browser's ticket.
    let is_an_apps = matches!(visitor.credential, Some(Credential::Application(_)));
    match ticket::cookie_of(headers) {
        Some(ticket) if visitor.account.is_none() || is_an_apps => {
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
        "cannot find out who is visiting {name}"
    );
    Rejection::Ours
}
