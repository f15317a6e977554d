//! An account's own page: its Spaces, what it holds of its quota, its tokens, its password.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::login;
use crate::auth::{AuthError, PASSWORD_LENGTH, WantedToken, is_token_name, opens_session};
use crate::domain::{Account, Scope};
use crate::store::{ListRepositories, StoreError};
use crate::web::chart::Bar;
use crate::web::error::show;
use crate::web::form::{Fields, PostedForm};
use crate::web::page_request::{Frame, PageRequest};
use crate::web::summary::StageSummary;
use crate::web::usage::Usage;
use crate::web::{PageError, WebState, text};

/// Spaces that are listed.
const MAX_LISTED: i64 = 1000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    done: String,
    #[serde(default)]
    hours: String,
}

struct OwnSpace {
    name: String,
    stage: StageSummary,
    sdk: String,
    visibility: &'static str,
    hardware: String,
    cpu: String,
    memory: String,
    requests: u64,
    /// Why an operator has stopped it; empty if none has.
    held: String,
}

/// What an account may have of a resource.
struct Gauge {
    name: &'static str,
    bar: Bar,
    /// Whether it is counted anew every day.
    daily: bool,
}

/// A Space that the account has signed in at.
struct SignedIn {
    /// Its identifier.
    id: String,
    name: String,
    /// What it may do, in the Hub's words.
    scopes: String,
    since: String,
}

struct Token {
    name: String,
    scope: &'static str,
}

/// What goes with the answer to a form.
#[derive(Default)]
struct Outcome {
    done: String,
    section: &'static str,
    problem: String,
    /// A token on its one way to its owner.
    token: String,
}

#[derive(Template)]
#[template(path = "account.html", config = "src/web/askama.toml")]
struct AccountPage {
    frame: Frame,
    spaces: Vec<OwnSpace>,
    /// Organisations it is in, and what it may do there.
    organizations: Vec<(String, &'static str)>,
    gauges: Vec<Gauge>,
    /// When the day ends within which some resources are counted, and how long that is from now.
    resets: String,
    resets_in: String,
    usage: Usage,
    tokens: Vec<Token>,
    signed_in: Vec<SignedIn>,
    has_password: bool,
    /// What else there is to sign in with; empty for nothing.
    provider: String,
    /// Whether the account is somebody there.
    connected: bool,
    outcome: Outcome,
}

/// `GET /settings`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let outcome = Outcome {
        done: asked.done,
        ..Outcome::default()
    };
    render(&state, &visitor, outcome, &asked.hours).await
}

