//! `[docker]` and `[runtimes.*]`: containers. What each option is for stands in `config.default.toml`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;
use crate::domain::EgressOffer;

/// What happens where this host cannot keep a container off its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// The container is not started.
    Required,
    /// It is started, and the missing limit is reported.
    Reported,
}

/// `[docker]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerConfig {
    /// Without it, Spaces that need containers are refused when they are published.
    pub enabled: bool,
    /// `unix://PATH`; `None` takes `DOCKER_HOST`, or the usual socket.
    pub host: Option<String>,
    /// One of the names under `[[hardware]]`.
    pub default_hardware: String,
    /// As the engine knows it, such as `runsc`; `None` takes the engine's own.
    pub runtime: Option<String>,
    /// An IPv4 network, `ADDRESS/BITS`, of which every Space's network takes eight addresses.
    pub network_pool: String,
    /// See [`Isolation`].
    pub isolation: Isolation,
    /// Where outgoing connections may lead at most.
    pub egress: EgressOffer,
    /// Lets what may reach the internet reach private networks too.
    pub egress_private: bool,
    /// Processes and threads of one container.
    pub pids: u32,
    /// Written outside `/data`, `/tmp` included; gone with the instance.
    #[serde(with = "text::bytes")]
    pub disk: u64,
    /// Largest storage a card may ask for under `/data`.
    #[serde(with = "text::bytes")]
    pub storage: u64,
    /// Time without use until its processes are frozen.
    #[serde(with = "text::duration")]
    pub freeze_after: Duration,
    /// Until it must answer, when the card does not say; also the most a card may ask for.
    #[serde(with = "text::duration")]
    pub startup_timeout: Duration,
    /// From the request to end until it is killed.
    #[serde(with = "text::duration")]
    pub stop_grace: Duration,
    /// Between two looks at what each container uses.
    #[serde(with = "text::duration")]
    pub measure_every: Duration,
}

/// `[runtimes.NAME]`: what the operator may change of an SDK that builds containers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The image its Spaces are built on, as the engine knows it; `{python_version}` stands for the card's.
    pub base_image: String,
    /// Whether what apps of the SDK find on Hugging Face (compilers, git, ffmpeg, the SDK itself) is installed on it, once
    /// for the server. If not set, it is on the base image that is the default, and not on another.
    #[serde(default)]
    pub preinstall: Option<bool>,
}

/// The base image of every SDK, if the operator has chosen none.
const USUAL_BASE: &str = "python:{python_version}-slim";

// === impl RuntimeConfig ===

impl RuntimeConfig {
    /// Whether something is installed on the base image first.
    pub fn preinstalls(&self) -> bool {
        self.preinstall.unwrap_or(self.base_image == USUAL_BASE)
    }
}

/// All of them by the SDK's word.
pub type RuntimeConfigs = BTreeMap<String, RuntimeConfig>;

// === impl DockerConfig ===

impl DockerConfig {
    /// First address and length in bits of `network_pool`; `None` for what is no private network with room for one
    /// Space's.
    pub fn pool(&self) -> Option<(Ipv4Addr, u8)> {
        let (address, bits) = self.network_pool.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u8 = bits.parse().ok().filter(|bits| (8..=29).contains(bits))?;
        let host_part = u32::MAX >> bits;
        (address.is_private() && u32::from(address) & host_part == 0).then_some((address, bits))
    }
}
