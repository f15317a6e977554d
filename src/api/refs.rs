//! Branches and tags.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::Done;
use super::extract::JsonBody;
use super::query::Query;
use super::schema::RefName;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, RepoAccess};
use crate::domain::{RepoKind, Revision};
use crate::lifecycle::Landing;
use crate::repo::{MAIN, NewTag, Ref, Repo};

/// Most bytes of a tag's message.
const MESSAGE_BYTES: usize = 16 << 10;

type RepoPath = Path<(String, String)>;
type RefPath = Path<(String, String, String)>;

/// Where a branch begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchRequest {
    /// A branch, a tag or a commit; the newest commit of `main` when nothing is said.
    starting_point: Option<String>,
}

/// A tag to be made.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TagRequest {
    #[schemars(with = "RefName")]
    tag: String,
    #[serde(default)]
    message: Option<String>,
}

/// The commit that stays.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SquashRequest {
    #[serde(default)]
    message: Option<String>,
}

/// Whether all kinds are listed.
#[derive(Debug, Deserialize, JsonSchema)]
struct RefsQuery {
    /// With a list of pull requests, of which there are none.
    #[serde(default)]
    include_prs: bool,
}

/// Branches and tags.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RefLists {
    branches: Vec<NamedRef>,
    converts: Vec<NamedRef>,
    tags: Vec<NamedRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_requests: Option<Vec<NamedRef>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamedRef {
    name: String,
    /// In full: `refs/heads/main`.
    #[serde(rename = "ref")]
    full: String,
    target_commit: Revision,
}

/// A history that became one commit.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Squashed {
    commit_oid: Revision,
}

pub(super) fn routes() -> Routes {
    let branch = "/api/{kinds}/{owner}/{name}/branch/{branch}";
    // One placeholder for both: a revision to be tagged, or a tag to be removed.
    let tag = "/api/{kinds}/{owner}/{name}/tag/{revision}";
    Routes::new()
        .get(
            "/api/{kinds}/{owner}/{name}/refs",
            Access::Reader,
            "Lists branches and tags.",
            refs,
        )
        .post(branch, Access::Writer, "Creates a branch.", create_branch)
        .delete(branch, Access::Writer, "Deletes a branch.", delete_branch)
        .post(tag, Access::Writer, "Tags a revision.", create_tag)
        .delete(tag, Access::Writer, "Deletes a tag.", delete_tag)
        .post(
            "/api/{kinds}/{owner}/{name}/super-squash/{branch}",
            Access::Writer,
            "Replaces a branch's history with a single commit.",
            squash,
        )
}

/// `GET /api/{kinds}/{owner}/{name}/refs`
async fn refs(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    query: Query<RefsQuery>,
    headers: HeaderMap,
) -> Result<Json<RefLists>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let refs = state.repos.read(repo.id, Repo::refs).await?;
    let list = |refs: Vec<Ref>, prefix: &str| {
        let named = refs.into_iter().map(|one| NamedRef {
            full: format!("{prefix}{}", one.name),
            name: one.name,
            target_commit: one.target,
        });
        named.collect()
    };
    Ok(Json(RefLists {
        branches: list(refs.branches, "refs/heads/"),
        converts: Vec::new(),
        tags: list(refs.tags, "refs/tags/"),
        pull_requests: query.include_prs.then(Vec::new),
    }))
}

/// `POST /api/{kinds}/{owner}/{name}/branch/{branch}`
async fn create_branch(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<BranchRequest>,
) -> Result<Json<Done>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    let room = state.lifecycle.disk_room(repo.owner).await?;
    state
        .repos
        .create_branch(repo.id, branch, wanted.starting_point, room)
        .await?;
    Ok(Json(Done {}))
}

/// `DELETE /api/{kinds}/{owner}/{name}/branch/{branch}`
async fn delete_branch(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
) -> Result<Json<Done>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    state.repos.delete_branch(repo.id, branch).await?;
    Ok(Json(Done {}))
}

/// `POST /api/{kinds}/{owner}/{name}/tag/{revision}`
async fn create_tag(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<TagRequest>,
) -> Result<Json<Done>, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    let message = wanted.message.unwrap_or_default();
    if message.len() > MESSAGE_BYTES {
        return Err(ApiError::bad_request(format!(
            "The tag's message is longer than {} KiB",
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
    Ok(Json(Done {}))
}

/// `DELETE /api/{kinds}/{owner}/{name}/tag/{tag}`
async fn delete_tag(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, tag)): RefPath,
    headers: HeaderMap,
) -> Result<Json<Done>, ApiError> {
    let (_, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    state.repos.delete_tag(repo.id, tag).await?;
    Ok(Json(Done {}))
}

/// `POST /api/{kinds}/{owner}/{name}/super-squash/{branch}`: one commit instead of the branch's history.
async fn squash(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, branch)): RefPath,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<SquashRequest>,
) -> Result<Json<Squashed>, ApiError> {
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
    Ok(Json(Squashed { commit_oid: head }))
}
