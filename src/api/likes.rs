//! Likes.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::answers::Done;
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, Caller, RepoAccess};
use crate::auth::{Action, Principal};
use crate::domain::{AccountId, Millis, Owner, RepoKind, RepoName, Repository};

type RepoPath = Path<(String, String)>;

/// Somebody who likes a repository.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Liker {
    user: Owner,
    fullname: Owner,
    avatar_url: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// A repository that somebody likes, and since when.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Like {
    created_at: Moment,
    repo: LikedRepo,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LikedRepo {
    name: RepoName,
    #[serde(rename = "type")]
    kind: RepoKind,
}

pub(super) fn routes() -> Routes {
    let path = "/api/{kinds}/{owner}/{name}/like";
    Routes::new()
        .post(path, Access::Account, "Likes a repository.", like)
        .delete(path, Access::Account, "Takes back your like.", unlike)
        .get(
            "/api/{kinds}/{owner}/{name}/likers",
            Access::Reader,
            "Lists the users who like a repository.",
            likers,
        )
        .get(
            "/api/users/{user}/likes",
            Access::Filtered,
            "Lists what a user likes, as far as you may see it.",
            likes_of,
        )
}

/// `POST /api/{kinds}/{owner}/{name}/like`
async fn like(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Done>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::Like).await?;
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    state.store.like(caller.account.id, repo.id).await?;
    Ok(Json(Done {}))
}

/// `DELETE /api/{kinds}/{owner}/{name}/like`
async fn unlike(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Done>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::Like).await?;
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    state.store.unlike(caller.account.id, repo.id).await?;
    Ok(Json(Done {}))
}

/// `GET /api/{kinds}/{owner}/{name}/likers`
async fn likers(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
) -> Result<Json<Vec<Liker>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let likers = state.store.likers(repo.id).await?;
    let person = |name: Owner| Liker {
        user: name.clone(),
        fullname: name,
        avatar_url: "",
        kind: "user",
    };
    Ok(Json(likers.into_iter().map(person).collect()))
}

/// `GET /api/users/{user}/likes`: of what the asker may see.
async fn likes_of(
    State(state): State<ApiState>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<Like>>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let unknown = || ApiError::not_found(format!("Account `{user}` not found"));
    let name: Owner = user.parse().map_err(|_| unknown())?;
    let account = state.store.account_by_name(&name).await?;
    let account = account.ok_or_else(unknown)?;
    let likes = seen_likes(&state, &principal, account.id).await?;
    let listed = likes.into_iter().map(|(at, repo)| Like {
        created_at: Moment(at),
        repo: LikedRepo {
            name: repo.name,
            kind: repo.kind,
        },
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
        let repo = state.store.repository_by_id(like.repo).await?;
        if let Some(repo) = repo.filter(|repo| principal.may(Action::See, repo)) {
            seen.push((like.at, repo));
        }
    }
    Ok(seen)
}
