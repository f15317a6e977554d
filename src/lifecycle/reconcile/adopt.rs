//! Takes what an earlier process left into care: stored Spaces, and the instances that went on running without it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::runtime_state::{HandleState, InstanceHandle};
use super::stored;
use super::supervisor::Supervisor;
use super::supervisors::Supervisors;
use crate::domain::{Artifact, Desired, RepoKind, Repository, Sdk, Space, SpaceId, WorkloadId};
use crate::ledger::ContainerSlot;
use crate::lifecycle::placement::start;
use crate::lifecycle::{FirstCommit, Landing, Parts, now};
use crate::runtime::{Found, Runtime};

/// Spaces that are looked at at the same time, besides those that somebody wants.
const AT_ONCE: usize = 8;

/// Puts every stored Space at its address and into care, so that visitors can be let in. None has been looked at yet: a
/// visit to one is a wake, and brings its turn forward.
pub(in crate::lifecycle) async fn admit(
    parts: &Arc<Parts>,
    supervisors: &Supervisors,
) -> anyhow::Result<Vec<Supervisor>> {
    let stored = parts.store.changed_spaces(0, None, i64::MAX).await?;
    let mut stored: HashMap<_, _> = stored.into_iter().map(|space| (space.id, space)).collect();
    let mut admitted = Vec::new();
    for id in parts.store.space_ids().await? {
        // Those that are being removed have no address any more.
        if let Some(space) = stored.remove(&id) {
            parts.place(&space);
        }
        admitted.extend(supervisors.admit(id));
    }
    for (name, id) in parts.store.former_space_names().await? {
        if let Some(space) = parts.store.space_by_id(id).await? {
            parts.routes.lead(&name, id, space.subdomain);
        }
    }
    Ok(admitted)
}

/// Looks at every Space that was admitted, a few at a time, and at models and datasets then.
///
/// Four things can lie half done after a crash: a Space whose row was written and whose repository was not made, a
/// repository without its first commit, a commit whose publish was not recorded, and an instance that nobody watches. All
/// are finished here.
pub(in crate::lifecycle) async fn look(
    parts: Arc<Parts>,
    supervisors: Arc<Supervisors>,
    admitted: Vec<Supervisor>,
) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let running = Arc::new(Running::default());
    let in_care: HashSet<_> = admitted.iter().map(|supervisor| supervisor.id).collect();
    let mut looks = JoinSet::new();
    for supervisor in admitted {
        let (turns, running) = (Arc::clone(&turns), Arc::clone(&running));
        let supervisors = Arc::clone(&supervisors);
        looks.spawn(async move {
            let found = match may_run(&supervisor).await {
                true => running.of(supervisor.id).await,
                false => Vec::new(),
            };
            // Whoever is wanted does not wait for the others.
            let turn = tokio::select! {
                turn = turns.acquire_owned() => turn.ok(),
                () = supervisor.own.nudge.notified() => None,
            };
            if let Err(error) = first_look(&supervisor, found).await {
                // One broken Space keeps no other from coming up.
                let space = supervisor.id;
                tracing::error!(%space, "{space} could not be put right: {error:#}");
            }
            supervisors.run_in_turn(supervisor, turn);
        });
    }
    join_all(parts.runtimes.iter().map(async |runtime| {
        for found in runtime.list().await {
            let WorkloadId::Space(space) = found.workload;
            match in_care.contains(&space) {
                true => running.add(Survivor {
                    runtime: Arc::clone(runtime),
                    found,
                }),
                // Its Space is gone.
                false => runtime.stop(found.instance).await,
            }
        }
    }))
    .await;
    running.known.cancel();
    while looks.join_next().await.is_some() {}
    // Their Spaces run in another way by now.
    join_all(running.rest().iter().map(Survivor::stop)).await;
    if let Err(error) = parts.mend_repositories().await {
        tracing::error!("models and datasets could not be put right: {error:#}");
    }
}

/// Whether something of a Space may have gone on running: what it runs does not end with the server.
async fn may_run(supervisor: &Supervisor) -> bool {
    let parts = &supervisor.parts;
    let good = match stored::load(parts, supervisor.id).await {
        Ok(stored) => stored.and_then(|stored| stored.good),
        // Asked again soon, by whoever has to say so.
        Err(_) => return true,
    };
    let artifact = good.and_then(|good| good.artifact);
    artifact.is_some_and(|artifact| !parts.runtimes.for_artifact(&artifact).is_in_process())
}

/// An instance that was found running, and what runs it.
struct Survivor {
    runtime: Arc<dyn Runtime>,
    found: Found,
}

/// What the runtimes said was running when the server started.
#[derive(Default)]
struct Running {
    all: Mutex<HashMap<WorkloadId, Vec<Survivor>>>,
    known: CancellationToken,
}

// === impl Survivor ===

impl Survivor {
    async fn stop(&self) {
        self.runtime.stop(self.found.instance).await;
    }
}

// === impl Running ===

impl Running {
    fn add(&self, one: Survivor) {
        let mut all = self.all.lock();
        all.entry(one.found.workload).or_default().push(one);
    }

