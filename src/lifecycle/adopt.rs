//! Takes what an earlier process left into care: stored Spaces, and the containers that went on running without it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::runtime_state::{HandleState, InstanceHandle};
use super::supervisor::{Supervisor, Supervisors, lock};
use super::{FirstCommit, Landing, Parts, now, snapshot, start};
use crate::domain::{Desired, RepoKind, Repository, Sdk, Space, SpaceId};
use crate::ledger::InstanceReservation;
use crate::runtime::Runtime;
use crate::runtime::container::Found;

/// Spaces that are looked at at the same time, besides those that somebody wants.
const AT_ONCE: usize = 8;

/// Puts every stored Space at its address and into care, so that visitors can be let in. None has been looked at yet: a
/// visit to one is a wake, and brings its turn forward.
pub(super) async fn admit(
    parts: &Arc<Parts>,
    supervisors: &Supervisors,
) -> anyhow::Result<Vec<Admitted>> {
    let stored = parts.store.changed_spaces(0, None, i64::MAX).await?;
    let mut stored: HashMap<_, _> = stored.into_iter().map(|space| (space.id, space)).collect();
    let mut admitted = Vec::new();
    for id in parts.store.space_ids().await? {
        // Those that are being removed have no address any more.
        let space = stored.remove(&id);
        if let Some(space) = &space {
            parts.place(space);
        }
        let sdk = space.and_then(|space| Sdk::from_word(&space.sdk?));
        if let Some(supervisor) = supervisors.admit(id) {
            let containers = sdk.is_none_or(Sdk::is_container);
            admitted.push(Admitted {
                supervisor,
                containers,
            });
        }
    }
    for (name, id) in parts.store.former_space_names().await? {
        if let Some(space) = parts.store.space_by_id(id).await? {
            parts.routes.lead(&name, id, space.subdomain);
        }
    }
    Ok(admitted)
}

/// A Space in care whose supervisor does not run yet.
pub(super) struct Admitted {
    supervisor: Supervisor,
    /// Whether a container of it may be running.
    containers: bool,
}

/// Looks at every Space that was admitted, a few at a time, and at models and datasets then.
///
/// Four things can lie half done after a crash: a Space whose row was written and whose repository was not made, a
/// repository without its first commit, a commit whose publish was not recorded, and a container that nobody watches. All
/// are finished here.
pub(super) async fn look(
    parts: Arc<Parts>,
    supervisors: Arc<Supervisors>,
    admitted: Vec<Admitted>,
) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let running = Arc::new(Running::default());
    let mut in_containers = HashSet::new();
    let mut looks = JoinSet::new();
    for Admitted {
        supervisor,
        containers,
    } in admitted
    {
        let (turns, running) = (Arc::clone(&turns), Arc::clone(&running));
        let supervisors = Arc::clone(&supervisors);
        if containers {
            in_containers.insert(supervisor.id);
        }
        looks.spawn(async move {
            let found = if containers {
                running.of(supervisor.id).await
            } else {
                Vec::new()
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
    let containers = parts.runtimes.containers();
    for found in containers.find().await {
        if in_containers.contains(&found.space) {
            running.add(found);
        } else {
            // Their Spaces are gone, or run in another way.
            containers.stop(found.instance).await;
        }
    }
    running.known.cancel();
    while looks.join_next().await.is_some() {}
    if let Err(error) = parts.mend_repositories().await {
        tracing::error!("models and datasets could not be put right: {error:#}");
    }
}

/// What the container engine said was running when the server started.
#[derive(Default)]
struct Running {
    all: Mutex<HashMap<SpaceId, Vec<Found>>>,
    known: CancellationToken,
}

// === impl Running ===

impl Running {
    fn add(&self, found: Found) {
        lock(&self.all).entry(found.space).or_default().push(found);
    }

    /// Those of a Space, once the engine has answered.
    async fn of(&self, space: SpaceId) -> Vec<Found> {
        self.known.cancelled().await;
        lock(&self.all).remove(&space).unwrap_or_default()
    }
}

async fn first_look(supervisor: &Supervisor, found: Vec<Found>) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    // A publish that comes meanwhile waits, and finds what was done here.
    let turn = supervisor.own.publishing.lock().await;
    let stored = parts.store.space_by_id(supervisor.id).await?;
    let Some(space) = stored.filter(|space| space.desired != Desired::Deleted) else {
        for found in found {
            parts.runtimes.containers().stop(found.instance).await;
        }
        return Ok(());
    };
    let mended = parts.mend(&Repository::from(&space)).await;
    drop(turn);
    for found in found {
        take_in(supervisor, &space, found).await?;
    }
    mended
}

/// Keeps a container that still runs what is wanted, and stops any other.
async fn take_in(supervisor: &Supervisor, space: &Space, found: Found) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let containers = parts.runtimes.containers();
    let stored = snapshot::load(parts, space.id).await?;
    let good = stored
        .and_then(|stored| stored.good)
        .filter(|good| good.id == found.build);
    let wanted = space.wanted() == Desired::Running && found.restarts == space.restarts;
    if let Some(good) = good.filter(|_| wanted)
        && let Some(mut spec) = start::spec(supervisor, space, &good, found.instance).await?
        && let Some(entry) = parts.entry(space)
    {
        let artifact = spec.artifact.clone();
        spec.reservation = Some(InstanceReservation::of_running(&spec.account, spec.limits));
        match containers.adopt(spec).await {
            Ok(upstream) => {
                let serving = entry.serving(found.instance, upstream);
                lock(&supervisor.own.observed)
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
                tracing::warn!(space = %name, "a container of {name} could not be adopted: {error:#}");
            }
        }
    }
    containers.stop(found.instance).await;
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
