//! Signing in at an identity provider: there, and back again.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::login::{Tried, begin, form, inside};
use crate::auth::{Attempt, Provider, Session};
use crate::domain::{Account, AccountId, Identity, Owner};
use crate::store::StoreError;
use crate::web::page_request::{PageRequest, quoted};
use crate::web::{PageError, WebState};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Leaving {
    #[serde(default)]
    next: String,
    /// The token of the session's forms, if who somebody is there is to be tied to the account here.
    #[serde(default)]
    connect: String,
}

/// What a provider sends a browser back with (RFC 6749 §4.1.2).
#[derive(Debug, Default, Deserialize)]
pub(super) struct Returning {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

/// What a browser keeps while it is away.
struct LoginState {
    attempt: Attempt,
    connect: String,
    next: String,
}

const COOKIE: &str = "glasshouse-errand";

/// How long somebody may take to sign in there.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Characters of an address to come back to.
const MAX_NEXT: usize = 1000;

/// `GET /login/oidc`
pub(super) async fn leave(
    State(state): State<WebState>,
    visitor: PageRequest,
    headers: HeaderMap,
    Query(leaving): Query<Leaving>,
) -> Result<Response, PageError> {
    let provider = known(&state)?;
    let next = inside(&leaving.next);
    if leaving.connect.is_empty() {
        if visitor.session.is_some() {
            return Ok(Redirect::to(next).into_response());
        }
        // Another site must not sign anybody in, for that is to choose who they are here: their own click does.
        if comes_from_elsewhere(&headers) {
            let login = format!("/login?next={}", quoted(next));
            return Ok(Redirect::to(&login).into_response());
        }
    } else {
        // Nobody but a page of the session itself can ask for the tie, or anybody could make their own identity
        // another's.
        let (session, _) = signed_in(&visitor)?;
        if !session.is_form_token(&leaving.connect) {
            return Err(PageError::Forged);
        }
    }
    let errand = LoginState {
        attempt: Attempt::new(),
        connect: leaving.connect,
        next: if next.len() > MAX_NEXT { "/" } else { next }.to_owned(),
    };
    let address = provider
        .address(&errand.attempt, &redirect_uri(&visitor))
        .await?;
    let cookie = visitor.own_cookie(COOKIE, Some(&errand.text()), LIFE);
    let cookies = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((cookies, Redirect::to(&address)).into_response())
}

/// `GET /login/oidc/callback`
pub(super) async fn come_back(
    State(state): State<WebState>,
    visitor: PageRequest,
    headers: HeaderMap,
    Query(returning): Query<Returning>,
) -> Result<Response, PageError> {
    let provider = known(&state)?;
    let errand = visitor
        .read_cookie(&headers, COOKIE)
        .and_then(LoginState::read);
    let Some(errand) = errand.filter(|errand| errand.attempt.is_state(&returning.state)) else {
        return Err(PageError::BadRequest(
            "You started to sign in with another browser, or more than 15 minutes ago. Start again.".to_owned(),
        ));
    };
    if !returning.error.is_empty() || returning.code.is_empty() {
        // Why is the provider's to say, and it has said it to whoever was there.
        let error: String = returning.error.chars().take(100).collect();
        tracing::info!(error = %error.escape_default(), "somebody returned from the identity provider without signing \
                                                         in");
        let tried = Tried {
            provider_problem: "The identity provider did not sign you in.",
            ..Tried::default()
        };
        let page = form(&state, &visitor, errand.next, tried).await?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    }
    if state.attempts.comes_back_too_often(visitor.address) {
        let text =
            "Too many sign-ins from your address. Wait five minutes, or sign in with a token.";
        return Err(PageError::TooMany(text.to_owned()));
    }
    let identity = provider
        .identify(&errand.attempt, &returning.code, &redirect_uri(&visitor))
        .await?;
    if !errand.connect.is_empty() {
        connect(&state, &visitor, &errand, &identity).await?;
        let cookies = AppendHeaders([(header::SET_COOKIE, visitor.own_cookie(COOKIE, None, LIFE))]);
        return Ok((cookies, Redirect::to("/settings?done=provider#provider")).into_response());
    }
    let account = account_of(&state, &identity).await?;
    let session = begin(&state, &visitor, account).await?;
    let cookies = AppendHeaders([
        (header::SET_COOKIE, session),
        (header::SET_COOKIE, visitor.own_cookie(COOKIE, None, LIFE)),
    ]);
    Ok((cookies, Redirect::to(&errand.next)).into_response())
}

/// Whether the browser says that another origin has led it here (Fetch Metadata §2.3).
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

fn known(state: &WebState) -> Result<&Provider, PageError> {
    state.auth.provider().ok_or(PageError::NotFound)
}

/// Under the address that the browser knows us by, for the cookie is kept there.
fn redirect_uri(visitor: &PageRequest) -> String {
    format!("{}/login/oidc/callback", visitor.base_url)
}

async fn connect(
    state: &WebState,
    visitor: &PageRequest,
    errand: &LoginState,
    identity: &Identity,
) -> Result<(), PageError> {
    // The session that asked for it, and no other that has taken its place meanwhile.
    let (session, account) = signed_in(visitor)?;
    if !session.is_form_token(&errand.connect) {
        return Err(PageError::Forged);
    }
    match state.store.add_identity(identity, account).await {
        Err(StoreError::Taken { .. }) => {
            let known = state.store.account_by_identity(identity).await?;
            match known {
                Some(known) if known.id == account.id => Ok(()),
                _ => Err(PageError::BadRequest(
                    "Your identity at the provider is already connected to another account here. Disconnect it from \
                     that account first."
                        .to_owned(),
                )),
            }
        }
        other => Ok(other?),
    }
}

/// Whoever wants the two connected; they are led back to where that is begun, for what is asked here is good once.
fn signed_in(visitor: &PageRequest) -> Result<(&Session, &Account), PageError> {
    let back = |_| PageError::SignIn("/settings".to_owned());
    visitor.signed_in().map_err(back)
}

/// The account of whoever that is, made at their first visit where the operator wants it so.
async fn account_of(state: &WebState, identity: &Identity) -> Result<AccountId, PageError> {
    if let Some(account) = state.store.account_by_identity(identity).await? {
        return Ok(account.id);
    }
    if !state.config.oidc.create_accounts {
        return Err(PageError::BadRequest(
            "You are signed in at the identity provider, but no account here is connected to it. If you have an \
             account, sign in with its token or password and connect the two on your account's page. If not, ask the \
             operator for one."
                .to_owned(),
        ));
    }
    Ok(create(state, identity).await?.id)
}

async fn create(state: &WebState, identity: &Identity) -> Result<Account, PageError> {
    let claimed = identity.name.as_deref().unwrap_or_default();
    let Some(name) = owner_name(claimed) else {
        return Err(PageError::BadRequest(format!(
            "The identity provider did not send a name for your account (`{}`). Ask the operator.",
            state.config.oidc.name_claim
        )));
    };
    match state.store.create_account_of(identity, &name).await {
        Err(StoreError::Taken { .. }) => {
            // Two of their tabs at once: the other was first.
            if let Some(account) = state.store.account_by_identity(identity).await? {
                return Ok(account);
            }
            // Never taken over: at some providers people choose what they are called.
            Err(PageError::BadRequest(format!(
                "The account `{name}` already exists. If it is yours, sign in with its token or password and connect \
                 the two on your account's page. If not, ask the operator for an account with another name."
            )))
        }
        other => Ok(other?),
    }
}

/// The name that comes nearest to what somebody is called there; `None` if nothing is left of it.
fn owner_name(claimed: &str) -> Option<Owner> {
    let local = claimed.split('@').next().unwrap_or_default();
    let mut name = String::new();
    for letter in local.chars() {
        let kept = letter.is_ascii_alphanumeric();
        if kept {
            name.push(letter);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        // What is longer is cut off: ASCII alone is in it.
        if name.len() == MAX_NAME {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    let ours = RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word));
    name.parse().ok().filter(|_| !ours)
}

/// Letters of an owner's name.
const MAX_NAME: usize = 39;

/// What nobody gives themselves: they begin addresses of ours, or sound like us.
const RESERVED: [&str; 14] = [
    "admin",
    "api",
    "datasets",
    "glasshouse",
    "login",
    "logout",
    "models",
    "new",
    "operator",
    "run",
    "settings",
    "spaces",
    "static",
    "system",
];

// === impl LoginState ===

impl LoginState {
    fn text(&self) -> String {
        let next = quoted(&self.next);
        format!("{}.{}.{next}", self.attempt.expose(), self.connect)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let attempt = Attempt::read(parts.next()?)?;
        let connect = parts.next()?.to_owned();
        let next = percent_decode_str(parts.next()?).decode_utf8().ok()?;
        Some(Self {
            attempt,
            connect,
            next: inside(&next).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_are_called_what_comes_nearest() {
        let named = |claimed| owner_name(claimed).map(|name| name.to_string());
        for (claimed, name) in [
            ("ada", "ada"),
            ("Ada.Lovelace@example.org", "Ada-Lovelace"),
            ("__ada__", "ada"),
            ("zoë s", "zo-s"),
        ] {
            assert_eq!(named(claimed).as_deref(), Some(name), "{claimed}");
        }
        for nobody in ["", "@example.org", "阿达", "--", "Api", "admin@example.org"] {
            assert_eq!(named(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn an_errand_is_kept_and_leads_nowhere_else() {
        let attempt = Attempt::new();
        let errand = |next: &str| LoginState {
            attempt: attempt.clone(),
            connect: "ab12".to_owned(),
            next: next.to_owned(),
        };
        let kept = LoginState::read(&errand("/new?a=1; b.c").text()).unwrap();
        assert!(kept.attempt == attempt);
        assert_eq!(
            (kept.connect.as_str(), kept.next.as_str()),
            ("ab12", "/new?a=1; b.c")
        );
        let kept = LoginState::read(&errand("//evil.example").text()).unwrap();
        assert_eq!(kept.next, "/");
    }

    proptest! {
        #[test]
        fn nothing_a_browser_or_a_provider_says_panics(text in ".*") {
            let _ = LoginState::read(&text);
            // Whatever is made of it is a name.
            let _ = owner_name(&text);
        }

        #[test]
        fn plain_letters_are_always_a_name(text in "[a-z][a-z.@-]{0,80}") {
            prop_assert!(owner_name(&text).is_some());
        }
    }
}
