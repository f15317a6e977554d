//! Builds what was published: begins, waits for its turn, records what came of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::runtime_state::Building;
use super::stored::Stored;
use super::supervisor::Supervisor;
use crate::builder::{Before, BuildRequest};
use crate::domain::{
    AccountId, BuildError, BuildFacts, BuildId, BuildState, Fault, RepoKind, Revision, Sdk, Space,
    SpaceId, bytes_text,
};
use crate::ledger::{BuildTurns, Tier, Waiting};
use crate::lifecycle::placement::eviction;
use crate::lifecycle::{Lifecycle, LifecycleError, Parts, now};
use crate::telemetry::BuildEnd;

/// How often the server may fail a build before its author is told; it is tried again all the same, more seldom.
const BUILD_TRIES: i64 = 3;

/// Takes the build out of `observed` when it drops, however the build ended, and makes the supervisor look.
struct UnderWay {
    supervisor: Supervisor,
    run: u64,
}

/// Numbers the runs of builds.
static RUNS: AtomicU64 = AtomicU64::new(0);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut observed = self.supervisor.own.observed.lock();
        if observed
            .building
            .as_ref()
            .is_some_and(|building| building.run == self.run)
        {
            observed.building = None;
        }
        drop(observed);
        self.supervisor.own.nudge.notify_one();
    }
}

