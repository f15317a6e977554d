//! Organisations and who is in them.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::accounts::{everything_of, operator};
use super::extract::JsonBody;
use super::operator::understood;
use super::{ApiError, ApiState};
use crate::auth::Action;
use crate::domain::{Account, AccountKind, MemberRole, Owner, RepoKind};
use crate::store::{StoreError, Taken};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrganization {
    name: String,
    /// The first member; whoever asks, if nobody is named.
    admin: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberRequest {
    role: MemberRole,
}

/// `POST /api/admin/organizations`: operators alone, as an organisation has quotas of its own.
pub(super) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let asking = operator(&state, &headers).await?;
    let wanted: NewOrganization = understood(wanted)?;
    let name: Owner = wanted
        .name
        .parse()
        .map_err(|error| ApiError::bad_request(format!("`{}`: {error}", wanted.name)))?;
    let admin = match wanted.admin {
        Some(admin) => user(&state, &admin).await?,
        None => asking.clone(),
    };
    let made = state
        .auth
        .create_organization(asking.id, &name, &admin)
        .await;
    match made {
        Err(StoreError::Taken { what: Taken::Owner }) => {
            Err(ApiError::conflict(format!("There is an account `{name}`")))
        }
        Err(error) => Err(error.into()),
        Ok(made) => {
            let body = json!({"name": made.name, "admin": admin.name});
            Ok((StatusCode::CREATED, Json(body)))
        }
    }
}

/// `GET /api/organizations/{name}/overview`
pub(super) async fn overview(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let organization = organization(&state, &name).await?;
    let all = everything_of(&state, &organization, &principal).await?;
    let count = |kind| all.iter().filter(|repo| repo.kind == kind).count();
    let members = state.store.members(organization.id).await?;
    Ok(Json(json!({
        "name": organization.name,
        "fullname": organization.name,
        "type": "org",
        "avatarUrl": "",
        "numUsers": members.len(),
        "numModels": count(RepoKind::Model),
        "numDatasets": count(RepoKind::Dataset),
        "numSpaces": count(RepoKind::Space),
        "numFollowers": 0,
    })))
}

/// `GET /api/organizations/{name}/members`
pub(super) async fn members(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Vec<Value>>, ApiError> {
    state.auth.authenticate(&headers).await?;
    let organization = organization(&state, &name).await?;
    let members = state.store.members(organization.id).await?;
    let listed = members.iter().map(|one| {
        json!({"user": one.name, "fullname": one.name, "avatarUrl": "", "type": "user", "role": one.role})
    });
    Ok(Json(listed.collect()))
}

/// `PUT /api/organizations/{name}/members/{user}`
pub(super) async fn set_member(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((name, member)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let organization = administered(&state, &headers, &name).await?;
    let wanted: MemberRequest = understood(wanted)?;
    let member = user(&state, &member).await?;
    state
        .store
        .set_member(organization.id, member.id, wanted.role)
        .await?;
    Ok(Json(json!({"user": member.name, "role": wanted.role})))
}

/// `DELETE /api/organizations/{name}/members/{user}`
pub(super) async fn remove_member(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((name, member)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let organization = administered(&state, &headers, &name).await?;
    let member = user(&state, &member).await?;
    if state
        .lifecycle
        .remove_member(organization.id, member.id)
        .await?
    {
        Ok(Json(json!({})))
    } else {
        Err(ApiError::not_found(format!(
            "{} is not in {}",
            member.name, organization.name
        )))
    }
}

async fn administered(
    state: &ApiState,
    headers: &HeaderMap,
    name: &str,
) -> Result<Account, ApiError> {
    let caller = Caller::of(state, headers).await?;
    let organization = organization(state, name).await?;
    if caller.principal.may_choose_members(organization.id) {
        return Ok(organization);
    }
    // A token that reaches no further says so; any other is of an account that is no admin there.
    caller.must(Action::ManageTokens, caller.own())?;
    Err(ApiError::forbidden(format!(
        "Only admins of {} may choose its members",
        organization.name
    )))
}

async fn organization(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let found = find(state, name, AccountKind::Organization).await?;
    found.ok_or_else(|| ApiError::not_found(format!("There is no organization `{name}`")))
}

async fn user(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let found = find(state, name, AccountKind::User).await?;
    found.ok_or_else(|| ApiError::not_found(format!("There is no user `{name}`")))
}

async fn find(
    state: &ApiState,
    name: &str,
    kind: AccountKind,
) -> Result<Option<Account>, ApiError> {
    let Ok(name) = name.parse::<Owner>() else {
        return Ok(None);
    };
    let found = state.store.account_by_name(&name).await?;
    Ok(found.filter(|account| account.kind == kind))
}
