//! Likes.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};

use super::kinds::EachKind;
use super::schema::date;
use super::{ApiError, ApiState, Caller, RepoAccess};
use crate::auth::{Action, Principal};
use crate::domain::{AccountId, Millis, Owner, RepoKind, Repository};

type RepoPath = Path<(String, String)>;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .each_kind(
            "/api/{kinds}/{owner}/{name}/like",
            post(like).delete(unlike),
        )
        .each_kind("/api/{kinds}/{owner}/{name}/likers", get(likers))
        .route("/api/users/{user}/likes", get(likes_of))
}

/// `POST /api/{kinds}/{owner}/{name}/like`
async fn like(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::Like).await?;
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    state.store.like(caller.account.id, kind, repo.id).await?;
    Ok(Json(json!({})))
}

/// `DELETE /api/{kinds}/{owner}/{name}/like`
async fn unlike(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::Like).await?;
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    state.store.unlike(caller.account.id, repo.id).await?;
    Ok(Json(json!({})))
}

/// `GET /api/{kinds}/{owner}/{name}/likers`
async fn likers(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Vec<Value>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let likers = state.store.likers(repo.id).await?;
    let person =
        |name: &Owner| json!({"user": name, "fullname": name, "avatarUrl": "", "type": "user"});
    Ok(Json(likers.iter().map(person).collect()))
}

/// `GET /api/users/{user}/likes`: of what the asker may see.
async fn likes_of(
    State(state): State<ApiState>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<Value>>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let unknown = || ApiError::not_found(format!("There is no account `{user}`"));
    let name: Owner = user.parse().map_err(|_| unknown())?;
    let account = state.store.account_by_name(&name).await?;
    let account = account.ok_or_else(unknown)?;
    let likes = seen_likes(&state, &principal, account.id).await?;
    let listed = likes.iter().map(|(at, repo)| {
        json!({
            "createdAt": date(*at),
            "repo": {"name": repo.name, "type": repo.kind},
        })
    });
    Ok(Json(listed.collect()))
}

/// What the account likes of what the principal may see, and since when.
///
/// # Errors
/// Ours only.
pub(super) async fn seen_likes(
    state: &ApiState,
    principal: &Principal,
    account: AccountId,
) -> Result<Vec<(Millis, Repository)>, ApiError> {
    let mut seen = Vec::new();
    for like in state.store.likes_of(account).await? {
        let repo = state.store.repository_by_id(like.kind, like.repo).await?;
        if let Some(repo) = repo.filter(|repo| principal.may(Action::See, repo)) {
            seen.push((like.at, repo));
        }
    }
    Ok(seen)
}