/// `POST /settings`: `do` names the change.
pub(super) async fn change(
    State(state): State<WebState>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let fields = &posted.fields;
    let word = fields.get("do").to_owned();
    let changed = match word.as_str() {
        "token" => match create_token(&state, &posted.account, fields).await {
            Ok(token) => {
                // Shown this once, so the answer is the page itself.
                let outcome = Outcome {
                    section: "tokens",
                    token,
                    ..Outcome::default()
                };
                return render(&state, &posted.visitor, outcome, "").await;
            }
            Err(error) => Err(error),
        },
        "token-delete" => {
            let name = fields.raw("name");
            state.store.delete_token(posted.account.id, name).await?;
            Ok(())
        }
        "sign-out" => {
            // What is no Space was allowed nothing.
            if let Ok(space) = fields.get("space").parse() {
                let account = posted.account.id;
                state.store.delete_oauth_grants_of(account, space).await?;
            }
            Ok(())
        }
        "password" => set_password(&state, &posted).await,
        "disconnect" => disconnect(&state, &posted).await,
        _ => Err(PageError::BadRequest(
            "This setting does not exist.".to_owned(),
        )),
    };
    let section = match word.as_str() {
        "password" => "password",
        "disconnect" => "provider",
        "sign-out" => "signed-in",
        _ => "tokens",
    };
    match changed {
        Ok(()) => Ok(Redirect::to(&format!("/settings?done={section}#{section}")).into_response()),
        Err(PageError::BadRequest(problem)) => {
            let outcome = Outcome {
                section,
                problem,
                ..Outcome::default()
            };
            let page = render(&state, &posted.visitor, outcome, "").await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

async fn create_token(
    state: &WebState,
    account: &Account,
    fields: &Fields,
) -> Result<String, PageError> {
    let bad = |text: &str| Err(PageError::BadRequest(text.to_owned()));
    let name = fields.get("name");
    if !is_token_name(name) {
        return bad("A token's name must have 1 to 64 characters.");
    }
    let Some(scope) = Scope::from_word(fields.get("scope")) else {
        return bad("Choose what the token may do.");
    };
    let wanted = WantedToken {
        scope,
        ..WantedToken::plain(account.id, name)
    };
    match state.auth.issue_token(wanted).await {
        Err(StoreError::Taken { .. }) => bad("You already have a token with that name."),
        Err(StoreError::TooMany { what }) => bad(&format!("You have reached the limit: {what}.")),
        Err(error) => Err(error.into()),
        Ok(token) => Ok(token.expose().to_owned()),
    }
}

async fn set_password(state: &WebState, posted: &PostedForm) -> Result<(), PageError> {
    let bad = |text: &str| Err(PageError::BadRequest(text.to_owned()));
    let (fields, account) = (&posted.fields, &posted.account);
    let (new, again) = (fields.raw("new"), fields.raw("again"));
    let length = new.chars().count();
    if !PASSWORD_LENGTH.contains(&length) {
        return bad("A password must have 10 to 200 characters.");
    }
    if new != again {
        return bad("The two passwords are not the same.");
    }
    if has_password(state, account).await? {
        // A browser left open must not be enough to lock its owner out.
        if !state
            .attempts
            .may_sign_in(account.name.as_str(), posted.visitor.address)
        {
            return bad("Too many wrong passwords. Wait five minutes.");
        }
        match state
            .auth
            .check_password(
                account.name.as_str(),
                fields.raw("present"),
                posted.visitor.address,
            )
            .await
        {
            Ok(_) => state
                .attempts
                .signed_in(account.name.as_str(), posted.visitor.address),
            Err(AuthError::BadToken) => {
                return bad("The current password is wrong.");
            }
            Err(AuthError::Store(error)) => return Err(error.into()),
        }
    }
    state
        .auth
        .set_password(&posted.session, account.id, new, posted.visitor.address)
        .await?;
    Ok(())
}

/// Signing in at the provider leads to this account no more.
async fn disconnect(state: &WebState, posted: &PostedForm) -> Result<(), PageError> {
    let account = &posted.account;
    let no_other = !has_password(state, account).await?
        && !state
            .store
            .list_tokens(account.id)
            .await?
            .iter()
            .any(opens_session);
    if no_other {
        let text = "You could not sign in any more. Set a password or create a token that may write first.";
        return Err(PageError::BadRequest(text.to_owned()));
    }
    if let Some(issuer) = &state.config.oidc.issuer {
        let session = &posted.session;
        state.auth.disconnect(session, account, issuer).await?;
    }
    Ok(())
}

async fn has_password(state: &WebState, account: &Account) -> Result<bool, PageError> {
    let known = state.store.password(&account.name).await?;
    Ok(known.is_some_and(|(_, hash)| hash.is_some()))
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    outcome: Outcome,
    hours: &str,
) -> Result<Response, PageError> {
    let (_, account) = visitor.signed_in()?;
    let list = ListRepositories {
        owner: Some(account.name.clone()),
        visible_to: Some(account.id),
        limit: MAX_LISTED,
        ..ListRepositories::default()
    };
    let mut spaces = Vec::new();
    for space in state.store.list_spaces(&list).await? {
        let view = state.lifecycle.view(&space).await?;
        spaces.push(OwnSpace {
            name: space.name.to_string(),
            stage: StageSummary::of_view(&view),
            sdk: space.sdk.unwrap_or_default(),
            visibility: space.visibility.as_str(),
            hardware: view
                .hardware_requested
                .map(|hardware| hardware.name)
                .unwrap_or_default(),
            cpu: text::cpu_time(view.usage.cpu_ms),
            memory: text::memory(view.usage.memory_bytes),
            requests: view.usage.requests,
            held: space
                .disabled
                .map(|reason| text::line(&reason, 300))
                .unwrap_or_default(),
        });
    }
    let quota = state.lifecycle.quota(account.id).await?;
    let gauges = quota.lines.iter().map(|line| {
        let shown = |amount| text::amount(line.resource, amount);
        Gauge {
            name: line.resource.noun(),
            bar: Bar::new(line.used, line.limit, shown),
            daily: line.resource.is_daily(),
        }
    });
    let tokens = state.store.list_tokens(account.id).await?;
    let signed_in = state.store.spaces_allowed_by(account.id).await?;
    let memberships = state.store.memberships(account.id).await?;
    let connected = match &state.config.oidc.issuer {
        Some(issuer) => state.store.has_identity(account.id, issuer).await?,
        None => false,
    };
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &AccountPage {
            provider: login::title(state).unwrap_or_default().to_owned(),
            connected,
            organizations: memberships
                .into_iter()
                .map(|one| (one.name.to_string(), one.role.as_str()))
                .collect(),
            gauges: gauges.collect(),
            resets: text::moment(quota.resets_at),
            resets_in: text::until(quota.resets_at),
            usage: Usage::of_owner(state, account.id, hours).await?,
            tokens: tokens
                .into_iter()
                .map(|token| Token {
                    name: token.name,
                    scope: token.scope.as_str(),
                })
                .collect(),
            signed_in: signed_in
                .into_iter()
                .map(|one| SignedIn {
                    id: one.space.to_string(),
                    name: one.name.to_string(),
                    scopes: one.scopes.to_string(),
                    since: text::moment(one.at),
                })
                .collect(),
            has_password: has_password(state, account).await?,
            spaces,
            outcome,
            frame,
        },
    ))
}

// === impl AccountPage ===

impl AccountPage {
    fn problem_of(&self, section: &str) -> &str {
        match self.outcome.section == section {
            true => &self.outcome.problem,
            false => "",
        }
    }

    fn is_done(&self, section: &str) -> bool {
        self.outcome.done == section
    }
}
