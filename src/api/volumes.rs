//! Volumes: models, datasets and Spaces mounted into a Space's files, read-only. A write restarts the Space.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::SpaceAccess;
use super::extract::JsonBody;
use super::runtime::current;
use super::schema::Runtime;
use super::{ApiError, ApiState};
use crate::auth::{Action, Principal};
use crate::domain::{RepoKind, RepoName, Sdk, Volume};

type SpacePath = Path<(String, String)>;

/// All volumes of a Space.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VolumesRequest {
    volumes: Vec<VolumeRequest>,
}

/// A volume as clients write it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeRequest {
    #[serde(rename = "type")]
    #[schemars(with = "RepoKind")]
    kind: String,
    /// `owner/name` of what is mounted.
    #[schemars(with = "RepoName")]
    source: String,
    /// An absolute path in the container.
    #[schemars(example = &"/models/tiny")]
    mount_path: String,
    /// A branch, a tag or a commit; the newest commit of `main` when nothing is said.
    #[serde(default)]
    revision: Option<String>,
    /// The folder of the source that is seen; all of it when nothing is said.
    #[serde(default)]
    path: Option<String>,
}

/// `PUT /api/spaces/{owner}/{name}/volumes`: all of them anew.
pub(super) async fn set(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(wanted): JsonBody<VolumesRequest>,
) -> Result<Json<Runtime>, ApiError> {
    let (caller, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    let principal = caller.principal;
    if space.sdk.as_deref().and_then(Sdk::from_word) == Some(Sdk::Static) {
        return Err(ApiError::bad_request(
            "A static Space does not run code, so it cannot have volumes",
        ));
    }
    let volumes = checked(&state, &principal, wanted.volumes).await?;
    state.lifecycle.set_volumes(space.id, volumes).await?;
    current(&state, &headers, space.id).await
}

/// `DELETE /api/spaces/{owner}/{name}/volumes`
pub(super) async fn delete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    if state.store.volumes(space.id).await?.is_empty() {
        return Err(ApiError::bad_request("This Space has no volumes"));
    }
    state.lifecycle.set_volumes(space.id, Vec::new()).await?;
    current(&state, &headers, space.id).await
}

/// What may be mounted of what is asked for.
///
/// # Errors
/// 400 with what is wrong; a source that its asker may not see is one that is not there.
pub(super) async fn checked(
    state: &ApiState,
    principal: &Principal,
    wanted: Vec<VolumeRequest>,
) -> Result<Vec<Volume>, ApiError> {
    let mut volumes = Vec::new();
    for one in wanted {
        let kind = match one.kind.as_str() {
            "model" => RepoKind::Model,
            "dataset" => RepoKind::Dataset,
            "space" => RepoKind::Space,
            "bucket" => {
                return Err(ApiError::not_offered(
                    "buckets; set `storage` in the card to keep files under /data",
                ));
            }
            _ => {
                return Err(ApiError::bad_request(
                    "The type of a volume must be `model`, `dataset` or `space`",
                ));
            }
        };
        let missing =
            || ApiError::bad_request(format!("This server has no {} {:?}", one.kind, one.source));
        let source = one.source.parse().map_err(|_| missing())?;
        let found = state.store.repository_by_name(kind, &source).await?;
        let found = found.filter(|found| principal.may(Action::See, found));
        let found = found.ok_or_else(missing)?;
        volumes.push(Volume {
            kind,
            source,
            mount_path: one.mount_path,
            revision: one.revision,
            path: one.path.filter(|path| !path.is_empty()),
            while_private: principal.sees_private(&found),
        });
    }
    match Volume::problem(&volumes) {
        Some(problem) => Err(ApiError::bad_request(problem)),
        None => Ok(volumes),
    }
}
