//! What goes over the wire, in the Hub's words. Nothing here is stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::arrival::Arrival;
use crate::domain::{Blocked, Hardware, Millis, RepoKind, Repository, Space, Visibility, Volume};
use crate::lifecycle::{LimitReport, LimitState, SpaceView};

/// The answer to a creation.
#[derive(Debug, Serialize)]
pub(super) struct Created {
    /// The address of the repository's page.
    url: String,
    /// `owner/name`.
    name: String,
    /// `owner/name`; newer clients read this one.
    id: String,
}

/// A secret or variable in a request.
#[derive(Debug, Deserialize)]
pub(super) struct Setting {
    /// The name of the environment variable.
    pub(super) key: String,
    /// What it is set to.
    pub(super) value: String,
    /// For people.
    #[serde(default)]
    pub(super) description: Option<String>,
}

/// What runs for a Space, as the clients poll it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runtime {
    stage: &'static str,
    hardware: RuntimeHardware,
    storage: Option<()>,
    gc_timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<Value>,
    dev_mode: bool,
    domains: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    sdk: Option<&'static str>,
    sha: Option<String>,
    limits: Vec<Value>,
    usage: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Value>,
    volumes: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct RuntimeHardware {
    current: Option<String>,
    requested: Option<String>,
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
        false => "It waits until there is room for it, and starts by itself.".to_owned(),
    });
    let name = |hardware: Option<Hardware>| hardware.map(|hardware| hardware.name);
    let computes = view.hardware_current.is_some() || view.hardware_requested.is_some();
    Runtime {
        stage: view.stage.as_str(),
        storage: None,
        gc_timeout: view.sleep_after.map(|after| after.as_secs()),
        replicas: computes.then(|| serde_json::json!({ "requested": 1 })),
        hardware: RuntimeHardware {
            current: name(view.hardware_current),
            requested: name(view.hardware_requested),
        },
        dev_mode: false,
        domains: vec![serde_json::json!({ "domain": domain, "stage": "READY", "isCustom": false })],
        error_message: view.error.or(waiting),
        blocked: view.waits.map(|waits| blocked(&waits.blocked, writes)),
        queue: queue(view.build_place, view.queue_place),
        volumes: volumes.iter().map(volume).collect(),
        sdk: view.sdk.map(|sdk| sdk.as_str()),
        sha: view.revision.map(String::from),
        limits: view.limits.iter().map(limit).collect(),
        usage: serde_json::json!({
            "cpuMs": view.usage.cpu_ms,
            "memoryBytes": view.usage.memory_bytes,
            "requests": view.usage.requests,
            "throttledMs": view.usage.throttled_ms,
            "bytesIn": view.usage.bytes_in,
            "bytesOut": view.usage.bytes_out,
            "wakes": view.usage.wakes,
        }),
    }
}

/// The line it stands in.
fn queue(build: Option<usize>, start: Option<usize>) -> Option<Value> {
    let build = build.map(|place| (place, "build"));
    let (place, what) = build.or(start.map(|place| (place, "start")))?;
    Some(serde_json::json!({ "place": place, "for": what }))
}

fn blocked(blocked: &Blocked, in_figures: bool) -> Value {
    let mut shown = serde_json::json!({ "by": blocked.by.word() });
    if in_figures {
        shown["resource"] = blocked.resource.word().into();
        shown["wanted"] = blocked.wanted.into();
        shown["used"] = blocked.used.into();
        shown["limit"] = blocked.limit.into();
        shown["left"] = blocked.left().into();
    }
    shown
}

/// All that a Space sees of another repository it may only read.
fn volume(volume: &Volume) -> Value {
    let mut shown = serde_json::to_value(volume).unwrap_or_default();
    shown["readOnly"] = true.into();
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("whilePrivate");
    }
    shown
}

fn limit(report: &LimitReport) -> Value {
    let mut limit = serde_json::json!({ "name": report.name, "value": report.value });
    match &report.state {
        LimitState::Enforced => limit["state"] = "enforced".into(),
        LimitState::Unsupported(reason) => {
            limit["state"] = "unsupported".into();
            limit["reason"] = reason.as_str().into();
        }
    }
    limit
}

/// A size in the list of hardware. Nothing here costs money.
pub(super) fn hardware(hardware: &Hardware) -> Value {
    serde_json::json!({
        "name": hardware.name,
        "prettyName": hardware.title,
        "cpu": hardware.cpu_text(),
        "ram": hardware.memory_text(),
        "accelerator": null,
        "unitCostMicroUSD": 0,
        "unitCostUSD": 0,
        "unitLabel": "minute",
    })
}

/// The fields of a repository that cost no look into its files.
pub(super) fn repository(repo: &Repository, likes: i64) -> Map<String, Value> {
    let mut facts = object(serde_json::json!({
        "_id": repo.id.to_string(),
        "id": repo.name.to_string(),
        "author": repo.name.owner.as_str(),
        "sha": repo.head,
        "createdAt": date(repo.created_at),
        "lastModified": date(repo.updated_at),
        "private": repo.visibility == Visibility::Private,
        "visibility": repo.visibility,
        "gated": false,
        "disabled": false,
        "likes": likes,
        "trendingScore": 0,
    }));
    match repo.kind {
        RepoKind::Model => {
            facts.insert("modelId".to_owned(), repo.name.to_string().into());
            facts.insert("downloads".to_owned(), 0.into());
            facts.insert("spaces".to_owned(), Value::Array(Vec::new()));
        }
        RepoKind::Dataset => drop(facts.insert("downloads".to_owned(), 0.into())),
        RepoKind::Space => {}
    }
    facts
}

/// The fields that only a Space has.
pub(super) fn space(space: &Space, host: &str) -> Map<String, Value> {
    object(serde_json::json!({
        "host": host,
        "subdomain": space.subdomain.as_str(),
        "sdk": space.sdk,
        "models": [],
        "datasets": [],
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

// === impl Created ===

impl Created {
    pub(super) fn of(repo: &Repository, arrival: &Arrival) -> Self {
        let name = repo.name.to_string();
        Self {
            url: arrival.repo_page(repo.kind, &repo.name),
            id: name.clone(),
            name,
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
