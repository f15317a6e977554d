//! Branches and tags.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::JsonBody;
use super::kinds::EachKind;
use super::{ApiError, ApiState, QueryPairs, RepoAccess};
use crate::domain::RepoKind;
use crate::lifecycle::Landing;
use crate::repo::{MAIN, NewTag, Ref, Repo};

/// Most bytes of a tag's message.
const MESSAGE_BYTES: usize = 16 << 10;

type RepoPath = Path<(String, String)>;
type RefPath = Path<(String, String, String)>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BranchRequest {
    starting_point: Option<String>,
}

#[derive(Debug, Deserialize)]
struct TagRequest {
    tag: String,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SquashRequest {
    #[serde(default)]
    message: Option<String>,
}

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .each_kind("/api/{kinds}/{owner}/{name}/refs", get(refs))
        .each_kind(
            "/api/{kinds}/{owner}/{name}/branch/{branch}",
            post(create_branch).delete(delete_branch),
        )
        // One placeholder for both: a revision to be tagged, or a tag to be removed.
        .each_kind(
            "/api/{kinds}/{owner}/{name}/tag/{revision}",
            post(create_tag).delete(delete_tag),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/super-squash/{branch}",
            post(squash),
        )
}

/// `GET /api/{kinds}/{owner}/{name}/refs`
async fn refs(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    query: QueryPairs,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let refs = state.repos.read(repo.id, Repo::refs).await?;
    let list = |refs: &[Ref], prefix: &str| -> Vec<Value> {
        refs.iter()
            .map(|one| json!({"name": one.name, "ref": format!("{prefix}{}", one.name), "targetCommit": one.target}))
            .collect()
    };
    let mut answer = json!({
        "branches": list(&refs.branches, "refs/heads/"),
        "converts": [],
        "tags": list(&refs.tags, "refs/tags/"),
    });
    if query.is_on("include_prs") {
        answer["pullRequests"] = json!([]);
    }
    Ok(Json(answer))
}

/// `POST /api/{kinds}/{owner}/{name}/branch/{branch}`
async fn create_branch(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<BranchRequest>,
) -> Result<Json<Value>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    let room = state.lifecycle.disk_room(repo.owner).await?;
    state
        .repos
        .create_branch(repo.id, branch, wanted.starting_point, room)
        .await?;
    Ok(Json(json!({})))
}

/// `DELETE /api/{kinds}/{owner}/{name}/branch/{branch}`
async fn delete_branch(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    state.repos.delete_branch(repo.id, branch).await?;
    Ok(Json(json!({})))
}

/// `POST /api/{kinds}/{owner}/{name}/tag/{revision}`
async fn create_tag(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<TagRequest>,
) -> Result<Json<Value>, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    let message = wanted.message.unwrap_or_default();
    if message.len() > MESSAGE_BYTES {
        return Err(ApiError::bad_request(format!(
            "The message of a tag is longer than {} KiB",
            MESSAGE_BYTES >> 10
        )));
    }
    let tag = NewTag {
        name: wanted.tag,
        revision,
        message,
        author: caller.account.name.to_string(),
    };
    let room = state.lifecycle.disk_room(repo.owner).await?;
    state.repos.create_tag(repo.id, tag, room).await?;
    Ok(Json(json!({})))
}

/// `DELETE /api/{kinds}/{owner}/{name}/tag/{tag}`
async fn delete_tag(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, tag)): RefPath,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    state.repos.delete_tag(repo.id, tag).await?;
    Ok(Json(json!({})))
}

/// `POST /api/{kinds}/{owner}/{name}/super-squash/{branch}`: one commit instead of the branch's history.
async fn squash(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<SquashRequest>,
) -> Result<Json<Value>, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    let title = wanted.message.filter(|text| !text.trim().is_empty());
    let title = title.unwrap_or_else(|| "Super-squash branch using huggingface_hub".to_owned());
    let author = caller.account.name.to_string();
    let publishes = branch == MAIN;
    let work = tokio::spawn(async move {
        state.store.check_writable().await?;
        let room = state.lifecycle.disk_room(repo.owner).await?;
        let squashed = state.repos.squash(repo.id, branch, title, author, room);
        let head = squashed.await?;
        if publishes {
            let landing = Landing {
                head: head.clone(),
                before: None,
                by: Some(caller.principal),
                copy_of: None,
            };
            (state.lifecycle)
                .landed(repo.kind, repo.id, landing)
                .await?;
        }
        Ok::<_, ApiError>(head)
    });
    let head = work.await.map_err(|error| ApiError::internal(&error))??;
    Ok(Json(json!({ "commitOid": head })))
}
