//! What operators do on their console.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::accounts;
use super::quotas::{self, Changed};
use super::{Asked, Outcome, Tab, render};
use crate::domain::{Account, AccountKind, Owner, SpaceId};
use crate::store::{Actor, StoreError, Taken};
use crate::web::form::{Fields, PostedForm};
use crate::web::page_request::quoted;
use crate::web::{PageError, WebState};

/// Characters of a reason.
const MAX_REASON: usize = 500;

/// `POST /operator`: `do` names what an operator does. The answer is the part of the console that the form stood in.
pub(super) async fn act(
    State(state): State<WebState>,
    Query(asked): Query<Asked>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let operator = posted.visitor.operator()?.clone();
    let fields = &posted.fields;
    if fields.get("do") == "quota" {
        return set_quota(&state, &posted, &operator).await;
    }
    match apply(&state, &operator, fields).await {
        Ok(None) if fields.get("do") == "organization" => {
            let (page, name) = (Tab::Accounts.address(), quoted(fields.get("name")));
            let to = format!("{page}&owner={name}&done=organization");
            Ok(Redirect::to(&to).into_response())
        }
        Ok(None) => Ok(Redirect::to(&posted.visitor.here).into_response()),
        Ok(Some((account, token))) => {
            let outcome = Outcome {
                account,
                token,
                reset: fields.get("do") == "reset",
                ..Outcome::default()
            };
            // Wherever it was asked for: the token has no other way out.
            accounts::page(&state, &posted.visitor, &asked, outcome).await
        }
        Err(PageError::BadRequest(problem)) => {
            let outcome = Outcome {
                problem,
                ..Outcome::default()
            };
            let page = render(&state, &posted.visitor, &asked, outcome).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

async fn set_quota(
    state: &WebState,
    posted: &PostedForm,
    operator: &Account,
) -> Result<Response, PageError> {
    match quotas::change(state, operator, &posted.fields).await? {
        Changed::Done(owner) => {
            let to = format!("{}&owner={owner}&done=quota", Tab::Quotas.address());
            Ok(Redirect::to(&to).into_response())
        }
        Changed::Refused(form) => {
            let outcome = Outcome {
                quota: Some(form),
                ..Outcome::default()
            };
            let asked = Asked::default();
            let page = quotas::page(state, &posted.visitor, &asked, outcome).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

/// Does it; an account's name and its new token, if that is what it was.
async fn apply(
    state: &WebState,
    operator: &Account,
    fields: &Fields,
) -> Result<Option<(String, String)>, PageError> {
    let bad = |text: &str| Err(PageError::BadRequest(text.to_owned()));
    let space = || -> Result<SpaceId, PageError> {
        let id = fields.get("space").parse();
        id.map_err(|_| PageError::BadRequest("This Space does not exist.".to_owned()))
    };
    let by = Actor::Account(operator.id);
    match fields.get("do") {
        "hold" => {
            let reason: String = fields.get("reason").chars().take(MAX_REASON).collect();
            if reason.is_empty() {
                return bad("Enter a reason. The Space's owner will see it.");
            }
            let space = space()?;
            state
                .lifecycle
                .set_disabled(space, Some(reason), by)
                .await?;
        }
        "release" => {
            let space = space()?;
            state.lifecycle.set_disabled(space, None, by).await?;
        }
        "pause" => {
            state.lifecycle.pause(space()?, by).await?;
        }
        "close" => {
            state.store.close_report(fields.get("report"), by).await?;
        }
        "account" => {
            return add_account(state, operator, fields.get("name"))
                .await
                .map(Some);
        }
        "reset" => {
            let user = user(state, fields.get("name")).await?;
            let token = state.auth.reset_user(operator.id, &user).await?;
            return Ok(Some((user.name.to_string(), token.expose().to_owned())));
        }
        "organization" => {
            add_organization(state, operator, fields).await?;
        }
        _ => return bad("This action does not exist."),
    }
    Ok(None)
}

async fn add_account(
    state: &WebState,
    operator: &Account,
    name: &str,
) -> Result<(String, String), PageError> {
    let owner = named(name)?;
    let made = state.auth.create_user(operator.id, &owner).await;
    let (_, token) = made.map_err(|error| or_taken(error, &owner))?;
    Ok((owner.to_string(), token.expose().to_owned()))
}

async fn add_organization(
    state: &WebState,
    operator: &Account,
    fields: &Fields,
) -> Result<(), PageError> {
    let name = named(fields.get("name"))?;
    let admin = user(state, fields.get("admin")).await?;
    let made = state
        .auth
        .create_organization(operator.id, &name, &admin)
        .await;
    made.map_err(|error| or_taken(error, &name))?;
    Ok(())
}

async fn user(state: &WebState, name: &str) -> Result<Account, PageError> {
    let name = named(name)?;
    let found = state.store.account_by_name(&name).await?;
    found
        .filter(|account| account.kind == AccountKind::User)
        .ok_or_else(|| PageError::BadRequest(format!("Account `{name}` not found.")))
}

fn named(text: &str) -> Result<Owner, PageError> {
    text.parse()
        .map_err(|error| PageError::BadRequest(format!("`{text}`: {error}")))
}

fn or_taken(error: StoreError, name: &Owner) -> PageError {
    match error {
        StoreError::Taken { what: Taken::Owner } => {
            PageError::BadRequest(format!("The account `{name}` already exists."))
        }
        other => other.into(),
    }
}
