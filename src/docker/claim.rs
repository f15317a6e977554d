//! Whose containers they are, when two data folders bear the same name.
//!
//! A data folder that was copied with its `keys/engine` (a drill, a snapshot, a second disk) has the name of the folder it
//! was copied from, and a server on it would take that one's containers for its own. So the first folder to use a name on an
//! engine leaves a claim there: an empty volume whose labels say which folder it is. The engine makes a volume of one name
//! once, and labels never change, so of two that come at the same time one is first.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;

use super::{DATA, EngineError, is_gone, status};

/// Label: which folder, in a way that no copy of it shares.
const IDENTITY: &str = "glasshouse.folder";
/// Label: where the folder is, for people.
const PATH: &str = "glasshouse.path";
/// Label: the host's name, for people.
const HOST: &str = "glasshouse.host";

/// Which data folder a server uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    identity: String,
    path: PathBuf,
    host: String,
}

// === impl Claim ===

impl Claim {
    /// That of the folder with the file `key` in it. A folder that is renamed is still itself; a copy of it is not, because
    /// its files have other numbers and were made at another time.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn of(folder: &Path, key: &Path) -> io::Result<Self> {
        let facts = fs::metadata(key)?;
        let made = facts.created().ok();
        let made = made.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        // A file system that keeps no time of making has numbers alone.
        let made = made.map_or(0, |since| since.as_nanos());
        Ok(Self {
            identity: format!("{}-{made}", facts.ino()),
            path: folder.canonicalize()?,
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
        })
    }

    /// Refuses where another folder has claimed the name `data`.
    pub(super) async fn check(&self, docker: &Docker, data: &str) -> Result<(), EngineError> {
        match docker.inspect_volume(&volume(data)).await {
            Ok(found) => self.compare(&found.labels),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Claims the name `data`, or finds the claim made.
    pub(super) async fn make(&self, docker: &Docker, data: &str) -> Result<(), EngineError> {
        let labels = HashMap::from([
            (DATA.to_owned(), data.to_owned()),
            (IDENTITY.to_owned(), self.identity.clone()),
            (PATH.to_owned(), self.path.display().to_string()),
            (HOST.to_owned(), self.host.clone()),
        ]);
        let request = VolumeCreateRequest {
            name: Some(volume(data)),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        // One that is there is returned as it is. `docker volume prune` may have removed it since it was last made.
        let made = docker.create_volume(request).await?;
        self.compare(&made.labels)
    }

    fn compare(&self, labels: &HashMap<String, String>) -> Result<(), EngineError> {
        let label = |name: &str| labels.get(name).map_or("?", String::as_str);
        if label(IDENTITY) == self.identity {
            return Ok(());
        }
        Err(EngineError::Claimed(format!(
            "the containers of this data folder ({}) belong to the folder {} on {}, of which this one seems to be a \
             copy. If the original is still in use, give this folder an identity of its own: `glasshouse engine \
             rename`. If it is not, take the containers over: `glasshouse engine take`",
            self.path.display(),
            label(PATH),
            label(HOST),
        )))
    }
}

/// The folder on this host that has claimed the name `data`, if there is one.
pub(super) async fn claimant(docker: &Docker, data: &str) -> Result<Option<PathBuf>, EngineError> {
    let labels = match docker.inspect_volume(&volume(data)).await {
        Ok(found) => found.labels,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let here = rustix::system::uname();
    let is_here = labels.get(HOST).map(String::as_bytes) == Some(here.nodename().to_bytes());
    Ok(labels.get(PATH).filter(|_| is_here).map(PathBuf::from))
}

pub(super) async fn remove(docker: &Docker, data: &str) -> Result<(), EngineError> {
    match docker
        .remove_volume(&volume(data), None::<RemoveVolumeOptions>)
        .await
    {
        Err(error) if !is_gone(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn volume(data: &str) -> String {
    format!("glasshouse-claim-{data}")
}
