//! Quotas: one's own for everybody, anybody's for operators, who also set them.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Caller;
use super::accounts::operator;
use super::extract::JsonBody;
use super::operator::{account_named, understood};
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::Action;
use crate::domain::{Account, AccountId, Resource};
use crate::lifecycle::{Lifecycle, QuotaLine, QuotaView};

/// What an operator sets; what is left out stays, `null` goes back to the server's default.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QuotaRequest {
    #[serde(default, deserialize_with = "said")]
    spaces: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    instances: Option<Option<u64>>,
    /// Millicores.
    #[serde(default, deserialize_with = "said")]
    cpu: Option<Option<u64>>,
    /// Bytes.
    #[serde(default, deserialize_with = "said")]
    memory: Option<Option<u64>>,
    /// Bytes.
    #[serde(default, deserialize_with = "said")]
    disk: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    files: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    builds: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    cpu_seconds_per_day: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    build_minutes_per_day: Option<Option<u64>>,
    #[serde(default, deserialize_with = "said")]
    egress_bytes_per_day: Option<Option<u64>>,
}

/// Tells `null` from a field that is not there.
fn said<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// `GET /api/quota`
pub(super) async fn own(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ReadQuota).await?;
    answer(&state, &caller.account).await
}

/// `GET /api/admin/quotas/{user}`
pub(super) async fn show(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Response, ApiError> {
    operator(&state, &headers).await?;
    let account = account_named(&state, &user).await?;
    answer(&state, &account).await
}

/// `PUT /api/admin/quotas/{user}`
pub(super) async fn set(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
    JsonBody(wanted): JsonBody<Value>,
) -> Result<Response, ApiError> {
    let who = operator(&state, &headers).await?;
    let account = account_named(&state, &user).await?;
    let wanted: QuotaRequest = understood(wanted)?;
    state
        .lifecycle
        .change_quota(who.id, &account, wanted.changes())
        .await?;
    answer(&state, &account).await
}

// === impl QuotaRequest ===

impl QuotaRequest {
    fn changes(&self) -> Vec<(Resource, Option<u64>)> {
        let said = [
            (Resource::Spaces, self.spaces),
            (Resource::Instances, self.instances),
            (Resource::Cpu, self.cpu),
            (Resource::Memory, self.memory),
            (Resource::Disk, self.disk),
            (Resource::Files, self.files),
            (Resource::Builds, self.builds),
            (Resource::CpuSecondsPerDay, self.cpu_seconds_per_day),
            (Resource::BuildMinutesPerDay, self.build_minutes_per_day),
            (Resource::EgressBytesPerDay, self.egress_bytes_per_day),
        ];
        said.into_iter()
            .filter_map(|(resource, said)| Some((resource, said?)))
            .collect()
    }
}

/// The headers of an answer to a change by an owner whose quota is nearly used up.
pub(super) async fn notice(lifecycle: &Lifecycle, owner: AccountId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // What was asked for is done; a notice is no reason to say otherwise.
    if let Ok(view) = lifecycle.quota(owner).await
        && let Some(warning) = warning(&view)
    {
        headers.insert("x-hf-warning", warning);
    }
    headers
}

/// What is worth saying to an owner in the `X-HF-Warning` header, which the Hub's clients print once each.
fn warning(view: &QuotaView) -> Option<HeaderValue> {
    let near = view.lines.iter().find(|line| line.is_nearly_used_up())?;
    let resource = near.resource;
    let text = format!(
        "quota-{:?}; {} of your quota of {} ({}) is in use.",
        resource,
        resource.text(near.used),
        resource.noun(),
        resource.text(near.limit)
    );
    HeaderValue::try_from(text).ok()
}

async fn answer(state: &ApiState, account: &Account) -> Result<Response, ApiError> {
    let view = state.lifecycle.quota(account.id).await?;
    let lines: serde_json::Map<_, _> = view.lines.iter().map(line).collect();
    let body = json!({
        "owner": account.name.as_str(),
        "quotas": lines,
        "resetsAt": date(view.resets_at),
    });
    let mut response = Json(body).into_response();
    if let Some(warning) = warning(&view) {
        response.headers_mut().insert("x-hf-warning", warning);
    }
    Ok(response)
}

fn line(line: &QuotaLine) -> (String, Value) {
    let limit = (line.limit != u64::MAX).then_some(line.limit);
    let left = limit.map(|_| line.left());
    let resource = line.resource;
    let value = json!({
        "used": line.used,
        "limit": limit,
        "left": left,
        "set": line.own,
        "text": match limit {
            Some(limit) => format!("{} of {}", resource.text(line.used), resource.text(limit)),
            None => format!("{}, no limit", resource.text(line.used)),
        },
    });
    (resource.word().to_owned(), value)
}
