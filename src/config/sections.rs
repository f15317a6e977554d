//! The sections of the configuration file. What each option is for, its bounds and its default stand in
//! `config.default.toml`; here stands only what its type cannot say.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;
use crate::domain::{EgressOffer, Hardware, Limits, Quota};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// In the syntax of tracing-subscriber's `Targets`.
    pub level: String,
    /// Text or JSON.
    pub format: LogFormat,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// `None`: half as many as cores.
    pub threads: Option<usize>,
    /// Whether those threads go before all ordinary ones of the machine.
    pub realtime: bool,
    /// For a whole request header; also the idle limit between requests.
    #[serde(with = "text::duration")]
    pub header_timeout: Duration,
    /// From accept to the first byte.
    #[serde(with = "text::duration")]
    pub first_byte_timeout: Duration,
    /// Served at once, over all listeners of one `serve`.
    pub max_connections: usize,
    /// Of those, by one IPv4 address or IPv6 /64 that is no trusted proxy. `None`: a quarter.
    pub max_connections_per_address: Option<usize>,
    /// Whether containers are stopped with the server; else they go on, and are taken in again.
    pub stop_containers: bool,
    /// From the wish to stop until connections are cut.
    #[serde(with = "text::duration")]
    pub drain_timeout: Duration,
    /// At least 8 KiB.
    #[serde(with = "text::bytes")]
    pub max_header_bytes: u64,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// `[oidc]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// `None`: nowhere.
    pub issuer: Option<String>,
    /// As it was registered there.
    pub client_id: String,
    /// A file, so that it stands neither in this one nor in the environment. `None`: there is no secret.
    pub client_secret_file: Option<PathBuf>,
    /// Words with spaces between them.
    pub scopes: String,
    /// Of the ID token, or else of the userinfo.
    pub name_claim: String,
    /// For people to read: "Sign in with …".
    pub title: String,
    /// For whoever comes from there and has none.
    pub create_accounts: bool,
}

/// `[gateway]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// Of a request body; answered 413 beyond.
    #[serde(with = "text::bytes")]
    pub body_bytes: u64,
    /// From admission until the response body has ended.
    pub concurrency_per_space: usize,
    /// Of those, by one account or address.
    pub concurrency_per_visitor: usize,
    /// WebSockets, and event streams of containers, until they end.
    pub watchers_per_space: usize,
    /// Of those, by one account or address.
    pub watchers_per_visitor: usize,
    /// Waiting for a place, also while the Space wakes.
    pub queue_per_space: usize,
    /// Requests a second to one Space by one account or address; 0 is no limit.
    pub rate_per_visitor: f64,
    /// Requests a second to one Space; 0 is no limit.
    pub rate_per_space: f64,
    /// In the queue.
    #[serde(with = "text::duration")]
    pub queue_timeout: Duration,
    /// For callers that are not browsers showing a page.
    #[serde(with = "text::duration")]
    pub wake_timeout: Duration,
    /// Bytes per second, of request bodies arriving and of responses being read; the server sees to it for the hub too.
    #[serde(with = "text::bytes")]
    pub minimum_body_rate: u64,
    /// Time a client may be behind that rate.
    #[serde(with = "text::duration")]
    pub minimum_body_grace: Duration,
    /// Of the Space, never of the client.
    #[serde(with = "text::duration")]
    pub idle_timeout: Duration,
}

/// One `[[hardware]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareConfig {
    /// The word in requests and cards.
    pub name: String,
    /// As shown to people.
    pub title: String,
    /// Cores; counted in thousandths.
    pub cpu: f64,
    /// Summed over everything a Space runs.
    #[serde(with = "text::bytes")]
    pub memory: u64,
}

/// `[quota]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    /// Of the Spaces that run, by their hardware.
    #[serde(with = "text::bytes")]
    pub memory_per_owner: u64,
    /// Whether they run or not.
    pub spaces_per_owner: u32,
    /// With files or without.
    pub models_per_owner: u32,
    /// With files or without.
    pub datasets_per_owner: u32,
    /// Containers, frozen ones among them.
    pub instances_per_owner: u32,
    /// Cores; counted in thousandths.
    pub cpu_per_owner: f64,
    /// Of repositories and what belongs to them.
    #[serde(with = "text::bytes")]
    pub disk_per_owner: u64,
    /// Of the same; folders count as files do.
    pub files_per_owner: u64,
    /// Under way.
    pub builds_per_owner: u32,
    /// CPU time, not wall-clock time. `None`: as much as there is.
    #[serde(default, with = "text::optional_duration")]
    pub cpu_time_per_owner_per_day: Option<Duration>,
    /// Wall-clock time; whole minutes count. `None`: as much as there is.
    #[serde(default, with = "text::optional_duration")]
    pub build_time_per_owner_per_day: Option<Duration>,
    /// Of answers and tunnels to visitors. `None`: without end.
    #[serde(default, with = "text::optional_bytes")]
    pub egress_per_owner_per_day: Option<u64>,
}

/// `[host]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostConfig {
    /// `None`: three quarters of the machine's.
    #[serde(default, with = "text::optional_bytes")]
    pub memory: Option<u64>,
    /// Times the cores.
    pub cpu_overcommit: f64,
    /// Times a Space's rate; 1 gives nothing away.
    pub cpu_spare: f64,
}

