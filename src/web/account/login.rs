//! Signing in, with a token or with a name and a password, and out.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{StatusCode, header};
use serde::Deserialize;

use super::authorize;
use crate::auth::{Action, AuthError, Object, PASSWORD_LENGTH};
use crate::domain::AccountId;
use crate::web::error::show;
use crate::web::form::{OpenForm, PostedForm};
use crate::web::page_request::{Frame, PageRequest, quoted};
use crate::web::{PageError, WebState};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

/// What came of an attempt to sign in; empty texts for nothing.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// What was typed as a name.
    pub(super) name: String,
    pub(super) token_problem: &'static str,
    pub(super) password_problem: &'static str,
    pub(super) provider_problem: &'static str,
}

#[derive(Template)]
#[template(path = "login.html", config = "src/web/askama.toml")]
struct LoginPage {
    frame: Frame,
    next: String,
    /// The same, as it stands in a query.
    quoted_next: String,
    /// What else there is to sign in with; empty for nothing.
    provider: String,
    tried: Tried,
}

/// `GET /login`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let next = inside(&asked.next).to_owned();
    if visitor.session.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    form(&state, &visitor, next, Tried::default()).await
}

/// `POST /login`: `token`, or `name` and `password`.
pub(super) async fn sign_in(
    State(state): State<WebState>,
    OpenForm { visitor, fields }: OpenForm,
) -> Result<Response, PageError> {
    let next = inside(fields.get("next")).to_owned();
    let token = fields.get("token");
    let known = match token.is_empty() {
        false => by_token(&state, token).await?,
        true => {
            let (name, password) = (fields.get("name"), fields.raw("password"));
            by_password(&state, name, password, visitor.address).await?
        }
    };
    let Some(account) = known else {
        let tried = match token.is_empty() {
            false => Tried {
                token_problem: "You cannot sign in with this token: it is unknown, has expired or may only read.",
                ..Tried::default()
            },
            true => Tried {
                name: fields.get("name").chars().take(100).collect(),
                password_problem: "The name or the password is wrong.",
                ..Tried::default()
            },
        };
        let page = form(&state, &visitor, next, tried).await?;
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let cookie = begin(&state, &visitor, account).await?;
    let cookies = AppendHeaders([(header::SET_COOKIE, cookie)]);
    Ok((cookies, Redirect::to(&next)).into_response())
}

/// Begins a session in the place of the one that the browser has; the cookie that keeps it.
pub(super) async fn begin(
    state: &WebState,
    visitor: &PageRequest,
    account: AccountId,
) -> Result<String, PageError> {
    if let Some(before) = &visitor.session {
        state.auth.end_session(before).await?;
    }
    let session = state.auth.begin_session(account).await?;
    Ok(visitor.cookie(Some(session.expose())))
}

/// `POST /logout`
pub(super) async fn sign_out(
    State(state): State<WebState>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    state.auth.end_session(&posted.session).await?;
    let cookies = AppendHeaders([(header::SET_COOKIE, posted.visitor.cookie(None))]);
    Ok((cookies, Redirect::to("/")).into_response())
}

/// A session may do all that the account may, so a token that may only read is not enough for one.
async fn by_token(state: &WebState, token: &str) -> Result<Option<AccountId>, PageError> {
    match state.auth.authenticate_token(token).await {
        Ok(principal) => Ok(principal
            .account
            .as_ref()
            .filter(|account| principal.may(Action::ManageTokens, Object::Account(account.id)))
            .map(|account| account.id)),
        Err(AuthError::BadToken) => Ok(None),
        Err(AuthError::Store(error)) => Err(error.into()),
    }
}

async fn by_password(
    state: &WebState,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<Option<AccountId>, PageError> {
    if password.chars().count() > *PASSWORD_LENGTH.end() {
        return Ok(None);
    }
    if !state.attempts.may_sign_in(name, address) {
        return Err(PageError::TooMany(
            "Too many wrong passwords. Wait five minutes, or sign in with a token.".to_owned(),
        ));
    }
    match state.auth.check_password(name, password, address).await {
        Ok(account) => {
            state.attempts.signed_in(name, address);
            Ok(Some(account))
        }
        Err(AuthError::BadToken) => Ok(None),
        Err(AuthError::Store(error)) => Err(error.into()),
    }
}

/// The page with its forms, after what was tried.
pub(super) async fn form(
    state: &WebState,
    visitor: &PageRequest,
    next: String,
    tried: Tried,
) -> Result<Response, PageError> {
    let frame = Frame {
        leads_to: authorize::leads_to(state, visitor, &next).await?,
        ..visitor.frame()
    };
    Ok(show(
        &frame.clone(),
        &LoginPage {
            frame,
            quoted_next: quoted(&next),
            next,
            provider: title(state).unwrap_or_default().to_owned(),
            tried,
        },
    ))
}

/// An address to go on to, which is one of ours: what else stands there leads to the start.
pub(super) fn inside(next: &str) -> &str {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    // A browser takes these out of a path before it asks for it (URL Standard, "single-dot URL path segment").
    let dots = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|letter: char| letter == '\\' || letter.is_control())
        && !path.split('/').any(dots)
        // A Space below this origin is not one of our pages.
        && !next.starts_with("/run/");
    if own { next } else { "/" }
}

/// What the button calls the provider; `None` where there is none.
pub(super) fn title(state: &WebState) -> Option<&str> {
    state
        .auth
        .provider()
        .map(|_| state.config.oidc.title.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for own in ["/", "/new?x=1", "/spaces/a/b", "/spaces/a/b.c?d=../e"] {
            assert_eq!(inside(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/run/a/b/",
            "/\t/evil.example",
            "/./run/a/b/",
            "/x/..//run/a/b/",
            "/%2E/run/a/b/",
            "/.%2e/run/a/b/",
            "/\u{1}",
        ] {
            assert_eq!(inside(other), "/", "{other}");
        }
    }
}
