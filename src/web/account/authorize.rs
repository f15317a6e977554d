//! Signing in at a Space: the page that asks whether the Space may know who somebody is.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::auth::{Action, Authorization, AuthorizationRequest, OAuthError, RedirectUri};
use crate::domain::{Account, OAuthApp, OAuthScope, OAuthScopes, Space, now};
use crate::web::error::show;
use crate::web::form::{Fields, PostedForm};
use crate::web::page_request::{Frame, PageRequest, quoted};
use crate::web::{PageError, WebState};

/// A Space that asks, and where its answer goes.
struct Asker {
    space: Space,
    app: OAuthApp,
    back: RedirectUri,
}

#[derive(Template)]
#[template(path = "authorize.html", config = "src/web/askama.toml")]
struct ConsentPage {
    frame: Frame,
    /// The Space's title, and its full name.
    title: String,
    space: String,
    owner: String,
    name: String,
    /// What the Space is given, in sentences.
    gives: Vec<&'static str>,
    /// Where it leads.
    origin: String,
    asked: AuthorizationRequest,
}

/// Where the page is.
const PATH: &str = "/oauth/authorize";

/// `GET /oauth/authorize` (RFC 6749 §4.1.1)
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    asked: Result<Query<AuthorizationRequest>, QueryRejection>,
) -> Result<Response, PageError> {
    // A parameter that is there twice would be read by one as the first and by another as the second.
    let asked = asked
        .map_err(|error| PageError::BadRequest(error.body_text()))?
        .0;
    let asker = Asker::of(&state, &visitor, &asked).await?;
    let scopes = match asked.check(&asker.app) {
        Ok(scopes) => scopes,
        Err(error) => return Ok(asker.refuse(&asked, &error)),
    };
    let (_, account) = match visitor.signed_in() {
        Err(_) if asked.is_silent() => {
            let error = OAuthError::new("login_required", "nobody is signed in on this server");
            return Ok(asker.refuse(&asked, &error));
        }
        other => other?,
    };
    asker.admits(&state, &visitor, account).await?;
    let before = state.auth.allowed_before(account.id, &asker.space).await?;
    let known = before.covers(scopes) && scopes != OAuthScopes::default();
    if known && !asked.asks_again() {
        return Ok(asker.allow(&state, &asked, account, scopes));
    }
    if asked.is_silent() {
        let error = OAuthError::new("consent_required", "this account has not allowed it yet");
        return Ok(asker.refuse(&asked, &error));
    }
    let metadata = state.cards.metadata(&asker.space).await?;
    let frame = Frame {
        leads_to: asker.back.origin().to_owned(),
        ..visitor.frame()
    };
    Ok(show(
        &frame.clone(),
        &ConsentPage {
            title: metadata.title(&asker.space),
            space: asker.space.name.to_string(),
            owner: asker.space.name.owner.to_string(),
            name: account.name.to_string(),
            gives: gives(scopes),
            origin: asker.back.origin().to_owned(),
            asked,
            frame,
        },
    ))
}

/// `POST /oauth/authorize`: what was asked, and `answer`, which is `yes` or `no`.
pub(super) async fn answer(
    State(state): State<WebState>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let asked = request_of(&posted.fields);
    let asker = Asker::of(&state, &posted.visitor, &asked).await?;
    let scopes = match asked.check(&asker.app) {
        Ok(scopes) => scopes,
        Err(error) => return Ok(asker.refuse(&asked, &error)),
    };
    asker
        .admits(&state, &posted.visitor, &posted.account)
        .await?;
    match posted.fields.get("answer") {
        "yes" => Ok(asker.allow(&state, &asked, &posted.account, scopes)),
        _ => {
            let error = OAuthError::new("access_denied", "the user has denied it");
            Ok(asker.refuse(&asked, &error))
        }
    }
}

/// Where the form on the way to such a page may lead in the end: the Space's origin, or nowhere else.
pub(super) async fn leads_to(
    state: &WebState,
    visitor: &PageRequest,
    next: &str,
) -> Result<String, PageError> {
    let query = match next.split_once('?') {
        Some((PATH, query)) => query,
        _ => return Ok(String::new()),
    };
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, client)) = pairs.find(|(key, _)| *key == "client_id") else {
        return Ok(String::new());
    };
    let space = state.auth.oauth_client(client).await?;
    Ok(space.map_or_else(String::new, |space| {
        origins(state, visitor, &space).join(" ")
    }))
}

