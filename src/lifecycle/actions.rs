//! Does what was decided. Every action may be done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::observed::{Building, Kept, KeptState, Observed};
use super::snapshot::Stored;
use super::supervisor::{Supervisor, lock};
use super::{environment, now, view};
use crate::builder::BuildRequest;
use crate::domain::{Action, BuildFacts, BuildId, ExitReason, Fault, InstanceId, Stage};
use crate::routes::{Refusal, Route};
use crate::runtime::{InstanceSpec, RuntimeError};
use crate::telemetry::BuildEnd;

/// How often the server may fail a build before its author is told to ask the operator.
const BUILD_TRIES: i64 = 3;

/// Does one action; whether the Space is gone now.
pub(super) async fn act(
    supervisor: &Supervisor,
    stored: &Stored,
    action: Action,
) -> anyhow::Result<bool> {
    match action {
        Action::Build(id) => begin_build(supervisor, stored, id),
        Action::CancelBuild(_) => {
            if let Some(building) = lock(&supervisor.own.observed).building.take() {
                building.cancel.cancel();
            }
        }
        Action::Start(id) => start(supervisor, stored, id).await?,
        Action::Route(id) => route(supervisor, stored, id),
        Action::Stop(id) => stop(supervisor, stored, id, false).await,
        Action::Sleep(id) => stop(supervisor, stored, id, true).await,
        Action::Delete => {
            delete(supervisor, stored).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says to the gateway what to do while no instance serves.
pub(super) fn tell_gateway(supervisor: &Supervisor, stored: &Stored) {
    let observed = lock(&supervisor.own.observed);
    if observed.routed().is_some() {
        return;
    }
    let stage = view::stage_of(stored, &observed);
    let route = match stage {
        Stage::Sleeping => Route::Asleep,
        Stage::Building | Stage::RunningBuilding => Route::Building,
        Stage::AppStarting | Stage::RunningAppStarting => Route::Starting,
        _ => Route::Refused(Refusal {
            stage,
            message: view::for_visitor(stage).to_owned(),
        }),
    };
    if let Some(entry) = supervisor.parts.entry(&stored.space) {
        entry.set(route);
    }
}

/// Stops what runs of a Space whose row is gone.
pub(super) async fn clear(supervisor: &Supervisor) {
    let instances = std::mem::take(&mut lock(&supervisor.own.observed).instances);
    for kept in instances {
        supervisor
            .parts
            .runtimes
            .for_artifact(&kept.artifact)
            .stop(kept.id)
            .await;
    }
}

// === build ===

/// Takes the build out of `observed` when it drops, however the build ended, and makes the supervisor look.
struct UnderWay {
    supervisor: Supervisor,
    run: u64,
}

/// Numbers the runs of builds.
static RUNS: AtomicU64 = AtomicU64::new(0);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut observed = lock(&self.supervisor.own.observed);
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

fn begin_build(supervisor: &Supervisor, stored: &Stored, id: BuildId) {
    let Some(facts) = stored.newest.clone().filter(|facts| facts.id == id) else {
        return;
    };
    let cancel = CancellationToken::new();
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    lock(&supervisor.own.observed).building = Some(Building {
        id,
        run,
        cancel: cancel.clone(),
    });
    let under_way = UnderWay {
        supervisor: supervisor.clone(),
        run,
    };
    let request = BuildRequest {
        space: stored.space.id,
        name: stored.space.name.clone(),
        revision: facts.revision.clone(),
        cached: facts.cached,
        log: supervisor.parts.journal.build(stored.space.id),
    };
    let closing = supervisor.closing.clone();
    supervisor.tasks.spawn(async move {
        let result = tokio::select! {
            // The build stays as it is in the store, and is begun again at the next start.
            () = closing.cancelled() => return,
            result = Box::pin(build(&under_way.supervisor, &facts, request, cancel)) => result,
        };
        if let Err(error) = result {
            let space = under_way.supervisor.id;
            tracing::error!(%space, "the build of {space} could not be recorded: {error:#}");
            // The next look finds it unfinished; a full disk or a lost database is not to be hammered.
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
    });
}

async fn build(
    supervisor: &Supervisor,
    facts: &BuildFacts,
    request: BuildRequest,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let _permit = tokio::select! {
        () = cancel.cancelled() => return Ok(()),
        permit = parts.ledger.build_permit() => permit,
    };
    if !parts.store.begin_build(facts.id).await? {
        return Ok(());
    }
    request.log.restart();
    let (space, name) = (request.space, request.name.clone());
    let result = parts.builder.build(request, cancel.clone()).await;
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
        tracing::warn!(%space, "the build of {name} failed on our side and will be tried again");
        parts.store.retry_build(facts.id, now()).await?;
    } else {
        parts.store.finish_build(facts.id, result, now()).await?;
    }
    Ok(())
}

// === instances ===

async fn start(supervisor: &Supervisor, stored: &Stored, build: BuildId) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let space = &stored.space;
    let good = stored.good.as_ref().filter(|good| good.id == build);
    let Some((good, artifact)) =
        good.and_then(|good| good.artifact.clone().map(|artifact| (good, artifact)))
    else {
        return Ok(());
    };
    let limits = parts.limits_of(space);
    let spec = InstanceSpec {
        id: InstanceId::new(),
        name: space.name.clone(),
        artifact: artifact.clone(),
        account: parts.ledger.space(space.id, space.owner, limits),
        limits,
        environment: Arc::new(environment::of(parts, space).await?),
        log: parts.journal.run(space.id),
    };
    let id = spec.id;
    let runtime = parts.runtimes.for_artifact(&artifact);
    let started = runtime.start(spec).await;
    let kept = |state| Kept {
        id,
        build,
        restarts: space.restarts,
        artifact,
        state,
    };
    let reason = match started {
        Ok(upstream) => {
            let Some(entry) = parts.entry(space) else {
                // It was deleted meanwhile, and has no address any more.
                runtime.stop(id).await;
                return Ok(());
            };
            let serving = entry.serving(id, upstream);
            let mut observed = lock(&supervisor.own.observed);
            observed.asleep = false;
            observed.instances.push(kept(KeptState::Ready {
                serving,
                routed: false,
                draining_since: None,
            }));
            return Ok(());
        }
        Err(RuntimeError::ArtifactLost) => {
            rebuild(supervisor, stored, good).await?;
            ExitReason::NotStarted(
                "What was built of it is not usable any more, and is built again unless a newer version is being built or failed to; restart it then.".into(),
            )
        }
        Err(RuntimeError::Author(message)) => ExitReason::NotStarted(message),
        Err(RuntimeError::Server(error)) => {
            let name = &space.name;
            tracing::error!(space = %name, "{name} could not be started: {error:#}");
            ExitReason::NotStarted("The server failed to start it and will try again.".into())
        }
    };
    let ended = kept(KeptState::Ended {
        reason: reason.clone(),
        at: now(),
        failures: 0,
    });
    lock(&supervisor.own.observed).end(ended, reason, now());
    Ok(())
}

/// An artifact is gone, or was made by another version of the server: make it again, unless something newer is on its
/// way anyhow.
async fn rebuild(
    supervisor: &Supervisor,
    stored: &Stored,
    good: &BuildFacts,
) -> anyhow::Result<()> {
    let _turn = supervisor.own.publishing.lock().await;
    let store = &supervisor.parts.store;
    let newest = store.newest_build(stored.space.id).await?;
    if newest.is_some_and(|newest| newest.id == good.id) {
        let sdk = stored.space.sdk.as_deref();
        store
            .publish(stored.space.id, &good.revision, sdk, true)
            .await
            .context("a lost artifact could not be queued to be built again")?;
    }
    Ok(())
}

fn route(supervisor: &Supervisor, stored: &Stored, id: InstanceId) {
    let mut observed = lock(&supervisor.own.observed);
    let mut target = None;
    for kept in &mut observed.instances {
        if let KeptState::Ready {
            serving,
            routed,
            draining_since,
        } = &mut kept.state
        {
            let mine = kept.id == id;
            if mine {
                target = Some(Arc::clone(serving));
            } else if *routed || draining_since.is_none() {
                serving.drain();
                *draining_since = Some(now());
            }
            *routed = mine;
        }
    }
    if let (Some(serving), Some(entry)) = (target, supervisor.parts.entry(&stored.space)) {
        entry.set(Route::Serving(serving));
    }
}

async fn stop(supervisor: &Supervisor, stored: &Stored, id: InstanceId, to_sleep: bool) {
    let gone = {
        let mut observed = lock(&supervisor.own.observed);
        observed.asleep |= to_sleep;
        take(&mut observed, id)
    };
    let Some(kept) = gone else { return };
    if let KeptState::Ready {
        serving,
        routed: true,
        ..
    } = &kept.state
    {
        // No visitor is sent there any more before it is stopped.
        tell_gateway(supervisor, stored);
        if to_sleep && serving.visits() > 0 {
            // One came in the moment before: it stays awake for them.
            let route = Route::Serving(Arc::clone(serving));
            let mut observed = lock(&supervisor.own.observed);
            observed.asleep = false;
            observed.instances.push(kept);
            drop(observed);
            if let Some(entry) = supervisor.parts.entry(&stored.space) {
                entry.set(route);
            }
            return;
        }
    }
    supervisor
        .parts
        .runtimes
        .for_artifact(&kept.artifact)
        .stop(kept.id)
        .await;
}

fn take(observed: &mut Observed, id: InstanceId) -> Option<Kept> {
    let index = observed.instances.iter().position(|kept| kept.id == id)?;
    Some(observed.instances.remove(index))
}

// === delete ===

async fn delete(supervisor: &Supervisor, stored: &Stored) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let space = &stored.space;
    parts.routes.remove(space.id, &space.subdomain);
    clear(supervisor).await;
    parts.ledger.forget(space.id);
    parts.journal.remove(space.id);
    parts
        .repos
        .delete(space.id)
        .await
        .context("its repository could not be removed")?;
    // The row last: while it is there, a restart comes back to this line.
    parts.store.remove_space(space.id).await?;
    Ok(())
}
