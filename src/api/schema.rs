//! What goes over the wire, in the Hub's words. Nothing here is stored.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base_url::BaseUrl;
use crate::domain::{
    Blocked, BlockedBy, Hardware, Millis, RepoName, Repository, Resource, Revision, Sdk, Stage,
    Volume,
};
use crate::lifecycle::{LimitReport, LimitState, SpaceView, UsageView};

/// The answer to a creation.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreatedRepo {
    /// The address of the repository's page.
    url: String,
    /// `owner/name`.
    name: RepoName,
    /// `owner/name`; newer clients read this one.
    id: RepoName,
}

/// A secret or variable in a request.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Setting {
    /// The name of the environment variable.
    #[schemars(regex(pattern = "^[A-Za-z_][A-Za-z0-9_]*$"), length(max = 128))]
    pub(super) key: String,
    /// What it is set to: at most 64 KiB, without NUL.
    #[schemars(regex(pattern = "^[^\\x00]*$"), length(max = 16384))]
    pub(super) value: String,
    /// For people.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub(super) description: Option<String>,
}

/// What runs for a Space, as the clients poll it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runtime {
    stage: Stage,
    hardware: RuntimeHardware,
    /// The Hub's word for what was withdrawn there.
    storage: Option<String>,
    /// Seconds without a visitor after which it sleeps; `null` is never.
    gc_timeout: Option<u64>,
    /// What takes no compute has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<Replicas>,
    dev_mode: bool,
    domains: Vec<Domain>,
    /// What is wrong, in words for the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    #[schemars(with = "Option<Sdk>")]
    sdk: Option<&'static str>,
    /// The commit that answers now.
    sha: Option<Revision>,
    /// Each limit of the running instance as it is applied.
    limits: Vec<AppliedLimit>,
    usage: RuntimeUsage,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Queue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<BlockedStart>,
    volumes: Vec<MountedVolume>,
}

/// Names from the list of hardware.
#[derive(Debug, Serialize, JsonSchema)]
struct RuntimeHardware {
    /// What it runs on now; `null` while it does not run.
    current: Option<String>,
    /// What it is to run on.
    requested: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Replicas {
    requested: u32,
}

/// A host name under which the Space answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Domain {
    domain: String,
    stage: &'static str,
    is_custom: bool,
}

/// One limit of the running instance.
#[derive(Debug, Serialize, JsonSchema)]
struct AppliedLimit {
    /// `cpu`, `memory`, …
    name: &'static str,
    /// As people read it.
    value: String,
    state: AppliedState,
    /// Why it is not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum AppliedState {
    Enforced,
    Unsupported,
}

/// What the Space has used since the server started, and holds now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RuntimeUsage {
    cpu_ms: u64,
    memory_bytes: u64,
    requests: u64,
    throttled_ms: u64,
    bytes_in: u64,
    bytes_out: u64,
    wakes: u64,
}

/// The line it stands in.
#[derive(Debug, Serialize, JsonSchema)]
struct Queue {
    /// Beginning at 1.
    place: usize,
    #[serde(rename = "for")]
    waits_for: Turn,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Turn {
    Build,
    Start,
}

/// Why it does not start although nothing is wrong with it. The figures are for those who may change it.
#[derive(Debug, Serialize, JsonSchema)]
struct BlockedStart {
    by: BlockedBy,
    #[serde(flatten)]
    figures: Option<BlockedFigures>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct BlockedFigures {
    resource: Resource,
    wanted: u64,
    used: u64,
    limit: u64,
    left: u64,
}

/// A repository that is seen in the Space's files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MountedVolume {
    #[serde(flatten)]
    volume: Volume,
    /// Always: a Space only reads other repositories.
    read_only: bool,
}

/// A size in the list of hardware. Nothing here costs money.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfferedHardware {
    /// The word used in requests: `cpu-nano`.
    name: String,
    pretty_name: String,
    cpu: String,
    ram: String,
    accelerator: Option<String>,
    #[serde(rename = "unitCostMicroUSD")]
    unit_cost_micro_usd: u32,
    #[serde(rename = "unitCostUSD")]
    unit_cost_usd: u32,
    unit_label: &'static str,
}

/// The name of a branch or tag, of at most 200 bytes: as git has it, and nothing that could be taken for a commit.
#[derive(Debug)]
pub(super) struct RefName;

impl JsonSchema for RefName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RefName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let pattern = r"^[^\x00-\x20\x7f~^:?*\[\\/.]([^\x00-\x20\x7f~^:?*\[\\]*[^\x00-\x20\x7f~^:?*\[\\/.])?$";
        let taken = r"^(HEAD|@|[0-9a-fA-F]{40}|main/.*|refs/.*)$|\.\.|@\{|//|/\.|\.lock(/|$)";
        schemars::json_schema!({
            "type": "string",
            "pattern": pattern,
            "not": { "type": "string", "pattern": taken },
            "minLength": 1,
            "maxLength": 200,
            "examples": ["next"],
        })
    }
}

