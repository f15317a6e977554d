//! What operators do beside accounts: capacity, the live table, the audit trail, disabling Spaces.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::accounts::operator;
use super::extract::{JsonBody, QueryPairs};
use super::schema::date;
use super::{ApiError, ApiState};
use crate::domain::{Account, Owner, Space, SpaceName};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisableRequest {
    reason: String,
}

/// Most characters of a reason.
const REASON_CHARS: usize = 500;

/// Most entries of the audit trail in one answer.
const EVENTS: i64 = 1000;

/// A body, read only once it is known that its sender may say it.
///
/// # Errors
/// 400 for anything but what is meant.
pub(super) fn understood<T: DeserializeOwned>(body: Value) -> Result<T, ApiError> {
    if !body.is_object() {
        return Err(ApiError::bad_request("The body is to be a JSON object"));
    }
    serde_json::from_value(body).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// The account of that name.
///
/// # Errors
/// 404 when there is none.
pub(super) async fn account_named(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let unknown = || ApiError::not_found(format!("There is no account `{name}`"));
    let name: Owner = name.parse().map_err(|_| unknown())?;
    let found = state.store.account_by_name(&name).await?;
    found.ok_or_else(unknown)
}

/// `GET /api/admin/capacity`
pub(super) async fn capacity(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    operator(&state, &headers).await?;
    let capacity = state.lifecycle.capacity();
    let of = |(used, limit): (u64, u64)| json!({ "used": used, "limit": limit, "left": limit.saturating_sub(used) });
    Ok(Json(json!({
        "memoryBytes": of(capacity.memory),
        "cpuMillis": of(capacity.cpu),
        "builds": { "running": capacity.builds.0, "waiting": capacity.builds.1 },
        "startsWaiting": capacity.waiting,
    })))
}

/// `GET /api/admin/top`: what every Space has used since the server started and holds now.
pub(super) async fn top(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    operator(&state, &headers).await?;
    let spaces: Vec<_> = state
        .lifecycle
        .accounts()
        .iter()
        .filter_map(|account| {
            let counts = account.totals();
            Some(json!({
                "space": account.name()?.to_string(),
                "cpuMicros": counts.cpu_micros,
                "cpuMillis": account.cpu_millis(),
                "throttledMicros": counts.throttled_micros,
                "memoryBytes": account.memory.used(),
                "memoryLimitBytes": account.memory.limit(),
                "requests": counts.requests(),
                "failed": counts.requests_5xx,
                "bytesIn": counts.bytes_in,
                "bytesOut": counts.bytes_out,
                "wakes": counts.wakes,
            }))
        })
        .collect();
    let at = jiff::Timestamp::now().as_millisecond();
    Ok(Json(json!({ "at": at, "spaces": spaces })))
}

/// `GET /api/admin/audit`: newest first.
pub(super) async fn audit(
    State(state): State<ApiState>,
    headers: HeaderMap,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    operator(&state, &headers).await?;
    let limit = match query.get("limit") {
        None => 100,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|limit| (1..=EVENTS).contains(limit))
            .ok_or_else(|| ApiError::bad_request(format!("`limit` is from 1 to {EVENTS}")))?,
    };
    let mut shown = Vec::new();
    for event in state.store.events(limit).await? {
        let actor = match event.actor {
            Some(id) => state.store.account_by_id(id).await?,
            None => None,
        };
        let space = match event.space {
            Some(id) => state.store.space_by_id(id).await?,
            None => None,
        };
        shown.push(json!({
            "at": date(event.at),
            "actor": actor.map(|account| account.name.to_string()),
            "action": event.action,
            "space": space.map(|space| space.name.to_string()),
            "detail": event.detail,
        }));
    }
    Ok(Json(shown.into()))
}

/// `POST /api/admin/spaces/{owner}/{name}/disable`
pub(super) async fn disable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<Value>,
) -> Result<Json<Value>, ApiError> {
    let who = operator(&state, &headers).await?;
    let wanted: DisableRequest = understood(wanted)?;
    let reason = wanted.reason.trim().to_owned();
    let wrong = |letter: char| letter.is_control();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS || reason.contains(wrong) {
        return Err(ApiError::bad_request(format!(
            "A reason is one line of at most {REASON_CHARS} characters"
        )));
    }
    let space = space_named(&state, &owner, &name).await?;
    state
        .lifecycle
        .set_disabled(space.id, Some(reason.clone()), who.id.into())
        .await?;
    Ok(Json(
        json!({ "id": space.name.to_string(), "disabled": reason }),
    ))
}

/// `POST /api/admin/spaces/{owner}/{name}/enable`
pub(super) async fn enable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let who = operator(&state, &headers).await?;
    let space = space_named(&state, &owner, &name).await?;
    state
        .lifecycle
        .set_disabled(space.id, None, who.id.into())
        .await?;
    Ok(Json(
        json!({ "id": space.name.to_string(), "disabled": null }),
    ))
}

async fn space_named(state: &ApiState, owner: &str, name: &str) -> Result<Space, ApiError> {
    let full: SpaceName = format!("{owner}/{name}")
        .parse()
        .map_err(|_| ApiError::repo_not_found())?;
    let found = state.store.space_by_name(&full).await?;
    found.ok_or_else(ApiError::repo_not_found)
}
