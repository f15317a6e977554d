//! Who is in an organisation: chosen on its page, by its admins and by operators.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::{Asked, Outcome, render};
use crate::domain::{Account, AccountKind, MemberRole};
use crate::lifecycle::LifecycleError;
use crate::store::StoreError;
use crate::web::form::{Fields, PostedForm};
use crate::web::{PageError, WebState};

/// `POST /spaces/{owner}`: `do` is `member`, with `name` and `role`, or `leave`, with `name`.
pub(super) async fn change(
    State(state): State<WebState>,
    Path(owner): Path<String>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let organization = state
        .account_named(&owner)
        .await?
        .filter(|account| account.kind == AccountKind::Organization)
        .ok_or(PageError::NotFound)?;
    let who = &posted.visitor.principal;
    if !who.may_choose_members(organization.id) {
        return Err(PageError::Forbidden(format!(
            "Only admins of {} can change its members.",
            organization.name
        )));
    }
    match apply(&state, &organization, &posted.fields).await {
        Ok(()) => {
            let to = format!("/spaces/{}?done=members#members", organization.name);
            Ok(Redirect::to(&to).into_response())
        }
        Err(PageError::BadRequest(problem)) => {
            let outcome = Outcome {
                problem,
                name: posted.fields.get("name").chars().take(40).collect(),
            };
            let asked = Asked::default();
            let page = render(&state, &posted.visitor, organization, &asked, outcome).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

async fn apply(state: &WebState, organization: &Account, fields: &Fields) -> Result<(), PageError> {
    let bad = |text: String| Err(PageError::BadRequest(text));
    let found = state.account_named(fields.get("name")).await?;
    let Some(member) = found.filter(|account| account.kind == AccountKind::User) else {
        return bad("There is no account with that name on this server.".to_owned());
    };
    let changed = match fields.get("do") {
        "member" => {
            let Some(role) = MemberRole::from_word(fields.get("role")) else {
                return bad("Choose a role.".to_owned());
            };
            state
                .store
                .set_member(organization.id, member.id, role)
                .await
        }
        "leave" => match (state.lifecycle)
            .remove_member(organization.id, member.id)
            .await
        {
            Err(LifecycleError::Store(error)) => Err(error),
            other => return Ok(other.map(drop)?),
        },
        _ => return bad("This action does not exist.".to_owned()),
    };
    match changed {
        Err(error @ StoreError::LastAdmin) => bad(format!(
            "{} would have no admin left: {error}. Make another member an admin first.",
            organization.name
        )),
        other => Ok(other?),
    }
}