/// A moment as the clients insist on reading it: `2026-01-31T12:00:00.000Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(pub(super) Millis);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&date(self.0))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "examples": ["2026-01-31T12:00:00.000Z"],
        })
    }
}

/// A moment as the clients insist on reading it: `2026-01-31T12:00:00.000Z`.
pub(super) fn date(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The runtime object; `domain` is the host name of the Space's own origin. What it waits for in figures is for those who
/// may change it.
pub(super) fn runtime(
    view: SpaceView,
    domain: String,
    volumes: Vec<Volume>,
    writes: bool,
) -> Runtime {
    let waiting = view.waits.as_ref().map(|waits| match writes {
        true => waits.message.clone(),
        false => "It is waiting for free resources, and starts automatically.".to_owned(),
    });
    let name = |hardware: Option<Hardware>| hardware.map(|hardware| hardware.name);
    let computes = view.hardware_current.is_some() || view.hardware_requested.is_some();
    Runtime {
        stage: view.stage,
        storage: None,
        gc_timeout: view.sleep_after.map(|after| after.as_secs()),
        replicas: computes.then_some(Replicas { requested: 1 }),
        hardware: RuntimeHardware {
            current: name(view.hardware_current),
            requested: name(view.hardware_requested),
        },
        dev_mode: false,
        domains: vec![Domain {
            domain,
            stage: "READY",
            is_custom: false,
        }],
        error_message: view.error.or(waiting),
        blocked: view
            .waits
            .map(|waits| BlockedStart::of(&waits.blocked, writes)),
        queue: queue(view.build_place, view.queue_place),
        volumes: volumes.into_iter().map(MountedVolume::from).collect(),
        sdk: view.sdk.map(|sdk| sdk.as_str()),
        sha: view.revision,
        limits: view.limits.into_iter().map(AppliedLimit::from).collect(),
        usage: RuntimeUsage::from(view.usage),
    }
}

fn queue(build: Option<usize>, start: Option<usize>) -> Option<Queue> {
    let build = build.map(|place| (place, Turn::Build));
    let (place, waits_for) = build.or(start.map(|place| (place, Turn::Start)))?;
    Some(Queue { place, waits_for })
}

impl BlockedStart {
    fn of(blocked: &Blocked, in_figures: bool) -> Self {
        Self {
            by: blocked.by,
            figures: in_figures.then(|| BlockedFigures {
                resource: blocked.resource,
                wanted: blocked.wanted,
                used: blocked.used,
                limit: blocked.limit,
                left: blocked.left(),
            }),
        }
    }
}

impl From<Volume> for MountedVolume {
    fn from(volume: Volume) -> Self {
        // By what right it was set is nobody's who reads this.
        let volume = Volume {
            while_private: true,
            ..volume
        };
        Self {
            volume,
            read_only: true,
        }
    }
}

impl From<LimitReport> for AppliedLimit {
    fn from(report: LimitReport) -> Self {
        let (state, reason) = match report.state {
            LimitState::Enforced => (AppliedState::Enforced, None),
            LimitState::Unsupported(reason) => (AppliedState::Unsupported, Some(reason)),
        };
        Self {
            name: report.name,
            value: report.value,
            state,
            reason,
        }
    }
}

impl From<UsageView> for RuntimeUsage {
    fn from(usage: UsageView) -> Self {
        Self {
            cpu_ms: usage.cpu_ms,
            memory_bytes: usage.memory_bytes,
            requests: usage.requests,
            throttled_ms: usage.throttled_ms,
            bytes_in: usage.bytes_in,
            bytes_out: usage.bytes_out,
            wakes: usage.wakes,
        }
    }
}

impl From<&Hardware> for OfferedHardware {
    fn from(hardware: &Hardware) -> Self {
        Self {
            name: hardware.name.clone(),
            pretty_name: hardware.title.clone(),
            cpu: hardware.cpu_text(),
            ram: hardware.memory_text(),
            accelerator: None,
            unit_cost_micro_usd: 0,
            unit_cost_usd: 0,
            unit_label: "minute",
        }
    }
}

// === impl CreatedRepo ===

impl CreatedRepo {
    pub(super) fn of(repo: &Repository, base_url: &BaseUrl) -> Self {
        Self {
            url: base_url.repo_page(repo.kind, &repo.name),
            id: repo.name.clone(),
            name: repo.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_the_clients_parse_them() {
        assert_eq!(date(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(1_767_225_599_042), "2025-12-31T23:59:59.042Z");
        assert_eq!(date(Millis::MAX), "1970-01-01T00:00:00.000Z");
    }
}
