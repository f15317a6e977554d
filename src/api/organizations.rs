//! Organisations and who is in them.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::accounts::{everything_of, operator};
use super::answers::{Created, Done};
use super::extract::LaterBody;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::Action;
use crate::domain::{Account, AccountKind, MemberRole, Owner, RepoKind};
use crate::store::{StoreError, Taken};

/// An organisation to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrganization {
    #[schemars(with = "Owner")]
    name: String,
    /// The first member; whoever asks, if nobody is named.
    #[schemars(with = "Option<Owner>")]
    admin: Option<String>,
}

/// An organisation that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreatedOrganization {
    name: Owner,
    admin: Owner,
}

/// What a member is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberRequest {
    role: MemberRole,
}

/// What a member is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MemberFacts {
    user: Owner,
    role: MemberRole,
}

/// An organisation, as anybody may know it; counted is what the asker may see.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrganizationOverview {
    name: Owner,
    fullname: Owner,
    #[serde(rename = "type")]
    kind: &'static str,
    avatar_url: &'static str,
    num_users: usize,
    num_models: usize,
    num_datasets: usize,
    num_spaces: usize,
    num_followers: usize,
}

/// Somebody in an organisation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrganizationMember {
    user: Owner,
    fullname: Owner,
    avatar_url: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: MemberRole,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .post(
            "/api/admin/organizations",
            Access::Operator,
            "Creates an organisation.",
            create,
        )
        .get(
            "/api/organizations/{name}/overview",
            Access::Filtered,
            "Shows an organisation, and how many of its repositories you may see.",
            overview,
        )
        .get(
            "/api/organizations/{name}/members",
            Access::Anyone,
            "Lists the members of an organisation.",
            members,
        )
        .put(
            "/api/organizations/{name}/members/{user}",
            Access::OrganizationAdmin,
            "Adds a user to an organisation, or changes a member's role.",
            set_member,
        )
        .delete(
            "/api/organizations/{name}/members/{user}",
            Access::OrganizationAdmin,
            "Removes a member from an organisation.",
            remove_member,
        )
}

/// `POST /api/admin/organizations`: operators alone, as an organisation has quotas of its own.
async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    wanted: LaterBody<NewOrganization>,
) -> Result<Created<CreatedOrganization>, ApiError> {
    let asking = operator(&state, &headers).await?;
    let wanted = wanted.understood()?;
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
        Err(StoreError::Taken { what: Taken::Owner }) => Err(ApiError::conflict(format!(
            "The account `{name}` already exists"
        ))),
        Err(error) => Err(error.into()),
        Ok(made) => Ok(Created(CreatedOrganization {
            name: made.name,
            admin: admin.name,
        })),
    }
}

/// `GET /api/organizations/{name}/overview`
async fn overview(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<OrganizationOverview>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let organization = organization(&state, &name).await?;
    let all = everything_of(&state, &organization, &principal).await?;
    let count = |kind| all.iter().filter(|repo| repo.kind == kind).count();
    let members = state.store.members(organization.id).await?;
    Ok(Json(OrganizationOverview {
        name: organization.name.clone(),
        fullname: organization.name,
        kind: "org",
        avatar_url: "",
        num_users: members.len(),
        num_models: count(RepoKind::Model),
        num_datasets: count(RepoKind::Dataset),
        num_spaces: count(RepoKind::Space),
        num_followers: 0,
    }))
}

/// `GET /api/organizations/{name}/members`
async fn members(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Vec<OrganizationMember>>, ApiError> {
    state.auth.authenticate(&headers).await?;
    let organization = organization(&state, &name).await?;
    let members = state.store.members(organization.id).await?;
    let listed = members.into_iter().map(|one| OrganizationMember {
        user: one.name.clone(),
        fullname: one.name,
        avatar_url: "",
        kind: "user",
        role: one.role,
    });
    Ok(Json(listed.collect()))
}

/// `PUT /api/organizations/{name}/members/{user}`
async fn set_member(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((name, member)): Path<(String, String)>,
    wanted: LaterBody<MemberRequest>,
) -> Result<Json<MemberFacts>, ApiError> {
    let organization = administered(&state, &headers, &name).await?;
    let wanted = wanted.understood()?;
    let member = user(&state, &member).await?;
    state
        .store
        .set_member(organization.id, member.id, wanted.role)
        .await?;
    Ok(Json(MemberFacts {
        user: member.name,
        role: wanted.role,
    }))
}

/// `DELETE /api/organizations/{name}/members/{user}`
async fn remove_member(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((name, member)): Path<(String, String)>,
) -> Result<Json<Done>, ApiError> {
    let organization = administered(&state, &headers, &name).await?;
    let member = user(&state, &member).await?;
    if state
        .lifecycle
        .remove_member(organization.id, member.id)
        .await?
    {
        Ok(Json(Done {}))
    } else {
        Err(ApiError::not_found(format!(
            "{} is not a member of {}",
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
        "Only admins of {} may change its members",
        organization.name
    )))
}

async fn organization(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let found = find(state, name, AccountKind::Organization).await?;
    found.ok_or_else(|| ApiError::not_found(format!("Organisation `{name}` not found")))
}

async fn user(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let found = find(state, name, AccountKind::User).await?;
    found.ok_or_else(|| ApiError::not_found(format!("User `{name}` not found")))
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
