//! Forms: what was sent, and whether one of our own pages sent it.
//!
//! Spaces live beside the hub, on the same site where a browser counts sites, so a cookie that is `SameSite=Lax` comes
//! along with what their pages send. Two things tell our pages from theirs: the browser names the origin of the page, and
//! the form carries a token that only pages of this session hold.

use axum::RequestExt;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use http::{HeaderMap, StatusCode, header};

use super::page_request::PageRequest;
use super::{PageError, WebState};
use crate::auth::Session;
use crate::domain::Account;

/// A form that a page of this session sent.
#[derive(Debug)]
pub(super) struct PostedForm {
    pub(super) visitor: PageRequest,
    pub(super) session: Session,
    pub(super) account: Account,
    pub(super) fields: Fields,
}

/// A form that needs no session, such as the one that begins one.
#[derive(Debug)]
pub(super) struct OpenForm {
    pub(super) visitor: PageRequest,
    pub(super) fields: Fields,
}

/// What a form says.
#[derive(Debug, Default, Clone)]
pub(super) struct Fields(Vec<(String, String)>);

/// The field that carries the token.
pub(super) const FORM_TOKEN: &str = "form";

// === impl Fields ===

impl Fields {
    /// A field without the white space around it; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A field as it was sent.
    pub(super) fn raw(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn add(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }
}

// === impl PostedForm ===

impl FromRequest<WebState> for PostedForm {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, PageError> {
        let OpenForm { visitor, fields } = OpenForm::from_request(request, state).await?;
        let (session, account) = visitor
            .signed_in()
            .map_err(|_| PageError::SignIn(page_of(&visitor.here)))?;
        if !session.is_form_token(fields.raw(FORM_TOKEN)) {
            return Err(PageError::Forged);
        }
        Ok(Self {
            session: session.clone(),
            account: account.clone(),
            visitor,
            fields,
        })
    }
}

impl FromRequest<WebState> for OpenForm {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &WebState) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let visitor = PageRequest::from_request_parts(&mut parts, state).await?;
        check_origin(&parts.headers, &visitor)?;
        let request = Request::from_parts(parts, body);
        let Form(fields) = request
            .extract::<Form<Vec<(String, String)>>, _>()
            .await
            .map_err(unreadable)?;
        Ok(Self {
            visitor,
            fields: Fields(fields),
        })
    }
}

fn unreadable(error: FormRejection) -> PageError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => PageError::TooLarge,
        _ => PageError::BadRequest(error.body_text()),
    }
}

/// Refuses what a browser says another origin's page has sent. A client that says nothing of it is no browser.
///
/// # Errors
/// `Forged`.
pub(super) fn check_origin(headers: &HeaderMap, visitor: &PageRequest) -> Result<(), PageError> {
    let site = headers.get("sec-fetch-site");
    let origin = headers.get(header::ORIGIN);
    let host = |text: &str| {
        text.split_once("://")
            .map(|(_, host)| host.to_ascii_lowercase())
    };
    let own = host(&visitor.base_url.to_string());
    // Behind a proxy that ends TLS the scheme may differ, the host may not.
    let same = origin.is_none_or(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| host(origin).is_some_and(|origin| Some(origin) == own))
    });
    let ours = site.is_none_or(|site| site == "same-origin");
    if same && ours {
        Ok(())
    } else {
        Err(PageError::Forged)
    }
}

/// The page that a form of it was sent from: where forms are sent to is often no page itself.
fn page_of(address: &str) -> String {
    let path = address.split('?').next().unwrap_or("/");
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        ["", "spaces", owner, name, "settings", ..] => {
            format!("/spaces/{owner}/{name}/settings")
        }
        [
            "",
            "spaces",
            _,
            _,
            "edit" | "new" | "delete" | "upload" | "restore",
            ..,
        ] => path.to_owned(),
        ["", "spaces", owner, name, ..] => format!("/spaces/{owner}/{name}"),
        ["", "oauth", ..] => "/".to_owned(),
        ["", first, ..] => format!("/{first}"),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_their_page() {
        for (form, page) in [
            ("/spaces/a/b/like", "/spaces/a/b"),
            ("/spaces/a/b/settings/secrets?x", "/spaces/a/b/settings"),
            ("/spaces/a/b/edit/main/c/d?e", "/spaces/a/b/edit/main/c/d"),
            ("/settings/tokens", "/settings"),
            ("/new", "/new"),
            ("/oauth/authorize", "/"),
        ] {
            assert_eq!(page_of(form), page);
        }
    }
}
