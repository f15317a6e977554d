//! Who is asking, and what accounts there are.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::extract::JsonBody;
use super::likes::seen_likes;
use super::operator::{account_named, understood};
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::{Action, Credential, Object, Principal};
use crate::domain::{Account, AccountKind, Owner, RepoKind, Repository, Scope};
use crate::store::{ListSpaces, StoreError, Taken};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
}

/// Rows read from the store at a time.
const PAGE: i64 = 1000;

/// `GET /api/whoami-v2`
pub(super) async fn whoami(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ReadAccount).await?;
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
    let scope = caller.principal.credential.map(Credential::scope);
    let role = scope.unwrap_or(Scope::Read).as_str();
    let token = state.auth.token_of(&headers).await?.map(|token| token.name);
    // Where there is no bearer token, it came in another way; the clients want a name for it all the same.
    let token = token.unwrap_or_else(|| name.to_owned());
    Ok(Json(json!({
        "type": "user",
        "id": caller.account.id.to_string(),
        "name": name,
        "fullname": name,
        "email": null,
        "isPro": false,
        "isOperator": caller.may(Action::Operate, Object::Server),
        "avatarUrl": "",
        "orgs": orgs,
        "auth": { "type": "access_token", "accessToken": { "displayName": token, "role": role } },
    })))
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
    let all = everything_of(&state, &account, &principal).await?;
    let likes = seen_likes(&state, &principal, account.id).await?;
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
        "numLikes": likes.len(),
        "orgs": orgs,
    })))
}

/// `GET /api/settings/repositories`: the caller's own, newest change first.
pub(super) async fn repositories(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let mut own = everything_of(&state, &caller.account, &caller.principal).await?;
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
    JsonBody(wanted): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let who = operator(&state, &headers).await?;
    let wanted: NewUser = understood(wanted)?;
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

/// What an account has that the principal may visit.
pub(super) async fn everything_of(
    state: &ApiState,
    owner: &Account,
    principal: &Principal,
) -> Result<Vec<Repository>, ApiError> {
    let mut all = Vec::new();
    for kind in RepoKind::ALL {
        let mut list = ListSpaces {
            owner: Some(owner.name.clone()),
            visible_to: principal.account.as_ref().map(|account| account.id),
            everything: principal.looks_everywhere(),
            limit: PAGE,
            ..ListSpaces::default()
        };
        loop {
            let page = match kind {
                RepoKind::Space => {
                    let spaces = state.store.list_spaces(&list).await?;
                    spaces.iter().map(Repository::from).collect()
                }
                kind => state.store.list_repositories(kind, &list).await?,
            };
            let is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            list.after = page.last().map(|last| (last.updated_at, last.id));
            // The store knows the account, but not how far its token reaches.
            all.extend(
                page.into_iter()
                    .filter(|repo| principal.may(Action::Visit, repo)),
            );
            if is_last {
                break;
            }
        }
    }
    Ok(all)
}

/// The caller, who must be an operator.
///
/// # Errors
/// 401 and 403.
pub(super) async fn operator(state: &ApiState, headers: &HeaderMap) -> Result<Account, ApiError> {
    let caller = Caller::of_server(state, headers, Action::Operate).await?;
    Ok(caller.account)
}
