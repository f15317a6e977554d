//! What runs, and the owner's hand on it: runtime, restart, pause, hardware, sleep time.
//!
//! Every answer is the runtime object. Unlike on the Hub, a static Space can be paused like any other.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::access::SpaceAccess;
use super::extract::{JsonBody, QueryPairs};
use super::repos::{check_hardware, sleep_after};
use super::schema::{self, Runtime};
use super::volumes::visible;
use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::Action;
use crate::domain::{Space, SpaceId};

type SpacePath = Path<(String, String)>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HardwareRequest {
    flavor: String,
    sleep_time_seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SleepRequest {
    seconds: i64,
}

/// `GET /api/spaces/hardware`
pub(super) async fn hardware_list(State(state): State<ApiState>) -> Json<Vec<Value>> {
    Json(
        state
            .lifecycle
            .hardware()
            .iter()
            .map(schema::hardware)
            .collect(),
    )
}

/// `GET /api/spaces/{owner}/{name}/runtime`
pub(super) async fn show(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
    runtime(&state, &headers, &space).await.map(Json)
}

/// `POST /api/spaces/{owner}/{name}/restart`
pub(super) async fn restart(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    query: QueryPairs,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    state
        .lifecycle
        .restart(space.id, query.is_on("factory"))
        .await?;
    current(&state, &headers, space.id).await
}

/// `POST /api/spaces/{owner}/{name}/pause`
pub(super) async fn pause(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
) -> Result<Json<Runtime>, ApiError> {
    let (caller, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    let by = caller.account.id.into();
    state.lifecycle.pause(space.id, by).await?;
    current(&state, &headers, space.id).await
}

/// `POST /api/spaces/{owner}/{name}/hardware`
pub(super) async fn set_hardware(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(wanted): JsonBody<HardwareRequest>,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    check_hardware(&state, &wanted.flavor)?;
    let sleep = wanted.sleep_time_seconds.map(sleep_after).transpose()?;
    state
        .lifecycle
        .set_hardware(space.id, Some(&wanted.flavor))
        .await?;
    if let Some(sleep) = sleep {
        state.lifecycle.set_sleep_after(space.id, sleep).await?;
    }
    current(&state, &headers, space.id).await
}

/// `POST /api/spaces/{owner}/{name}/sleeptime`
pub(super) async fn set_sleep_time(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(wanted): JsonBody<SleepRequest>,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    let sleep = sleep_after(wanted.seconds)?;
    state.lifecycle.set_sleep_after(space.id, sleep).await?;
    current(&state, &headers, space.id).await
}

/// `POST /api/spaces/{owner}/{name}/dev-mode`
pub(super) async fn dev_mode() -> ApiError {
    ApiError::not_offered("Dev Mode; push a commit, a small Space is up again within a second")
}

/// `/api/spaces/{owner}/{name}/storage`, which was withdrawn on the Hub
pub(super) async fn storage() -> ApiError {
    ApiError::not_offered(
        "persistent storage by request; `storage` in the card keeps files under /data",
    )
}

/// `POST /api/spaces/{owner}/{name}/replicas`
pub(super) async fn replicas() -> ApiError {
    ApiError::not_offered("replicas")
}

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
    let domain = Arrival::of(&state.config, headers).domain(&state.config, space);
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
