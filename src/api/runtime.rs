//! The runtime object of a Space: what clients are told of how it runs.

use axum::Json;
use http::HeaderMap;

use super::schema::{self, Runtime};
use super::{ApiError, ApiState};
use crate::auth::Action;
use crate::base_url::BaseUrl;
use crate::domain::{Space, SpaceId, Volume};

/// The runtime object of a Space.
///
/// # Errors
/// When its facts cannot be read.
pub(super) async fn runtime(
    state: &ApiState,
    headers: &HeaderMap,
    space: &Space,
) -> Result<Runtime, ApiError> {
    let view = state.lifecycle.view(space).await?;
    let domain = BaseUrl::of(&state.config, headers).domain(&state.config, space);
    let volumes = visible(state, headers, space).await?;
    // What an owner has is for those who may change it.
    let writes = match &view.waits {
        Some(_) => state
            .auth
            .authenticate(headers)
            .await?
            .may(Action::Write, space),
        None => false,
    };
    Ok(schema::runtime(view, domain, volumes, writes))
}

/// The runtime object after a change: of the Space as it is stored now.
pub(super) async fn current(
    state: &ApiState,
    headers: &HeaderMap,
    space: SpaceId,
) -> Result<Json<Runtime>, ApiError> {
    let space = state.store.space_by_id(space).await?;
    let space = space.ok_or_else(ApiError::repo_not_found)?;
    runtime(state, headers, &space).await.map(Json)
}

/// The volumes of a Space, as far as whoever asks may see their sources.
///
/// # Errors
/// Ours only.
async fn visible(
    state: &ApiState,
    headers: &HeaderMap,
    space: &Space,
) -> Result<Vec<Volume>, ApiError> {
    let all = state.store.volumes(space.id).await?;
    if all.is_empty() {
        return Ok(all);
    }
    let principal = state.auth.authenticate(headers).await?;
    let mut seen = Vec::new();
    for volume in all {
        let source = &volume.source;
        let found = state.store.repository_by_name(volume.kind, source).await?;
        if found.is_some_and(|found| principal.may(Action::See, &found)) {
            seen.push(volume);
        }
    }
    Ok(seen)
}