    /// Those that no Space has asked for.
    fn rest(&self) -> Vec<Survivor> {
        let all = std::mem::take(&mut *self.all.lock());
        all.into_values().flatten().collect()
    }

    /// Those of a Space, once all runtimes have answered.
    async fn of(&self, space: SpaceId) -> Vec<Survivor> {
        self.known.cancelled().await;
        self.all.lock().remove(&space.into()).unwrap_or_default()
    }
}

async fn first_look(supervisor: &Supervisor, found: Vec<Survivor>) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    // A publish that comes meanwhile waits, and finds what was done here.
    let turn = supervisor.own.publishing.lock().await;
    let stored = parts.store.space_by_id(supervisor.id).await?;
    let Some(space) = stored.filter(|space| space.desired != Desired::Deleted) else {
        join_all(found.iter().map(Survivor::stop)).await;
        return Ok(());
    };
    let mended = parts.mend(&Repository::from(&space)).await;
    drop(turn);
    for one in found {
        take_in(supervisor, &space, &one).await?;
    }
    mended
}

/// Keeps an instance that still runs what is wanted, and stops any other.
async fn take_in(supervisor: &Supervisor, space: &Space, one: &Survivor) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let (runtime, found) = (&one.runtime, &one.found);
    let stored = stored::load(parts, space.id).await?;
    let good = stored
        .and_then(|stored| stored.good)
        .filter(|good| good.id == found.build);
    let wanted = space.wanted() == Desired::Running && found.restarts == space.restarts;
    let is_its_own = |artifact: &Artifact| {
        let runs = parts.runtimes.for_artifact(artifact);
        runs.name() == runtime.name()
    };
    if let Some(good) = good.filter(|_| wanted)
        && good.artifact.as_ref().is_some_and(is_its_own)
        && let Some(mut spec) = start::spec(supervisor, space, &good, found.instance).await?
        && let Some(entry) = parts.entry(space)
    {
        let artifact = spec.artifact.clone();
        if runtime.reserves() {
            spec.reservation = Some(ContainerSlot::of_running(&spec.account, spec.limits));
        }
        match runtime.adopt(spec).await {
            Ok(upstream) => {
                let headers = &artifact.settings.headers;
                let serving = entry.serving_with(found.instance, upstream, headers);
                supervisor
                    .own
                    .observed
                    .lock()
                    .instances
                    .push(InstanceHandle {
                        id: found.instance,
                        build: good.id,
                        restarts: found.restarts,
                        artifact,
                        state: HandleState::Ready {
                            serving,
                            since: now(),
                            routed: false,
                            frozen: false,
                            draining_since: None,
                        },
                    });
                return Ok(());
            }
            Err(error) => {
                let name = &space.name;
                let error = anyhow::Error::from(error);
                tracing::warn!(space = %name, "an instance of {name} could not be adopted: {error:#}");
            }
        }
    }
    one.stop().await;
    Ok(())
}

// === impl Parts ===

impl Parts {
    /// Looks after models and datasets as a server that starts must; Spaces have supervisors who do.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn mend_repositories(&self) -> anyhow::Result<()> {
        for (kind, id) in self.store.repository_ids().await? {
            if kind == RepoKind::Space {
                continue;
            }
            let mended = async {
                match self.store.repository_by_id(id).await? {
                    Some(repository) => self.mend(&repository).await,
                    None => Ok(self.finish_removal(id).await?),
                }
            };
            // One broken repository keeps no other from coming up.
            if let Err(error) = mended.await {
                tracing::error!(repository = %id, "the repository {id} could not be put right: {error:#}");
            }
        }
        Ok(())
    }

    /// Puts right what a crash left of a repository: a row without files, files without a first commit, a commit that was
    /// not recorded.
    ///
    /// # Errors
    /// When it has lost commits that it had; otherwise ours.
    async fn mend(&self, repository: &Repository) -> anyhow::Result<()> {
        let (id, name) = (repository.id, &repository.name);
        self.repos.restore(id).await?;
        let Some(head) = self.repos.read(id, |repo| repo.head()).await? else {
            if repository.head.is_some() {
                anyhow::bail!("its repository has lost its commits");
            }
            let first = FirstCommit {
                author: name.owner.to_string(),
                sdk: Sdk::Static,
            };
            let room = self.ledger.reserve_disk(repository.owner);
            let head = self.first_commit(repository.kind, id, name, first, room);
            self.store.set_first_head(id, &head.await?, None).await?;
            return Ok(());
        };
        if repository.head.as_ref() == Some(&head) {
            return Ok(());
        }
        tracing::warn!(repository = %name, "{name} has a commit that was never recorded; recording it now");
        if repository.kind != RepoKind::Space {
            self.remember_head(id).await?;
        } else if let Some(space) = self.store.space_by_id(id.space()).await? {
            let landing = Landing::of_somebody(head.clone());
            self.deny_unseen(&space, &head, &landing).await?;
            self.publish(space.id, &head, true).await?;
        }
        Ok(())
    }
}
