//! All the runtimes of a server, as one.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};

use super::{InstanceSpec, LimitReport, Runtime, RuntimeError};
use crate::domain::{Artifact, ArtifactKind, DiskAmount, InstanceId, WorkloadId};
use crate::upstream::Upstream;

/// All the ways there are of running things. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Runtimes(Arc<[Arc<dyn Runtime>]>);

/// Stands for the runtime of artifacts that none of this server's runs.
struct Missing;

// === impl Runtimes ===

impl Runtimes {
    /// The given ones. Of those that run the same kind of artifacts, the first does.
    pub fn new(all: impl IntoIterator<Item = Arc<dyn Runtime>>) -> Self {
        Self(all.into_iter().collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Runtime>> {
        self.0.iter()
    }

    /// The one for that artifact.
    pub fn for_artifact(&self, artifact: &Artifact) -> &dyn Runtime {
        let found = self.iter().find(|runtime| runtime.runs(&artifact.kind));
        found.map_or(&Missing, |runtime| &**runtime)
    }

    /// As [`Runtime::stop_all`].
    pub async fn stop_all(&self) {
        join_all(self.iter().map(|runtime| runtime.stop_all())).await;
    }

    /// As [`Runtime::sweep`].
    pub async fn sweep(&self) {
        join_all(self.iter().map(|runtime| runtime.sweep())).await;
    }

    /// As [`Runtime::guard`].
    pub async fn guard(&self) {
        join_all(self.iter().map(|runtime| runtime.guard())).await;
    }

    /// As [`Runtime::forget`].
    ///
    /// # Errors
    /// The first; all were asked.
    pub async fn forget(&self, workload: WorkloadId) -> anyhow::Result<()> {
        let all = join_all(self.iter().map(|runtime| runtime.forget(workload))).await;
        all.into_iter().collect()
    }

    /// As [`Runtime::stored`].
    pub async fn stored(&self, workload: WorkloadId) -> DiskAmount {
        let all = join_all(self.iter().map(|runtime| runtime.stored(workload))).await;
        all.into_iter().sum()
    }

    /// As [`Runtime::mounted`]: `None` as soon as one cannot tell.
    pub async fn mounted(&self) -> Option<HashSet<PathBuf>> {
        let all = join_all(self.iter().map(|runtime| runtime.mounted())).await;
        let all: Option<Vec<_>> = all.into_iter().collect();
        Some(all?.into_iter().flatten().collect())
    }
}

impl Runtime for Missing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn runs(&self, _kind: &ArtifactKind) -> bool {
        false
    }

    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        let name = spec.name;
        let error = anyhow::anyhow!("nothing on this server runs what was built of {name}");
        Box::pin(std::future::ready(Err(RuntimeError::Server(error))))
    }

    fn stop(&self, _id: InstanceId) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn limits(&self, _id: InstanceId) -> Vec<LimitReport> {
        Vec::new()
    }
}