/// Where browsers find the Space: as this one came, and as everybody is told.
fn origins(state: &WebState, visitor: &PageRequest, space: &Space) -> Vec<String> {
    let config = &state.config;
    let mut origins = vec![visitor.base_url.origin(config, space)];
    let told = config
        .addresses(config.listen.port())
        .space(&space.subdomain);
    if !origins.contains(&told) {
        origins.push(told);
    }
    origins
}

fn request_of(fields: &Fields) -> AuthorizationRequest {
    let field = |name| fields.raw(name).to_owned();
    AuthorizationRequest {
        client_id: field("client_id"),
        redirect_uri: field("redirect_uri"),
        response_type: field("response_type"),
        response_mode: String::new(),
        scope: field("scope"),
        state: field("state"),
        nonce: field("nonce"),
        code_challenge: field("code_challenge"),
        code_challenge_method: field("code_challenge_method"),
        prompt: String::new(),
    }
}

/// What the Space is given, in sentences.
fn gives(scopes: OAuthScopes) -> Vec<&'static str> {
    let sentences = scopes.iter().map(|scope| match scope {
        OAuthScope::OpenId => "recognise you when you come back",
        OAuthScope::Profile => "see your account’s name",
        OAuthScope::Email => "see your e-mail address, if this server knew one",
        OAuthScope::ReadMemberships => "see which organisations you are in, and your role there",
        OAuthScope::ReadRepos => "read your Spaces, models and datasets, including private ones",
        OAuthScope::WriteRepos => {
            "read and publish to your Spaces, models and datasets, including private ones"
        }
        OAuthScope::ManageRepos => {
            "create, change and delete your Spaces, models and datasets, including private ones"
        }
    });
    sentences.collect()
}

// === impl Asker ===

impl Asker {
    /// The Space that a request names. What is wrong up to here is told to whoever looks, for there is nobody to be led
    /// back to (RFC 6749 §4.1.2.1).
    async fn of(
        state: &WebState,
        visitor: &PageRequest,
        asked: &AuthorizationRequest,
    ) -> Result<Self, PageError> {
        let bad = |text: &str| PageError::BadRequest(text.to_owned());
        let space = state.auth.oauth_client(&asked.client_id).await?;
        let space =
            space.ok_or_else(|| bad("No Space on this server is known by this client_id."))?;
        let app = state.cards.oauth_app(&space).await?;
        let app = app.ok_or_else(|| {
            bad("This Space does not sign people in: its card does not say `hf_oauth: true`, or not in a way that can be read.")
        })?;
        let origins = origins(state, visitor, &space);
        let back = RedirectUri::on(&origins, &asked.redirect_uri);
        let back = back.ok_or_else(|| {
            PageError::BadRequest(format!(
                "The app asks to lead you to an address that is not its own (redirect_uri). It must begin with {}/.",
                origins[0]
            ))
        })?;
        Ok(Self { space, app, back })
    }

    /// Turns away whoever may not know of the Space, and whom its card does not let in.
    async fn admits(
        &self,
        state: &WebState,
        visitor: &PageRequest,
        account: &Account,
    ) -> Result<(), PageError> {
        if !visitor.principal.may(Action::Visit, &self.space) {
            return Err(PageError::NotFound);
        }
        if state.auth.may_sign_in(account.id, &self.app).await? {
            return Ok(());
        }
        let organizations = self.app.organizations.iter();
        let names: Vec<_> = organizations.map(ToString::to_string).collect();
        Err(PageError::Forbidden(format!(
            "Only members of {} can sign in at this Space. You are {}.",
            names.join(" or "),
            account.name
        )))
    }

    /// Leads back with a code.
    fn allow(
        &self,
        state: &WebState,
        asked: &AuthorizationRequest,
        account: &Account,
        scopes: OAuthScopes,
    ) -> Response {
        let code = state.auth.issue_code(Authorization {
            account: account.id,
            space: self.space.id,
            owner: self.space.owner,
            redirect_uri: asked.redirect_uri.clone(),
            scopes,
            nonce: asked.nonce.clone(),
            challenge: asked.code_challenge.clone(),
            at: now(),
        });
        self.lead_back(asked, vec![("code", quoted(code.expose()))])
    }

    /// Leads back with what is wrong.
    fn refuse(&self, asked: &AuthorizationRequest, error: &OAuthError) -> Response {
        let description = quoted(&error.description);
        self.lead_back(
            asked,
            vec![
                ("error", error.word.to_owned()),
                ("error_description", description),
            ],
        )
    }

    fn lead_back(
        &self,
        asked: &AuthorizationRequest,
        mut pairs: Vec<(&'static str, String)>,
    ) -> Response {
        if !asked.state.is_empty() {
            pairs.push(("state", quoted(&asked.state)));
        }
        Redirect::to(&self.back.with(&pairs)).into_response()
    }
}
