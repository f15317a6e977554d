//! Running things: from an artifact to an address at which it answers.
//!
//! One trait, [`Runtime`], one folder or file per kind. [`Runtimes::for_artifact`] picks; nobody above knows which kind
//! it is: a new one is a folder that implements the trait, and a line where the server lists its runtimes. An instance
//! of a kind that lives in this process ends with the process, and is started again by the same decision that starts any
//! other; one that lives elsewhere is found again and adopted.

pub mod container;
mod egress;
mod list;
mod site;
pub mod wasm;

use std::collections::HashSet;
use std::future::ready;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::domain::{
    Artifact, ArtifactKind, BuildId, DiskAmount, ExitReason, InstanceId, Limits, Millis,
    NamedRepository, RepoName, Revision, WorkloadId,
};
use crate::journal::Log;
use crate::ledger::{ContainerSlot, Refused, WorkloadAccount};
use crate::upstream::Upstream;

pub use list::Runtimes;
pub use site::SiteRuntime;

/// What is to be run, and within what.
#[derive(Clone)]
pub struct InstanceSpec {
    /// Chosen by the caller.
    pub id: InstanceId,
    /// What it is started for.
    pub workload: WorkloadId,
    /// The same, for logs and environment.
    pub name: RepoName,
    /// What it was built from.
    pub revision: Revision,
    /// The build that made the artifact.
    pub build: BuildId,
    /// The Space's count of restarts.
    pub restarts: i64,
    /// What to run.
    pub artifact: Artifact,
    /// The Space's page in the ledger: everything the instance takes is charged there.
    pub account: Arc<WorkloadAccount>,
    /// Its hardware.
    pub limits: Limits,
    /// The right to run it, for what takes one; held until it has ended.
    pub reservation: Option<Arc<ContainerSlot>>,
    /// The environment it sees, secrets included. Never to be logged.
    pub environment: Arc<Vec<(String, String)>>,
    /// What of it anybody may read: the owner's variables.
    pub variables: Arc<Vec<(String, String)>>,
    /// The models and datasets it finds in its files, and what is to be said of those it does not.
    pub repositories: Arc<Repositories>,
    /// What it shows to the hub, where it can reach it. Never to be logged.
    pub hub_token: Arc<str>,
    /// Asked when it was refused memory that it takes as it runs.
    pub ask_for_room: AskForRoom,
    /// Where it may speak.
    pub log: Log,
}

/// Asks what is idle to give way to whoever was refused; whether enough will, in a moment.
pub type AskForRoom = Arc<dyn Fn(&Refused) -> bool + Send + Sync>;

/// What a Space finds of the models and datasets that its card names, and its volumes.
#[derive(Debug, Default)]
pub struct Repositories {
    /// Those that are there.
    pub mounts: Vec<Mount>,
    /// Of the others, a sentence each, for the author.
    pub notes: Vec<String>,
}

impl Repositories {
    /// What is there and what is not, a sentence each, for the author.
    pub fn told(&self) -> impl Iterator<Item = String> + '_ {
        let mounts = self.mounts.iter().map(|mount| {
            format!(
                "{} at {} is mounted at {}, read-only.",
                mount.named.name, mount.revision, mount.target
            )
        });
        mounts.chain(self.notes.iter().cloned())
    }
}

/// A commit's files, to be seen by an instance and not to be written to.
#[derive(Debug)]
pub struct Mount {
    /// What the card or a volume names.
    pub named: NamedRepository,
    /// The commit.
    pub revision: Revision,
    /// The folder on this host, which stays as long as an instance has it mounted.
    pub source: PathBuf,
    /// Where it is seen.
    pub target: String,
    /// Whether all of the commit is seen.
    pub whole: bool,
}

/// Opens the hub to the inside of containers.
pub trait ListenForGuests: Send + Sync {
    /// Lets the hub answer at that address of this host until the last who holds what is returned drops it.
    fn open(&self, address: SocketAddr) -> BoxFuture<'_, anyhow::Result<Arc<dyn Send + Sync>>>;
}

/// Why an instance did not start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The author's to mend; the text is for them.
    #[error("{0}")]
    Author(String),
    /// Nothing keeps it off this host's network, and something must; the text is for the author, the operator can mend it.
    #[error("{0}")]
    Exposed(String),
    /// The artifact is not there any more, or not of this engine: it must be built again.
    #[error("the artifact is gone or was made by another version")]
    ArtifactLost,
    /// Ours.
    #[error("the instance could not be started")]
    Server(#[source] anyhow::Error),
}

/// An instance that had answered ended without being asked to.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What it was started for.
    pub workload: WorkloadId,
    /// Which one.
    pub instance: InstanceId,
    /// Why.
    pub reason: ExitReason,
    /// The last lines it printed.
    pub log_tail: Vec<String>,
}

/// Ends of instances that nobody asked for. The control plane reads it.
pub type Endings = mpsc::UnboundedReceiver<Ended>;

