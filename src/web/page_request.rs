//! Who looks at a page: the session in the browser's cookie, and what a page is told of it.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

pub(super) use super::frame::{Frame, quoted};

use super::{PageError, WebState};
use crate::auth::{Action, Object, Principal, SESSION_LIFE, Session, cookies};
use crate::base_url::BaseUrl;
use crate::domain::{Account, AccountId, Owner, household};
use crate::server::Client;

/// Whoever asks for a page.
#[derive(Debug, Clone)]
pub(super) struct PageRequest {
    pub(super) principal: Principal,
    pub(super) session: Option<Session>,
    /// Where from, as far as addresses are one household's.
    pub(super) address: IpAddr,
    pub(super) base_url: BaseUrl,
    /// Path and query of the page asked for.
    pub(super) here: String,
}

/// What the cookie of a session is called. Behind `__Host-` no other host, a Space's among them, can set it.
const COOKIE: &str = "glasshouse-session";

// === impl PageRequest ===

impl PageRequest {
    /// The account, unless it is anybody.
    pub(super) fn account(&self) -> Option<&Account> {
        self.principal.account.as_ref()
    }

    pub(super) fn account_id(&self) -> Option<AccountId> {
        self.account().map(|account| account.id)
    }

    /// The session and its account.
    ///
    /// # Errors
    /// `SignIn`, which leads to the form and back here.
    pub(super) fn signed_in(&self) -> Result<(&Session, &Account), PageError> {
        match (&self.session, self.account()) {
            (Some(session), Some(account)) => Ok((session, account)),
            _ => Err(PageError::SignIn(self.here.clone())),
        }
    }

    /// An operator's account. To all others there is no such page.
    ///
    /// # Errors
    /// `SignIn` for anybody, `NotFound` for accounts that are no operator's.
    pub(super) fn operator(&self) -> Result<&Account, PageError> {
        let (_, account) = self.signed_in()?;
        match self.operates() {
            true => Ok(account),
            false => Err(PageError::NotFound),
        }
    }

    /// The accounts under which the visitor may create repositories: its own, then organisations by name.
    pub(super) fn owners(&self) -> Vec<Owner> {
        let own = self.account().map(|account| account.name.clone());
        let organizations = self.principal.memberships.iter();
        let organizations = organizations.map(|membership| membership.name.clone());
        own.into_iter()
            .chain(organizations)
            .filter(|name| self.principal.may_create(name))
            .collect()
    }

    /// The account of that name, if the visitor may create repositories under it; no name is the visitor's own.
    ///
    /// # Errors
    /// Ours only.
    pub(super) async fn creates_under(
        &self,
        state: &WebState,
        name: &str,
    ) -> Result<Option<Account>, PageError> {
        if name.is_empty() {
            return Ok(self.account().cloned());
        }
        let found = state.account_named(name).await?;
        Ok(found.filter(|account| self.principal.may_create(&account.name)))
    }

    fn operates(&self) -> bool {
        self.principal.may(Action::Operate, Object::Server)
    }

    pub(super) fn frame(&self) -> Frame {
        let name = self.account().map(|account| account.name.to_string());
        let form = self.session.as_ref().map(Session::form_token);
        Frame {
            name: name.unwrap_or_default(),
            operator: self.operates(),
            form: form.unwrap_or_default(),
            here: quoted(&self.here),
            ..Frame::plain()
        }
    }

    /// Whether the browser came over https.
    fn is_secure(&self) -> bool {
        self.base_url.to_string().starts_with("https://")
    }

    /// The cookie that keeps a session; `None` takes it away.
    pub(super) fn cookie(&self, session: Option<&str>) -> String {
        self.own_cookie(
            COOKIE,
            session,
            Duration::from_secs(SESSION_LIFE as u64 / 1000),
        )
    }

    /// A cookie of this host alone, kept for that long; `None` takes it away.
    pub(super) fn own_cookie(&self, name: &str, value: Option<&str>, life: Duration) -> String {
        let (prefix, secure) = match self.is_secure() {
            true => ("__Host-", "; Secure"),
            false => ("", ""),
        };
        let age = value.map_or(0, |_| life.as_secs());
        let value = value.unwrap_or_default();
        format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}")
    }

    /// What such a cookie holds.
    pub(super) fn read_cookie<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        own_cookie(headers, name, self.is_secure())
    }
}

impl FromRequestParts<WebState> for PageRequest {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, PageError> {
        let base_url = BaseUrl::of(&state.config, &parts.headers);
        let here = parts.uri.path_and_query().map(ToString::to_string);
        let client = parts.extensions.get::<Client>();
        let nowhere = IpAddr::from([0, 0, 0, 0]);
        let mut visitor = Self {
            principal: Principal::anonymous(),
            session: None,
            address: household(client.map_or(nowhere, |client| client.peer.client)),
            base_url,
            here: here.unwrap_or_else(|| "/".to_owned()),
        };
        if let Some(text) = visitor.read_cookie(&parts.headers, COOKIE)
            && let Some(session) = state.auth.session(text).await?
        {
            visitor.principal = session.principal.clone();
            visitor.session = Some(session);
        }
        Ok(visitor)
    }
}

/// What a cookie of ours holds. Two of that name are none: a host beside this one has set the other, and which of them is
/// the visitor's own cannot be told.
fn own_cookie<'a>(headers: &'a HeaderMap, wanted: &str, secure: bool) -> Option<&'a str> {
    let mut found = cookies(headers).filter(|(name, _)| match secure {
        true => name.strip_prefix("__Host-") == Some(wanted),
        false => *name == wanted,
    });
    let (_, text) = found.next()?;
    found.next().is_none().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    #[test]
    fn the_session_is_read_from_its_own_cookie_alone() {
        let of = |line: &'static str, secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(line));
            own_cookie(&headers, COOKIE, secure).map(str::to_owned)
        };
        assert_eq!(of("a=1; glasshouse-session=x", false), Some("x".into()));
        assert_eq!(of("__Host-glasshouse-session=x", true), Some("x".into()));
        // A Space beside the hub can set the bare name for the whole domain.
        assert_eq!(of("glasshouse-session=x", true), None);
        assert_eq!(
            of("glasshouse-session=x; glasshouse-session=y", false),
            None
        );
    }
}
