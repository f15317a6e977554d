//! What runs, and the owner's hand on it: runtime, restart, pause, hardware, sleep time.
//!
//! Every answer is the runtime object. Unlike on the Hub, a static Space can be paused like any other.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::access::SpaceAccess;
use super::answers::NotOffered;
use super::extract::JsonBody;
use super::lenient_integer::{maybe_whole, whole};
use super::query::Query;
use super::repos::{check_hardware, sleep_after};
use super::runtime::{current, runtime};
use super::schema::{OfferedHardware, Runtime};
use super::{ApiError, ApiState};

type SpacePath = Path<(String, String)>;

/// On what a Space is to run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HardwareRequest {
    /// A `name` of the list of hardware.
    #[schemars(example = &"cpu-nano")]
    flavor: String,
    /// As in `sleeptime`.
    #[schemars(range(min = -1), extend("not" = {"const": 0}))]
    #[serde(default, deserialize_with = "maybe_whole")]
    sleep_time_seconds: Option<i64>,
}

/// When a Space is to sleep.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SleepRequest {
    /// Without a visitor; -1 is never.
    #[schemars(range(min = -1), extend("not" = {"const": 0}))]
    #[serde(deserialize_with = "whole")]
    seconds: i64,
}

/// How a Space is restarted.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RestartQuery {
    /// Build it anew too.
    #[serde(default)]
    factory: bool,
}

/// `GET /api/spaces/hardware`
pub(super) async fn hardware_list(State(state): State<ApiState>) -> Json<Vec<OfferedHardware>> {
    Json(
        state
            .lifecycle
            .hardware()
            .iter()
            .map(OfferedHardware::from)
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
    query: Query<RestartQuery>,
) -> Result<Json<Runtime>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    state.lifecycle.restart(space.id, query.factory).await?;
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
pub(super) async fn dev_mode() -> NotOffered {
    NotOffered("Dev Mode; push a commit instead: a small Space runs again within a second")
}

/// `/api/spaces/{owner}/{name}/storage`, which was withdrawn on the Hub
pub(super) async fn storage() -> NotOffered {
    NotOffered("persistent storage by request; set `storage` in the card to keep files under /data")
}

/// `POST /api/spaces/{owner}/{name}/replicas`
pub(super) async fn replicas() -> NotOffered {
    NotOffered("replicas")
}
