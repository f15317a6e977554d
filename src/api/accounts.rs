//! Who is asking, and what accounts there are.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::extract::JsonBody;
use super::operator::account_named;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::hash_token;
use crate::domain::{Account, AccountId, AccountKind, Owner, RepoKind, Repository, Role, Scope};
use crate::store::{ListSpaces, StoreError, Taken};

#[derive(Debug, Deserialize)]
pub(super) struct NewUser {
    name: String,
}

/// `GET /api/whoami-v2`
pub(super) async fn whoami(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let orgs: Vec<_> = caller
        .principal
        .memberships
        .iter()
        .map(|one| {
            json!({
                "type": "org",
                "id": one.organization.to_string(),
                "name": one.name,
                "fullname": one.name,
                "avatarUrl": "",
                "roleInOrg": one.role,
            })
        })
        .collect();
    let name = caller.account.name.as_str();
    let role = caller.principal.scope.unwrap_or(Scope::Read).as_str();
    let token = token_name(&state, &headers).await?;
    // Where there is no bearer token, it came in another way; the clients want a name for it all the same.
    let token = token.unwrap_or_else(|| name.to_owned());
    Ok(Json(json!({
        "type": "user",
        "id": caller.account.id.to_string(),
        "name": name,
        "fullname": name,
        "email": null,
        "isPro": false,
        "isOperator": caller.account.role == Role::Operator,
        "avatarUrl": "",
        "orgs": orgs,
        "auth": { "type": "access_token", "accessToken": { "displayName": token, "role": role } },
    })))
}

/// What the account calls the bearer token of a request.
async fn token_name(state: &ApiState, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((_, token)) = value.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let record = state
        .store
        .token_by_hash(&hash_token(token.trim()), now)
        .await?;
    Ok(record.map(|record| record.name))
}

/// `GET /api/users/{user}/overview`
pub(super) async fn overview(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let unknown = || ApiError::not_found(format!("There is no account `{user}`"));
    let name: Owner = user.parse().map_err(|_| unknown())?;
    let account = state
        .store
        .account_by_name(&name)
        .await?
        .filter(|account| account.kind == AccountKind::User)
        .ok_or_else(unknown)?;
    let asking = principal.account.as_ref().map(|asking| asking.id);
    let all = everything_of(&state, &account, asking).await?;
    let count = |kind| all.iter().filter(|repo| repo.kind == kind).count();
    let memberships = state.store.memberships(account.id).await?;
    let orgs: Vec<_> = memberships
        .iter()
        .map(|one| json!({"name": one.name, "fullname": one.name, "avatarUrl": ""}))
        .collect();
    Ok(Json(json!({
        "user": account.name.as_str(),
        "fullname": account.name.as_str(),
        "type": "user",
        "avatarUrl": "",
        "isPro": false,
        "numModels": count(RepoKind::Model),
        "numDatasets": count(RepoKind::Dataset),
        "numSpaces": count(RepoKind::Space),
        "numLikes": state.store.likes_of(account.id).await?.len(),
        "orgs": orgs,
    })))
}

/// `GET /api/settings/repositories`: the caller's own, newest change first.
pub(super) async fn repositories(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let mut own = everything_of(&state, &caller.account, Some(caller.account.id)).await?;
    own.sort_by_key(|repo| std::cmp::Reverse(repo.updated_at));
    let listed: Vec<_> = own
        .iter()
        .map(|repo| {
            json!({
                "id": repo.name.to_string(),
                "type": repo.kind,
                "updatedAt": date(repo.updated_at),
                "visibility": repo.visibility,
                "storage": 0,
                "storagePercent": 0,
            })
        })
        .collect();
    Ok(Json(listed.into()))
}

/// `POST /api/admin/users`: makes an account and a token for it, which is shown this once.
pub(super) async fn create_user(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let who = operator(&state, &headers).await?;
    let name: Owner = wanted
        .name
        .parse()
        .map_err(|error| ApiError::bad_request(format!("`{}`: {error}", wanted.name)))?;
    let (account, token) = match state.auth.create_user(who.id, &name).await {
        Err(StoreError::Taken { what: Taken::Owner }) => {
            return Err(ApiError::conflict(format!("There is an account `{name}`")));
        }
        other => other?,
    };
    let body = json!({ "name": account.name.as_str(), "token": token.expose() });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `POST /api/admin/users/{user}/reset`: ends the account's sessions, tokens and password, and makes one token for it, which
/// is shown this once.
pub(super) async fn reset_user(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let who = operator(&state, &headers).await?;
    let account = account_named(&state, &name).await?;
    if account.kind != AccountKind::User {
        let text = format!("`{name}` is an organisation: nobody signs in as it");
        return Err(ApiError::bad_request(text));
    }
    let token = state.auth.reset_user(who.id, &account).await?;
    let body = json!({ "name": account.name.as_str(), "token": token.expose() });
    Ok(Json(body))
}

/// `GET /api/admin/users`
pub(super) async fn list_users(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    operator(&state, &headers).await?;
    let accounts = state.store.list_accounts().await?;
    let listed: Vec<_> = accounts
        .iter()
        .map(|account| json!({ "name": account.name.as_str(), "role": account.role, "type": account.kind }))
        .collect();
    Ok(Json(listed.into()))
}

/// What an account has that somebody may see, at most a page of each kind.
pub(super) async fn everything_of(
    state: &ApiState,
    owner: &Account,
    visible_to: Option<AccountId>,
) -> Result<Vec<Repository>, ApiError> {
    let list = ListSpaces {
        owner: Some(owner.name.clone()),
        visible_to,
        ..ListSpaces::default()
    };
    let spaces = state.store.list_spaces(&list).await?;
    let mut all: Vec<_> = spaces.iter().map(Repository::from).collect();
    for kind in [RepoKind::Model, RepoKind::Dataset] {
        all.extend(state.store.list_repositories(kind, &list).await?);
    }
    Ok(all)
}

/// The caller, who must be an operator.
///
/// # Errors
/// 401 and 403.
pub(super) async fn operator(state: &ApiState, headers: &HeaderMap) -> Result<Account, ApiError> {
    let caller = Caller::writer(state, headers).await?;
    if caller.account.role == Role::Operator {
        Ok(caller.account)
    } else {
        Err(ApiError::forbidden(
            "Only operators of this server may do this",
        ))
    }
}