/// Whether a limit is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitState {
    /// It is, as read back from what applies it.
    Enforced,
    /// It is not, and why.
    Unsupported(String),
}

/// One limit of a Space as it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitReport {
    /// `cpu`, `memory`, …
    pub name: &'static str,
    /// As people read it.
    pub value: String,
    /// Whether it is applied.
    pub state: LimitState,
}

/// An instance that an earlier process of this server left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub instance: InstanceId,
    /// What it was started for.
    pub workload: WorkloadId,
    /// What it runs.
    pub build: BuildId,
    /// The Space's count of restarts at its start.
    pub restarts: i64,
}

/// One way of running artifacts: all that is ever asked of it. What only some can do has a default that says so.
pub trait Runtime: Send + Sync {
    /// What operators know it by, such as `wasi`. No two have the same.
    fn name(&self) -> &'static str;

    /// Whether it runs artifacts of that kind.
    fn runs(&self, kind: &ArtifactKind) -> bool;

    /// Whether its instances live in this process and end with it. Of others [`list`](Self::list) is asked.
    fn is_in_process(&self) -> bool {
        true
    }

    /// Whether an instance holds its hardware from start to end, and so needs a reservation before it is started. Others
    /// take memory as they run.
    fn reserves(&self) -> bool {
        false
    }

    /// Whether [`freeze`](Self::freeze) works, and idle instances are worth it: they run code of their own accord.
    fn can_freeze(&self) -> bool {
        false
    }

    /// Whether the operator wants it at all.
    fn is_on(&self) -> bool {
        true
    }

    /// What stands in the way of running anything, for everybody to read; `None` when nothing does.
    fn trouble(&self) -> BoxFuture<'_, Option<&'static str>> {
        Box::pin(ready(None))
    }

    /// Starts an instance and returns, once it answers, where. Who drops the future before that stops the instance.
    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>>;

    /// Stops an instance, and with it what it is still doing for visitors; unknown ones are stopped already.
    fn stop(&self, id: InstanceId) -> BoxFuture<'_, ()>;

    /// Stops all instances that would outlive this process, side by side.
    fn stop_all(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// The limits of a running instance, read back from what applies them.
    fn limits(&self, id: InstanceId) -> Vec<LimitReport>;

    /// When an instance was last seen to compute of its own accord, in Unix milliseconds: as good as a visit.
    fn worked_at(&self, _id: InstanceId) -> Option<Millis> {
        None
    }

    /// Whether an instance computes right now. Takes a moment to look.
    fn is_working(&self, _id: InstanceId) -> BoxFuture<'_, bool> {
        Box::pin(ready(false))
    }

    /// What the author should know of an instance that is on its way or answers; `None` while all is well.
    fn notice(&self, _id: InstanceId) -> Option<String> {
        None
    }

    /// Freezes what an instance runs: it keeps its memory and computes nothing until it is thawed. May be done twice.
    fn freeze(&self, _id: InstanceId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(ready(Err(anyhow::anyhow!(
            "instances of this kind cannot be frozen"
        ))))
    }

    /// Thaws what was frozen. May be done twice.
    fn thaw(&self, _id: InstanceId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(ready(Ok(())))
    }

    /// What an earlier process left running. Asked once, before [`sweep`](Self::sweep); each is then adopted or stopped.
    fn list(&self) -> BoxFuture<'_, Vec<Found>> {
        Box::pin(ready(Vec::new()))
    }

    /// Takes an instance that was [listed](Self::list) into care, and returns where it answers. Where that fails it is
    /// stopped by whoever asked.
    fn adopt(&self, _spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        let error = anyhow::anyhow!("instances of this kind do not outlive the server");
        Box::pin(ready(Err(RuntimeError::Server(error))))
    }

    /// Removes what nobody in this process knows: instances of an earlier one, and what was made for them.
    fn sweep(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// Sees to what must hold for as long as anything runs, until it is dropped.
    fn guard(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// Removes what a workload leaves beside its instances, durable storage too.
    ///
    /// # Errors
    /// When something is left that must not be: the workload stays until it can be removed.
    fn forget(&self, _workload: WorkloadId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(ready(Ok(())))
    }

    /// What a workload holds in its durable storage.
    fn stored(&self, _workload: WorkloadId) -> BoxFuture<'_, DiskAmount> {
        Box::pin(ready(DiskAmount::default()))
    }

    /// The folders of this host that instances see, those of [`Repositories`] among them; `None` when that cannot be told
    /// now, and so none may go.
    fn mounted(&self) -> BoxFuture<'_, Option<HashSet<PathBuf>>> {
        Box::pin(ready(Some(HashSet::new())))
    }
}

/// Where runtimes say which instances have ended, and where the control plane hears of it.
pub fn endings() -> (mpsc::UnboundedSender<Ended>, Endings) {
    mpsc::unbounded_channel()
}
