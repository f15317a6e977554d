//! Quotas: one's own for everybody, anybody's for operators, who also set them.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::accounts::{account_named, operator};
use super::answers::Noticed;
use super::extract::LaterBody;
use super::lenient_integer::maybe_whole;
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::Action;
use crate::domain::{Account, AccountId, Owner, Resource};
use crate::lifecycle::{Lifecycle, QuotaLine, QuotaView};

/// What an operator sets; what is left out stays, `null` goes back to the server's default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QuotaRequest {
    #[serde(default, deserialize_with = "given")]
    spaces: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    models: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    datasets: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    instances: Option<Option<u64>>,
    /// Millicores.
    #[serde(default, deserialize_with = "given")]
    cpu: Option<Option<u64>>,
    /// Bytes.
    #[serde(default, deserialize_with = "given")]
    memory: Option<Option<u64>>,
    /// Bytes.
    #[serde(default, deserialize_with = "given")]
    disk: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    files: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    builds: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    cpu_seconds_per_day: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    build_minutes_per_day: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given")]
    egress_bytes_per_day: Option<Option<u64>>,
}

/// What an owner may have, and has.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuotaAnswer {
    owner: Owner,
    /// By resource: `spaces`, `memory`, and so on.
    quotas: BTreeMap<&'static str, QuotaShown>,
    /// When the day ends of which some are.
    resets_at: Moment,
}

/// The quota of one resource.
#[derive(Debug, Serialize, JsonSchema)]
struct QuotaShown {
    used: u64,
    /// `null` is none.
    limit: Option<u64>,
    left: Option<u64>,
    /// Whether an operator has set it for this owner.
    set: bool,
    /// The same for people.
    text: String,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/quota",
            Access::Account,
            "Shows your quotas and how much of them is in use.",
            own,
        )
        .get(
            "/api/admin/quotas/{user}",
            Access::Operator,
            "Shows the quotas of a user or an organisation.",
            show,
        )
        .put(
            "/api/admin/quotas/{user}",
            Access::Operator,
            "Changes quotas. Quotas that the request leaves out stay as they are; `null` restores the server's \
             default.",
            set,
        )
}

/// Tells `null` from a field that is not there.
fn given<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<u64>>, D::Error> {
    maybe_whole(value).map(Some)
}

/// `GET /api/quota`
async fn own(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Noticed<QuotaAnswer>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ReadQuota).await?;
    answer(&state, &caller.account).await
}

/// `GET /api/admin/quotas/{user}`
async fn show(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Noticed<QuotaAnswer>, ApiError> {
    operator(&state, &headers).await?;
    let account = account_named(&state, &user).await?;
    answer(&state, &account).await
}

/// `PUT /api/admin/quotas/{user}`
async fn set(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
    wanted: LaterBody<QuotaRequest>,
) -> Result<Noticed<QuotaAnswer>, ApiError> {
    let who = operator(&state, &headers).await?;
    let account = account_named(&state, &user).await?;
    let wanted = wanted.understood()?;
    state
        .lifecycle
        .change_quota(who.id, &account, wanted.changes())
        .await?;
    answer(&state, &account).await
}

// === impl QuotaRequest ===

impl QuotaRequest {
    fn changes(&self) -> Vec<(Resource, Option<u64>)> {
        let given = [
            (Resource::Spaces, self.spaces),
            (Resource::Models, self.models),
            (Resource::Datasets, self.datasets),
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
        given
            .into_iter()
            .filter_map(|(resource, given)| Some((resource, given?)))
            .collect()
    }
}

/// What is to be said with an answer to a change by an owner whose quota is nearly used up.
pub(super) async fn notice(lifecycle: &Lifecycle, owner: AccountId) -> Option<HeaderValue> {
    // What was asked for is done; a notice is no reason to say otherwise.
    warning(&lifecycle.quota(owner).await.ok()?)
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

async fn answer(state: &ApiState, account: &Account) -> Result<Noticed<QuotaAnswer>, ApiError> {
    let view = state.lifecycle.quota(account.id).await?;
    let notice = warning(&view);
    let body = QuotaAnswer {
        owner: account.name.clone(),
        quotas: view
            .lines
            .iter()
            .map(|line| (line.resource.word(), QuotaShown::from(line)))
            .collect(),
        resets_at: Moment(view.resets_at),
    };
    Ok(Noticed { body, notice })
}

impl From<&QuotaLine> for QuotaShown {
    fn from(line: &QuotaLine) -> Self {
        let limit = (line.limit != u64::MAX).then_some(line.limit);
        let resource = line.resource;
        Self {
            used: line.used,
            limit,
            left: limit.map(|_| line.left()),
            set: line.own,
            text: match limit {
                Some(limit) => format!("{} of {}", resource.text(line.used), resource.text(limit)),
                None => format!("{}, no limit", resource.text(line.used)),
            },
        }
    }
}