/// Begins a build.
pub(in crate::lifecycle) fn begin(supervisor: &Supervisor, stored: &Stored, id: BuildId) {
    let Some(facts) = stored.newest.clone().filter(|facts| facts.id == id) else {
        return;
    };
    let cancel = CancellationToken::new();
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    supervisor.own.observed.lock().building = Some(Building {
        id,
        run,
        cancel: cancel.clone(),
        place: None,
    });
    let under_way = UnderWay {
        supervisor: supervisor.clone(),
        run,
    };
    let request = BuildRequest {
        build: id,
        space: stored.space.id,
        owner: stored.space.owner,
        name: stored.space.name.clone(),
        revision: facts.revision.clone(),
        cached: facts.cached,
        before: Before::default(),
        last_try: facts.tries + 1 >= BUILD_TRIES,
        turns: turns(supervisor, stored, run),
        log: supervisor.parts.journal.build(stored.space.id),
    };
    let closing = supervisor.closing.clone();
    let owner = stored.space.owner;
    supervisor.tasks.spawn(async move {
        let result = tokio::select! {
            // The build stays as it is in the store, and is begun again at the next start.
            () = closing.cancelled() => return,
            result = Box::pin(build(&under_way.supervisor, &facts, request, owner, cancel)) => result,
        };
        if let Err(error) = result {
            let space = under_way.supervisor.id;
            tracing::error!(%space, "the build of {space} could not be recorded: {error:#}");
            // The next look finds it unfinished; a full disk or a lost database is not to be hammered.
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
}

/// How a build gets its turns, and what is said while it waits for one.
fn turns(supervisor: &Supervisor, stored: &Stored, run: u64) -> BuildTurns {
    let (waiting, space) = (supervisor.clone(), stored.space.clone());
    let notice = Mutex::new(Notice {
        run,
        ..Notice::default()
    });
    let ledger = supervisor.parts.ledger.clone();
    BuildTurns::new(ledger, space.owner, move |why| {
        hear(&waiting, &space, why, &notice);
    })
}

/// What a build's log says of its waiting so far: nothing is said twice.
#[derive(Default)]
struct Notice {
    /// Which run of a build.
    run: u64,
    place: Option<usize>,
    room: bool,
    day: bool,
}

/// Says what a build waits for, and does something about it where that can be done.
fn hear(supervisor: &Supervisor, space: &Space, why: Option<&Waiting>, notice: &Mutex<Notice>) {
    let parts = &supervisor.parts;
    let log = parts.journal.build(space.id);
    let place = match why {
        Some(Waiting::Turn { place }) => Some(*place),
        _ => None,
    };
    let mut notice = notice.lock();
    // A run that is still ending does not speak for the one that follows it.
    let mut observed = supervisor.own.observed.lock();
    if let Some(building) = &mut observed.building
        && building.run == notice.run
    {
        building.place = place;
    }
    drop(observed);
    match why {
        Some(Waiting::Turn { place }) => {
            // One who comes later may go before it, and then it is not said twice that it comes closer.
            if notice.place.is_none_or(|before| *place < before) {
                notice.place = Some(*place);
                log.line(&format!(
                    "Waiting to be built: number {place} in the queue."
                ));
            }
        }
        Some(Waiting::Room(refused)) => {
            if !std::mem::replace(&mut notice.room, true) {
                log.line(&format!(
                    "Waiting for memory: the build needs {}, and {} of {} are in use by {}. Idle Spaces are asked to \
                     make room.",
                    bytes_text(refused.wanted),
                    bytes_text(refused.used),
                    bytes_text(refused.limit),
                    match refused.tier {
                        Tier::Owner => "its owner",
                        Tier::Space | Tier::Host => "everybody on this server",
                    }
                ));
            }
            let of = (refused.tier == Tier::Owner).then_some(space.owner);
            eviction::ask_for_room(
                &supervisor.registry,
                &parts.ledger,
                &parts.runtimes,
                space,
                of,
                refused,
            );
        }
        Some(Waiting::Day) => {
            if !std::mem::replace(&mut notice.day, true) {
                log.line(&crate::lifecycle::metering::usage::waits_to_build());
            }
        }
        None => {
            *notice = Notice {
                run: notice.run,
                ..Notice::default()
            }
        }
    }
}

async fn build(
    supervisor: &Supervisor,
    facts: &BuildFacts,
    mut request: BuildRequest,
    owner: AccountId,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    if !parts.store.begin_build(facts.id).await? {
        return Ok(());
    }
    request.log.restart();
    request.before = before(parts, request.space).await?;
    // It reserves room beside what there is.
    parts.disk_known(owner).await?;
    let account = parts.ledger.owner(owner);
    supervisor.artifacts.forget_when_full(&account).await?;
    let (space, name) = (request.space, request.name.clone());
    let turns = request.turns.clone();
    let result = parts.builder.build(request, cancel.clone()).await;
    // Held until it is recorded.
    let (result, _hold) = match result {
        Ok(built) => (Ok(built.artifact), Some(built.hold)),
        Err(error) => (Err(error), None),
    };
    if let Some(account) = parts.ledger.known(space) {
        // Whoever waits builds nothing.
        let took = turns.worked_millis();
        account.usage.builds.fetch_add(1, Ordering::Relaxed);
        account.owner.built(took);
        account
            .usage
            .build_millis
            .fetch_add(took, Ordering::Relaxed);
    }
    if cancel.is_cancelled() {
        return Ok(());
    }
    let ours = matches!(&result, Err(error) if error.fault == Fault::Server);
    parts.metrics.build(match &result {
        Ok(_) => BuildEnd::Succeeded,
        Err(_) if ours => BuildEnd::Server,
        Err(_) => BuildEnd::Author,
    });
    if ours && facts.tries + 1 < BUILD_TRIES {
        tracing::warn!(%space, "the build of {name} failed because of the server and will be retried");
        parts.store.retry_build(facts.id, now()).await?;
    } else {
        let made = result.is_ok();
        let entry = parts
            .routes
            .get_by_name(&name)
            .filter(|entry| entry.id == space);
        if let Some(entry) = entry.filter(|_| made) {
            entry
                .builds
                .note(Duration::from_millis(turns.worked_millis()));
        }
        parts.store.finish_build(facts.id, result, now()).await?;
        let forgotten = supervisor.artifacts.forget_beyond_share(space, owner);
        if made && let Err(error) = forgotten.await {
            tracing::error!(%space, "earlier versions of {space} could not be forgotten: {error:#}");
        }
        // What a failed build left is counted too.
        parts.measure(RepoKind::Space, space.into(), owner).await;
    }
    // Until here it holds what was reserved for what was laid out.
    drop(turns);
    Ok(())
}

/// What a Space has before it is built.
async fn before(parts: &Parts, space: SpaceId) -> Result<Before, LifecycleError> {
    let variables = parts.store.list_variables(space).await?.into_iter();
    let stored = parts.store.space_by_id(space).await?;
    Ok(Before {
        sdk: stored.and_then(|space| Sdk::from_word(space.sdk.as_deref()?)),
        variables: variables
            .map(|variable| (variable.key, variable.value))
            .collect(),
        secrets: parts.store.reveal_secrets(space).await?,
        artifacts: parts.store.artifacts_of(space).await?,
    })
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Whether its newest version is being built, or waits for its turn.
    ///
    /// # Errors
    /// Ours only.
    pub async fn is_building(&self, space: SpaceId) -> Result<bool, LifecycleError> {
        let newest = self.parts.store.newest_build(space).await?;
        Ok(newest
            .is_some_and(|build| matches!(build.state, BuildState::Queued | BuildState::Running)))
    }

    /// Whether that revision would run without being built, as what an earlier build made of the same files is still there.
    /// The inner error is what its build would say.
    ///
    /// # Errors
    /// Ours only.
    pub async fn is_made(
        &self,
        space: SpaceId,
        revision: &Revision,
    ) -> Result<Result<bool, BuildError>, LifecycleError> {
        let before = before(&self.parts, space).await?;
        Ok(self.parts.builder.is_made(space, revision, before).await)
    }
}
