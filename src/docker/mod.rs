//! The container engine: one connection to the Docker API for those who build images and those who run them.
//!
//! Everything Glasshouse makes there carries [`DATA`] with the name of its data folder, so that two servers on one
//! engine, and a stranger's containers, are never mistaken for each other.

pub mod accounts;
mod claim;
mod disk;
mod firewall;
pub mod kernel;
mod network;
pub mod seccomp;
mod surroundings;
pub mod tree;
mod unlinked;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::Mutex;

pub use claim::Claim;
pub use disk::{free, held_open, layer_folders, layer_length, most_files, own_layer, written};
pub use firewall::{Firewall, Reach};
pub use network::{Network, Networks};
use surroundings::{BRIDGE_NAME, NETWORKS_ELSEWHERE, has_interface};
pub use surroundings::{Elsewhere, is_missing_mount};

/// Label of everything made: the data folder it belongs to.
pub const DATA: &str = "glasshouse.data";
/// Label: `OWNER/NAME`.
pub const SPACE: &str = "glasshouse.space";
/// Label of containers: what they run, as `space/ID`.
pub const WORKLOAD: &str = "glasshouse.workload";
/// Label: the Space's id. Containers that earlier versions made have no other that says what they run.
pub const SPACE_ID: &str = "glasshouse.space-id";
/// Label: the commit.
pub const REVISION: &str = "glasshouse.revision";
/// Label: the build's id.
pub const BUILD: &str = "glasshouse.build";
/// Label of images: a hash of all that one was made of.
pub const MADE_OF: &str = "glasshouse.made-of";
/// Label of images and of every layer of a build: the account whose builds may find it in the engine's cache.
pub const CACHE: &str = "glasshouse.cache";
/// Label: the instance's id.
pub const INSTANCE: &str = "glasshouse.instance";
/// Label: the Space's count of restarts at its start.
pub const RESTARTS: &str = "glasshouse.restarts";

/// On each network of a Space's, the host's own address answers as the hub at this port, and at no other.
pub const HUB_PORT: u16 = 17860;

/// There too, and again at no other: the proxy for hosts that a card lists.
pub const PROXY_PORT: u16 = 17861;

/// The engine answers any question within this time, or is not well.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The first question is a plain one, and whoever asks it holds up others.
const FIRST_TIMEOUT: Duration = Duration::from_secs(5);
const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// Why the engine did not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The operator does without.
    #[error("containers are turned off on this server")]
    Off,
    /// It does not answer.
    #[error("the container engine at {host} does not answer")]
    Absent {
        /// Where it was looked for.
        host: String,
        /// What happened.
        #[source]
        source: bollard::errors::Error,
    },
    /// Another data folder, of which this one is a copy, has its containers there.
    #[error("{0}")]
    Claimed(String),
    /// It answers that it will not.
    #[error("the container engine refused the request")]
    Refused(#[from] bollard::errors::Error),
}

/// The way to the engine. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    /// `None`: containers are off.
    host: Option<String>,
    data: String,
    /// What keeps a copy of the data folder off the containers of the folder it was copied from.
    claim: Option<Claim>,
    /// Connected and speaking a version both know, once it has answered.
    connected: Mutex<Option<Docker>>,
}

// === impl Engine ===

impl Engine {
    /// The engine at `host` (`unix://PATH`, or `None` for `DOCKER_HOST` or the usual socket). Connects at the first
    /// use, so that an engine may come later than the server. `data` names the data folder.
    ///
    /// Whoever gives a `claim` is refused ([`EngineError::Claimed`]) where another folder has made one for that name.
    pub fn new(host: Option<&str>, data: &str, claim: Option<Claim>) -> Self {
        let usual = || {
            std::env::var("DOCKER_HOST")
                .ok()
                .filter(|host| !host.is_empty())
        };
        let host = host.map(str::to_owned).or_else(usual);
        Self::at(
            Some(host.unwrap_or_else(|| USUAL_SOCKET.to_owned())),
            data,
            claim,
        )
    }

    /// None at all.
    pub fn off(data: &str) -> Self {
        Self::at(None, data, None)
    }

    fn at(host: Option<String>, data: &str, claim: Option<Claim>) -> Self {
        Self(Arc::new(Inner {
            host,
            data: data.to_owned(),
            claim,
            connected: Mutex::default(),
        }))
    }

    /// The data folder's name, as it stands in [`DATA`].
    pub fn data(&self) -> &str {
        &self.0.data
    }

    /// Where the engine is looked for; `None` when containers are off.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The engine, once it answers. Its calls end after thirty seconds without a word from it, streams excepted.
    ///
    /// # Errors
    /// When containers are off, or nothing answers.
    pub async fn connect(&self) -> Result<Docker, EngineError> {
        let host = self.0.host.as_ref().ok_or(EngineError::Off)?;
        let mut connected = self.0.connected.lock().await;
        if let Some(docker) = &*connected {
            return Ok(docker.clone());
        }
        let absent = |source| EngineError::Absent {
            host: host.clone(),
            source,
        };
        let path = host.strip_prefix("unix://").unwrap_or(host);
        if !Path::new(path).exists() {
            let error = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(absent(error.into()));
        }
        let docker = Docker::connect_with_unix(path, TIMEOUT.as_secs(), API_DEFAULT_VERSION)
            .map_err(absent)?;
        let docker = tokio::time::timeout(FIRST_TIMEOUT, docker.negotiate_version())
            .await
            .unwrap_or(Err(bollard::errors::Error::RequestTimeoutError))
            .map_err(absent)?;
        if let Some(claim) = &self.0.claim {
            claim.check(&docker, &self.0.data).await?;
        }
        *connected = Some(docker.clone());
        Ok(docker)
    }

    /// The engine, for whoever is about to make something there under the data folder's name.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_to_make(&self) -> Result<Docker, EngineError> {
        let docker = self.connect().await?;
        if let Some(claim) = &self.0.claim {
            claim.make(&docker, &self.0.data).await?;
        }
        Ok(docker)
    }

    /// Gives the name up: whoever comes next may claim it.
    ///
    /// # Errors
    /// When no engine answers, or it refuses.
    pub async fn give_up_claim(&self) -> Result<(), EngineError> {
        let docker = self.connect().await?;
        claim::remove(&docker, &self.0.data).await
    }

    /// The folder on this host that what bears this data folder's name belongs to, if one has claimed it.
    ///
    /// # Errors
    /// When no engine answers, or it refuses.
    pub async fn claimant(&self) -> Result<Option<PathBuf>, EngineError> {
        let docker = self.connect().await?;
        claim::claimant(&docker, &self.0.data).await
    }

    /// Whether it answers right now.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), EngineError> {
        let docker = self.connect().await?;
        docker.ping().await?;
        Ok(())
    }

    /// The filter that lists only what belongs to this data folder.
    pub fn own(&self) -> std::collections::HashMap<String, Vec<String>> {
        let label = format!("{DATA}={}", self.0.data);
        [("label".to_owned(), vec![label])].into()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Engine({:?})", self.0.host)
    }
}

/// The status with which the engine refused, if it was one.
pub fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether what was asked about is not there (404), or is on its way out (409 to a removal).
pub fn is_gone(error: &bollard::errors::Error) -> bool {
    matches!(status(error), Some(404 | 409))
}
