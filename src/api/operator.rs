//! What operators do beside accounts: capacity, the live table, the audit trail, disabling Spaces.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::operator;
use super::extract::LaterBody;
use super::query::{Query, within};
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::domain::{Owner, RepoName, Space};

/// Why a Space is to be closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DisableRequest {
    /// For its visitors: one line.
    #[schemars(length(max = REASON_CHARS), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))]
    reason: String,
}

/// Whether a Space is closed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Disabled {
    id: RepoName,
    /// Why; `null` when it is not.
    disabled: Option<String>,
}

/// What the machine has to give, and has given.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapacityAnswer {
    memory_bytes: Amount,
    /// Thousandths of a core.
    cpu_millis: Amount,
    builds: Builds,
    /// Spaces that wait until there is room.
    starts_waiting: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Amount {
    used: u64,
    limit: u64,
    left: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Builds {
    running: u64,
    waiting: usize,
}

/// Every Space that has used something since the server started.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Top {
    /// Unix milliseconds.
    at: i64,
    spaces: Vec<TopSpace>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TopSpace {
    /// `owner/name`.
    space: String,
    cpu_micros: u64,
    /// The most that it may use, in thousandths of a core.
    cpu_millis: u32,
    throttled_micros: u64,
    memory_bytes: u64,
    memory_limit_bytes: u64,
    requests: u64,
    failed: u64,
    bytes_in: u64,
    bytes_out: u64,
    wakes: u64,
}

/// How much of the audit trail.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AuditQuery {
    /// Entries; 100 when nothing is said.
    #[schemars(range(min = 1, max = EVENTS))]
    limit: Option<u64>,
}

/// Something that was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditEntry {
    at: Moment,
    /// By whom; `null` is the server itself.
    actor: Option<Owner>,
    action: String,
    /// To which Space, under its name of now.
    space: Option<RepoName>,
    detail: String,
}

/// Most characters of a reason.
const REASON_CHARS: usize = 500;

/// Most entries of the audit trail in one answer.
const EVENTS: u64 = 1000;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/admin/capacity",
            Access::Operator,
            "Shows the server's capacity and how much of it is in use.",
            capacity,
        )
        .get(
            "/api/admin/top",
            Access::Operator,
            "Shows what every Space has used since the server started, and what it holds now.",
            top,
        )
        .get(
            "/api/admin/audit",
            Access::Operator,
            "Lists the audit trail, newest first.",
            audit,
        )
        .post(
            "/api/admin/spaces/{owner}/{name}/disable",
            Access::Operator,
            "Disables a Space until it is enabled again.",
            disable,
        )
        .post(
            "/api/admin/spaces/{owner}/{name}/enable",
            Access::Operator,
            "Enables a disabled Space.",
            enable,
        )
}

/// `GET /api/admin/capacity`
pub(super) async fn capacity(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<CapacityAnswer>, ApiError> {
    operator(&state, &headers).await?;
    let capacity = state.lifecycle.capacity();
    let of = |(used, limit): (u64, u64)| Amount {
        used,
        limit,
        left: limit.saturating_sub(used),
    };
    let (running, waiting) = capacity.builds;
    Ok(Json(CapacityAnswer {
        memory_bytes: of(capacity.memory),
        cpu_millis: of(capacity.cpu),
        builds: Builds { running, waiting },
        starts_waiting: capacity.waiting,
    }))
}

/// `GET /api/admin/top`: what every Space has used since the server started and holds now.
pub(super) async fn top(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Top>, ApiError> {
    operator(&state, &headers).await?;
    let spaces: Vec<_> = state
        .lifecycle
        .accounts()
        .iter()
        .filter_map(|account| {
            let counts = account.totals();
            Some(TopSpace {
                space: account.name()?.to_string(),
                cpu_micros: counts.cpu_micros,
                cpu_millis: account.cpu_millis(),
                throttled_micros: counts.throttled_micros,
                memory_bytes: account.memory.used(),
                memory_limit_bytes: account.memory.limit(),
                requests: counts.requests(),
                failed: counts.requests_5xx,
                bytes_in: counts.bytes_in,
                bytes_out: counts.bytes_out,
                wakes: counts.wakes,
            })
        })
        .collect();
    let at = jiff::Timestamp::now().as_millisecond();
    Ok(Json(Top { at, spaces }))
}

/// `GET /api/admin/audit`: newest first.
pub(super) async fn audit(
    State(state): State<ApiState>,
    headers: HeaderMap,
    query: Query<AuditQuery>,
) -> Result<Json<Vec<AuditEntry>>, ApiError> {
    operator(&state, &headers).await?;
    let limit = within("limit", query.limit, 100, 1..=EVENTS)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
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
        shown.push(AuditEntry {
            at: Moment(event.at),
            actor: actor.map(|account| account.name),
            action: event.action,
            space: space.map(|space| space.name),
            detail: event.detail,
        });
    }
    Ok(Json(shown))
}

/// `POST /api/admin/spaces/{owner}/{name}/disable`
pub(super) async fn disable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    wanted: LaterBody<DisableRequest>,
) -> Result<Json<Disabled>, ApiError> {
    let who = operator(&state, &headers).await?;
    let wanted = wanted.understood()?;
    let reason = wanted.reason.trim().to_owned();
    let wrong = |letter: char| letter.is_control();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS || reason.contains(wrong) {
        return Err(ApiError::bad_request(format!(
            "The reason must be one line of at most {REASON_CHARS} characters"
        )));
    }
    let space = space_named(&state, &owner, &name).await?;
    state
        .lifecycle
        .set_disabled(space.id, Some(reason.clone()), who.id.into())
        .await?;
    Ok(Json(Disabled {
        id: space.name,
        disabled: Some(reason),
    }))
}

/// `POST /api/admin/spaces/{owner}/{name}/enable`
pub(super) async fn enable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Disabled>, ApiError> {
    let who = operator(&state, &headers).await?;
    let space = space_named(&state, &owner, &name).await?;
    state
        .lifecycle
        .set_disabled(space.id, None, who.id.into())
        .await?;
    Ok(Json(Disabled {
        id: space.name,
        disabled: None,
    }))
}

async fn space_named(state: &ApiState, owner: &str, name: &str) -> Result<Space, ApiError> {
    let full: RepoName = format!("{owner}/{name}")
        .parse()
        .map_err(|_| ApiError::repo_not_found())?;
    let found = state.store.space_by_name(&full).await?;
    found.ok_or_else(ApiError::repo_not_found)
}
