//! A caller's own tokens: for everything, for reading, or for what they are made for.

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Caller, RepoAccess};
use super::extract::JsonBody;
use super::operator::understood;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::{Action, WantedToken, is_token_name};
use crate::domain::{Grant, GrantTarget, Millis, Owner, RepoKind, Scope};
use crate::store::StoreError;

/// Grants of one token.
const MAX_GRANTS: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenRequest {
    name: String,
    scope: Option<String>,
    /// `2026-12-31T00:00:00Z`
    expires_at: Option<Timestamp>,
    #[serde(default)]
    grants: Vec<GrantRequest>,
}

/// One thing that a fine-grained token may do: with one repository, or with all of an owner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantRequest {
    #[serde(rename = "type")]
    kind: Option<RepoKind>,
    repo: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    write: bool,
}

/// `POST /api/tokens`: another token for the caller's own account, shown this once.
pub(super) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<Value>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ManageTokens).await?;
    let wanted: TokenRequest = understood(wanted)?;
    let word = wanted.scope.as_deref().unwrap_or("write");
    let scope = Scope::from_word(word).ok_or_else(|| {
        ApiError::bad_request(format!(
            "`{word}` is no scope; `read`, `write` and `fineGrained` are"
        ))
    })?;
    let name = wanted.name.trim();
    if !is_token_name(name) {
        return Err(ApiError::bad_request(
            "A token's name has 1 to 64 characters",
        ));
    }
    if (scope == Scope::FineGrained) == wanted.grants.is_empty() {
        return Err(ApiError::bad_request(
            "A token of the scope `fineGrained`, and no other, says what it is for in `grants`",
        ));
    }
    if wanted.grants.len() > MAX_GRANTS {
        return Err(ApiError::bad_request(format!(
            "A token has at most {MAX_GRANTS} grants"
        )));
    }
    let expires_at = wanted.expires_at.map(Timestamp::as_millisecond);
    if expires_at.is_some_and(|at| at <= now()) {
        return Err(ApiError::bad_request("`expiresAt` has passed already"));
    }
    let mut grants = Vec::with_capacity(wanted.grants.len());
    for grant in wanted.grants {
        grants.push(granted(&state, &headers, grant).await?);
    }
    let new = WantedToken {
        account: caller.account.id,
        name: name.to_owned(),
        scope,
        expires_at,
        grants,
    };
    let token = add(&state, new).await?;
    let body = json!({
        "name": name, "scope": scope, "token": token, "expiresAt": expires_at.map(date),
    });
    Ok((StatusCode::CREATED, Json(body)))
}

/// `GET /api/tokens`: what is known of the caller's own tokens, which is not the tokens. One that may not manage them
/// learns about itself.
pub(super) async fn list(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let all = caller.may(Action::ManageTokens, caller.own());
    let used = state.auth.token_of(&headers).await?.map(|token| token.name);
    let tokens = state.store.list_tokens(caller.account.id).await?;
    let listed: Vec<_> = tokens
        .iter()
        .filter(|token| all || used.as_ref() == Some(&token.name))
        .map(|token| {
            json!({
                "name": token.name,
                "scope": token.scope,
                "expiresAt": token.expires_at.map(date),
                "lastUsedAt": token.last_used_at.map(date),
            })
        })
        .collect();
    Ok(Json(listed.into()))
}

/// `DELETE /api/tokens/{name}`: ends one of the caller's own tokens at once.
pub(super) async fn delete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ManageTokens).await?;
    if state.store.delete_token(caller.account.id, &name).await? {
        Ok(Json(json!({})))
    } else {
        Err(ApiError::not_found(format!("You have no token `{name}`")))
    }
}

/// Makes a token and returns it, for the one answer that shows it.
///
/// # Errors
/// 409 when the account has one of that name.
pub(super) async fn add(state: &ApiState, wanted: WantedToken) -> Result<String, ApiError> {
    match state.auth.issue_token(wanted).await {
        Err(StoreError::Taken { .. }) => Err(ApiError::conflict("You have a token of that name")),
        Err(error) => Err(error.into()),
        Ok(token) => Ok(token.expose().to_owned()),
    }
}

/// Names become identifiers, which stay when names change. What the caller cannot see cannot be named.
async fn granted(
    state: &ApiState,
    headers: &HeaderMap,
    grant: GrantRequest,
) -> Result<Grant, ApiError> {
    let on = match (grant.repo, grant.owner) {
        (Some(repo), None) => {
            let (owner, name) = repo.split_once('/').unwrap_or((&repo, ""));
            let kind = grant.kind.unwrap_or(RepoKind::Model);
            let (_, repo) = RepoAccess::read(state, headers, kind, owner, name).await?;
            GrantTarget::Repo(repo.id)
        }
        (None, Some(owner)) => {
            let name: Owner = owner
                .parse()
                .map_err(|error| ApiError::bad_request(format!("`{owner}`: {error}")))?;
            let account = state.store.account_by_name(&name).await?;
            let unknown = || ApiError::bad_request(format!("There is no account `{owner}`"));
            GrantTarget::Owner(account.ok_or_else(unknown)?.id)
        }
        _ => {
            return Err(ApiError::bad_request(
                "A grant names a `repo` (with its `type`) or an `owner`, and says whether to `write`",
            ));
        }
    };
    Ok(Grant {
        on,
        write: grant.write,
    })
}

fn now() -> Millis {
    Timestamp::now().as_millisecond()
}
