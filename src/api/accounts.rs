//! Who is asking, and what accounts and tokens there are.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Caller, JsonBody};
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::{hash_token, new_token};
use crate::domain::{Account, AccountId, Owner, RepoKind, Repository, Role, Scope};
use crate::store::{ListSpaces, NewToken, StoreError, Taken};

#[derive(Debug, Deserialize)]
pub(super) struct NewUser {
    name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TokenRequest {
    name: String,
    scope: Option<String>,
}

/// `GET /api/whoami-v2`
pub(super) async fn whoami(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
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
        "orgs": [],
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
        .ok_or_else(unknown)?;
    let asking = principal.account.as_ref().map(|asking| asking.id);
    let all = everything_of(&state, &account, asking).await?;
    let count = |kind| all.iter().filter(|repo| repo.kind == kind).count();
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
        "orgs": [],
    })))
}

/// `GET /api/organizations/{name}/{*rest}`: only people own Spaces so far.
pub(super) async fn organization(Path((name, _)): Path<(String, String)>) -> ApiError {
    ApiError::not_found(format!("There is no organization `{name}`"))
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
    operator(&state, &headers).await?;
    let name: Owner = wanted
        .name
        .parse()
        .map_err(|error| ApiError::bad_request(format!("`{}`: {error}", wanted.name)))?;
    let account = match state.store.create_account(&name, Role::User).await {
        Err(StoreError::Taken { what: Taken::Owner }) => {
            return Err(ApiError::conflict(format!("There is an account `{name}`")));
        }
        other => other?,
    };
    let token = add_token(&state, account.id, "first".to_owned(), Scope::Write).await?;
    let body = json!({ "name": account.name.as_str(), "token": token });
    Ok((StatusCode::CREATED, Json(body)))
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
        .map(|account| json!({ "name": account.name.as_str(), "role": account.role }))
        .collect();
    Ok(Json(listed.into()))
}

/// `POST /api/tokens`: another token for the caller's own account, shown this once.
pub(super) async fn create_token(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<TokenRequest>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let caller = Caller::writer(&state, &headers).await?;
    let word = wanted.scope.as_deref().unwrap_or("write");
    let scope = Scope::from_word(word).ok_or_else(|| {
        ApiError::bad_request(format!("`{word}` is no scope; `read` and `write` are"))
    })?;
    let name = wanted.name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.contains(char::is_control) {
        return Err(ApiError::bad_request(
            "A token's name has 1 to 64 characters",
        ));
    }
    let token = add_token(&state, caller.account.id, name.to_owned(), scope).await?;
    let body = json!({ "name": name, "scope": scope, "token": token });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/tokens`: the names of the caller's own tokens.
pub(super) async fn list_tokens(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let tokens = state.store.list_tokens(caller.account.id).await?;
    let listed: Vec<_> = tokens
        .iter()
        .map(|token| json!({ "name": token.name, "scope": token.scope, "expiresAt": token.expires_at.map(date) }))
        .collect();
    Ok(Json(listed.into()))
}

/// `DELETE /api/tokens/{name}`: ends one of the caller's own tokens at once.
pub(super) async fn delete_token(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::writer(&state, &headers).await?;
    if state.store.delete_token(caller.account.id, &name).await? {
        Ok(Json(json!({})))
    } else {
        Err(ApiError::not_found(format!("You have no token `{name}`")))
    }
}

/// What an account has that somebody may see, at most a page of each kind.
async fn everything_of(
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

async fn operator(state: &ApiState, headers: &HeaderMap) -> Result<Account, ApiError> {
    let caller = Caller::writer(state, headers).await?;
    if caller.account.role == Role::Operator {
        Ok(caller.account)
    } else {
        Err(ApiError::forbidden(
            "Only operators of this server may do this",
        ))
    }
}

async fn add_token(
    state: &ApiState,
    account: AccountId,
    name: String,
    scope: Scope,
) -> Result<String, ApiError> {
    let (token, hash) = new_token();
    let record = NewToken {
        account,
        name,
        scope,
        hash,
        expires_at: None,
    };
    match state.store.create_token(record).await {
        Err(StoreError::Taken { .. }) => Err(ApiError::conflict("You have a token of that name")),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(token.expose().to_owned()),
    }
}
