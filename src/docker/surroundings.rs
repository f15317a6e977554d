//! Whether the engine runs where this server does: the folders that it mounts and the networks that it makes are then
//! this server's own.
//!
//! An engine behind a socket may well live elsewhere: on another host, or, of a server in a container, around it. A
//! container would then be given other folders than those the server names, and be out of reach of its packet filter.

use std::path::Path;

use anyhow::Context;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{CreateContainerOptions, InspectNetworkOptions};

use super::{Engine, EngineError, status};

/// What of the engine's is not this server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It does not find the data folder under its path.
    Folders,
    /// Its networks are not this server's.
    Networks,
}

/// The option of a network that names its bridge.
pub(super) const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

pub(super) const NETWORKS_ELSEWHERE: &str = "the container engine and this server do not share a network, so this \
                                             server cannot isolate containers: run both in the same network (if the \
                                             server is itself in a container, with `--network host`)";

/// No image is named so: no registry may be.
const NO_IMAGE: &str = "glasshouse.invalid/none";

// === impl Elsewhere ===

impl Elsewhere {
    /// What it means and what to do, for the operator.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Folders => {
                "the container engine does not find this server's data folder at the same path, so no model, dataset \
                 or storage can be mounted: run both on one host; if the server is itself in a container, mount its \
                 data folder at the path that it has on the host"
            }
            Self::Networks => NETWORKS_ELSEWHERE,
        }
    }
}

// === impl Engine ===

impl Engine {
    /// What of the engine's is not this server's own, whose data folder is `data`. Makes nothing there that stays.
    ///
    /// # Errors
    /// When it does not answer, or the data folder cannot be written to.
    pub async fn elsewhere(&self, data: &Path) -> anyhow::Result<Vec<Elsewhere>> {
        let mut found = Vec::new();
        if !self.finds_folders_of(data).await? {
            found.push(Elsewhere::Folders);
        }
        if !self.bridges_here().await? {
            found.push(Elsewhere::Networks);
        }
        Ok(found)
    }

    /// The engine looks at mounts before it looks for the image, so that one that cannot be there is enough to ask it.
    async fn finds_folders_of(&self, data: &Path) -> anyhow::Result<bool> {
        let docker = self.connect().await?;
        // A name that is nowhere else.
        let folder = tempfile::Builder::new()
            .prefix(".engine-")
            .tempdir_in(std::path::absolute(data)?)
            .context("the data folder")?;
        let mount = Mount {
            typ: Some(MountType::BIND),
            source: Some(folder.path().display().to_string()),
            target: Some("/data".into()),
            read_only: Some(true),
            ..Mount::default()
        };
        let body = ContainerCreateBody {
            image: Some(NO_IMAGE.into()),
            host_config: Some(HostConfig {
                mounts: Some(vec![mount]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let answer = docker
            .create_container(None::<CreateContainerOptions>, body)
            .await;
        match answer {
            Err(error) if is_missing_mount(&error) => Ok(false),
            Err(error) if status(&error) == Some(404) => Ok(true),
            Err(error) => Err(EngineError::from(error).into()),
            Ok(_) => anyhow::bail!("the engine reports an image that cannot exist"),
        }
    }

    /// Whether the bridge of the engine's own network is one of this host's. An engine without one is not judged.
    async fn bridges_here(&self) -> anyhow::Result<bool> {
        let docker = self.connect().await?;
        let network = docker
            .inspect_network("bridge", None::<InspectNetworkOptions>)
            .await;
        let options = network.ok().and_then(|network| network.options);
        let bridge = options.and_then(|mut options| options.remove(BRIDGE_NAME));
        Ok(bridge.is_none_or(|bridge| has_interface(&bridge)))
    }
}

/// Whether the engine refused because it does not find a folder that is to be mounted.
pub fn is_missing_mount(error: &bollard::errors::Error) -> bool {
    status(error) == Some(400)
        && error
            .to_string()
            .contains("bind source path does not exist")
}

/// Whether this host has a network interface of that name, as far as this process sees.
pub(super) fn has_interface(name: &str) -> bool {
    Path::new("/sys/class/net").join(name).exists()
}