/// `[wasm]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WasmConfig {
    /// One of the names under `[[hardware]]`.
    pub default_hardware: String,
    /// `None`: as many as cores.
    pub guest_threads: Option<usize>,
    /// Between interruptions of a running guest.
    #[serde(with = "text::duration")]
    pub tick: Duration,
    /// When the card is silent.
    #[serde(with = "text::duration")]
    pub request_timeout: Duration,
    /// What a card may ask for.
    #[serde(with = "text::duration")]
    pub max_request_timeout: Duration,
    /// CPU time, not wall-clock time.
    #[serde(with = "text::duration")]
    pub cpu_burst: Duration,
    /// Slots of the pool.
    pub instances: u32,
    /// Of one memory; the pool reserves address space, not memory, for it.
    #[serde(with = "text::bytes")]
    pub memory_per_instance: u64,
    /// As published.
    #[serde(with = "text::bytes")]
    pub module_bytes: u64,
    /// Compiled code without requests.
    #[serde(with = "text::duration")]
    pub unload_after: Duration,
    /// Per instance.
    pub reuse_count: u32,
    /// Of one response.
    #[serde(with = "text::bytes")]
    pub response_bytes: u64,
    /// Where outgoing HTTP may lead at most.
    pub egress: EgressOffer,
    /// Checked after name resolution.
    pub egress_private: bool,
}

/// `[build]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildConfig {
    /// Container images, over all owners.
    pub at_once: usize,
    /// WebAssembly, over all owners.
    pub compile_at_once: usize,
    /// Files, over all owners.
    pub files_at_once: usize,
    /// Whole seconds are what the kernel counts.
    #[serde(with = "text::duration")]
    pub compile_cpu: Duration,
    /// Address space of the compiling process.
    #[serde(with = "text::bytes")]
    pub compile_memory: u64,
    /// Until the compiling process is killed.
    #[serde(with = "text::duration")]
    pub compile_wall: Duration,
    /// On disk.
    #[serde(with = "text::bytes")]
    pub artifact_bytes: u64,
    /// `None`: half of the host's, at most four gigabytes.
    #[serde(default, with = "text::optional_bytes")]
    pub container_memory: Option<u64>,
    /// Cores; counted in thousandths.
    pub container_cpu: f64,
    /// Of each container of a build.
    pub container_pids: u32,
    /// Fetching of base images included.
    #[serde(with = "text::duration")]
    pub container_wall: Duration,
    /// Of text; the journal keeps far less.
    #[serde(with = "text::bytes")]
    pub container_output: u64,
    /// Unpacked, with its base image.
    #[serde(with = "text::bytes")]
    pub image_bytes: u64,
    /// On the engine's file system, where it is this machine's.
    #[serde(with = "text::bytes")]
    pub free_disk: u64,
    /// Of containers of builds; the engine itself fetches base images from anywhere.
    pub network: bool,
    /// As for running containers.
    pub egress_private: bool,
    /// Patterns of names that Dockerfiles may use without a registry that gives them to anybody.
    pub images: Vec<String>,
}

/// `[repo]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoConfig {
    /// Of one file.
    #[serde(with = "text::bytes")]
    pub file_bytes: u64,
    /// Of one commit's new content.
    #[serde(with = "text::bytes")]
    pub commit_bytes: u64,
    /// Operations in one commit.
    pub files: usize,
    /// In the tree after a commit.
    pub tree_files: usize,
    /// Of one file, sent apart from its commit.
    #[serde(with = "text::bytes")]
    pub large_from: u64,
    /// Of one file.
    #[serde(with = "text::bytes")]
    pub large_file_bytes: u64,
    /// Of one repository's.
    #[serde(with = "text::bytes")]
    pub large_bytes: u64,
}

/// `[journal]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// On disk, with its times and escapes.
    #[serde(with = "text::bytes")]
    pub bytes_per_log: u64,
    /// Of text.
    #[serde(with = "text::bytes")]
    pub line_bytes: u64,
    /// Per log.
    pub lines_per_second: u32,
}

/// `[sleep]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SleepConfig {
    /// Without visits.
    #[serde(with = "text::duration")]
    pub after: Duration,
}

// === impl HardwareConfig ===

impl HardwareConfig {
    /// The size as the rest of the house knows it.
    pub fn hardware(&self) -> Hardware {
        Hardware {
            name: self.name.clone(),
            title: self.title.clone(),
            limits: Limits {
                cpu_millis: self.cpu_millis(),
                memory_bytes: self.memory,
            },
        }
    }

    /// Thousandths of a core; 0 for what is not a positive number. A float-to-integer `as` keeps within bounds.
    pub(super) fn cpu_millis(&self) -> u32 {
        (self.cpu * 1000.0).round() as u32
    }
}

// === impl QuotaConfig ===

impl QuotaConfig {
    /// What an owner may have of whom nothing else is said.
    pub fn quota(&self) -> Quota {
        Quota {
            spaces: u64::from(self.spaces_per_owner),
            models: u64::from(self.models_per_owner),
            datasets: u64::from(self.datasets_per_owner),
            instances: u64::from(self.instances_per_owner),
            cpu_millis: (self.cpu_per_owner * 1000.0).round() as u64,
            memory_bytes: self.memory_per_owner,
            disk_bytes: self.disk_per_owner,
            disk_files: self.files_per_owner,
            builds: u64::from(self.builds_per_owner),
            cpu_seconds_per_day: self
                .cpu_time_per_owner_per_day
                .map_or(u64::MAX, |time| time.as_secs()),
            build_minutes_per_day: self
                .build_time_per_owner_per_day
                .map_or(u64::MAX, |time| time.as_secs() / 60),
            egress_bytes_per_day: self.egress_per_owner_per_day.unwrap_or(u64::MAX),
        }
    }
}

// === impl BuildConfig ===

impl BuildConfig {
    /// Thousandths of a core; 0 for what is not a positive number.
    pub fn container_cpu_millis(&self) -> u32 {
        (self.container_cpu * 1000.0).round() as u32
    }
}
