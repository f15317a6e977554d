//! Does what was decided. Every action may be done twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::build;
use super::delete_space;
use super::runtime_state::HandleState;
use super::stored::Stored;
use super::supervisor::Supervisor;
use crate::domain::{Action, Artifact, Desired, ExitReason, InstanceId, Stage};
use crate::lifecycle::placement::{admission, start};
use crate::lifecycle::{now, view};
use crate::routes::{Refusal, Route, Serving};

/// Does one action; whether the Space is gone now.
pub(in crate::lifecycle) async fn act(
    supervisor: &Supervisor,
    stored: &Stored,
    action: Action,
) -> anyhow::Result<bool> {
    match action {
        Action::Build(id) => build::begin(supervisor, stored, id),
        Action::CancelBuild(_) => {
            if let Some(building) = supervisor.own.observed.lock().building.take() {
                building.cancel.cancel();
            }
        }
        Action::Start(id) => start::begin(supervisor, stored, id),
        Action::Route(id) => route(supervisor, stored, id),
        Action::Freeze(id) => freeze(supervisor, stored, id).await,
        Action::Thaw(id) => thaw(supervisor, id).await,
        Action::Stop(id) => stop(supervisor, stored, id, false).await,
        Action::Sleep(id) => {
            // Whoever needs its room does not wait for what it computes for nobody.
            let gives_way = supervisor.own.observed.lock().give_way;
            if gives_way || !works(supervisor, id).await {
                stop(supervisor, stored, id, true).await;
            }
        }
        Action::Delete => {
            let space = &stored.space;
            supervisor.parts.routes.remove(space.id, &space.subdomain);
            clear(supervisor).await;
            delete_space::delete(supervisor, stored).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says to the gateway what to do while no instance serves.
pub(in crate::lifecycle) fn tell_gateway(supervisor: &Supervisor, stored: &Stored) {
    let observed = supervisor.own.observed.lock();
    if observed.routed().is_some() {
        return;
    }
    let blocked = admission::blocked(&supervisor.parts, stored, &observed);
    let stage = view::stage_of(stored, &observed, blocked.is_some());
    let route = match stage {
        Stage::Paused | Stage::RunningAppStarting | Stage::AppStarting
            if blocked.is_some() && stored.space.wanted() == Desired::Running =>
        {
            let left = observed.full_until.map_or(0, |until| until - now());
            Route::Blocked {
                again: Instant::now() + Duration::from_millis(u64::try_from(left).unwrap_or(0)),
            }
        }
        Stage::Sleeping => Route::Asleep,
        // Whoever comes makes the demand that thaws it.
        Stage::Running if observed.frozen() => Route::Asleep,
        Stage::Building | Stage::RunningBuilding => Route::Building,
        Stage::AppStarting | Stage::RunningAppStarting => match &observed.ticket {
            Some(ticket) => Route::Queued {
                place: ticket.place(),
            },
            None => Route::Starting,
        },
        // Visitors are none the wiser for a failure of ours that the next try may mend.
        Stage::RuntimeError if observed.server_failed() => Route::Starting,
        // Nor for the end of one that answered: they wait as for one that sleeps.
        Stage::RuntimeError if observed.just_died() => Route::Starting,
        _ => Route::Refused(Refusal {
            stage,
            message: match stored.space.disabled {
                Some(_) => "An operator of this server has disabled this Space.".to_owned(),
                None => view::for_visitor(stage).to_owned(),
            },
        }),
    };
    if let Some(entry) = supervisor.parts.entry(&stored.space) {
        entry.set(route);
    }
}

/// Stops what runs of a Space whose row is gone.
pub(in crate::lifecycle) async fn clear(supervisor: &Supervisor) {
    let instances = std::mem::take(&mut supervisor.own.observed.lock().instances);
    for kept in instances {
        if let HandleState::Starting { cancel } = &kept.state {
            cancel.cancel();
        }
        supervisor
            .parts
            .runtimes
            .for_artifact(&kept.artifact)
            .stop(kept.id)
            .await;
    }
    supervisor.parts.ledger.starts().look_again();
}

// === instances ===

fn route(supervisor: &Supervisor, stored: &Stored, id: InstanceId) {
    let mut observed = supervisor.own.observed.lock();
    let mut target = None;
    for kept in &mut observed.instances {
        if let HandleState::Ready {
            serving,
            routed,
            draining_since,
            ..
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
        let mut observed = supervisor.own.observed.lock();
        observed.asleep |= to_sleep;
        if observed.give_way
            && to_sleep
            && let Some(account) = supervisor.parts.ledger.known(stored.space.id)
        {
            account.usage.evictions.fetch_add(1, Ordering::Relaxed);
        }
        observed.give_way = false;
        observed.take(id)
    };
    let Some(kept) = gone else { return };
    if let HandleState::Starting { cancel } = &kept.state {
        // Its task stops what it has begun.
        cancel.cancel();
        return;
    }
    if let HandleState::Ready {
        serving,
        routed: true,
        ..
    } = &kept.state
    {
        // No visitor is sent there any more before it is stopped.
        tell_gateway(supervisor, stored);
        if to_sleep && serving.idle_since().is_none() {
            // One came in the moment before: it stays awake for them.
            let route = Route::Serving(Arc::clone(serving));
            let mut observed = supervisor.own.observed.lock();
            observed.asleep = false;
            observed.instances.push(kept);
            drop(observed);
            if let Some(entry) = supervisor.parts.entry(&stored.space) {
                entry.set(route);
            }
            return;
        }
    }
    if let HandleState::Ready { serving, .. } = &kept.state {
        serving.connections.close();
    }
    let parts = &supervisor.parts;
    supervisor.own.observed.lock().leaving = true;
    let runtime = parts.runtimes.for_artifact(&kept.artifact);
    runtime.stop(kept.id).await;
    supervisor.own.observed.lock().leaving = false;
    // Others may wait for its room.
    parts.ledger.starts().look_again();
}

/// Whether an instance that nobody visits computes at this moment; then it counts as used, and is looked at again when it
/// could have been idle for long enough.
async fn works(supervisor: &Supervisor, id: InstanceId) -> bool {
    let kept = {
        let observed = supervisor.own.observed.lock();
        let kept = observed.instances.iter().find(|kept| kept.id == id);
        kept.and_then(|kept| match &kept.state {
            HandleState::Ready { serving, .. } => {
                Some((kept.artifact.clone(), Arc::clone(serving)))
            }
            _ => None,
        })
    };
    let Some((artifact, serving)) = kept else {
        return false;
    };
    let runtime = supervisor.parts.runtimes.for_artifact(&artifact);
    let idle_since = serving.idle_since();
    let works = runtime.is_working(id).await;
    if works {
        serving.touch();
    }
    // A visit that began and ended while the engine was asked is use as well.
    works || serving.idle_since() != idle_since
}

/// Freezes an instance that nobody uses. Visitors are kept from it first, and whoever came before that keeps it going.
async fn freeze(supervisor: &Supervisor, stored: &Stored, id: InstanceId) {
    if works(supervisor, id).await {
        return;
    }
    let Some((artifact, serving)) = mark_frozen(supervisor, id, true) else {
        return;
    };
    tell_gateway(supervisor, stored);
    let runtime = supervisor.parts.runtimes.for_artifact(&artifact);
    if serving.idle_since().is_none() {
        mark_frozen(supervisor, id, false);
    } else if let Err(error) = runtime.freeze(id).await {
        let name = &stored.space.name;
        tracing::warn!(space = %name, "{name} could not be frozen: {error:#}");
        // It is in use as far as the next decision knows, so that this is not tried again at once.
        serving.touch();
        mark_frozen(supervisor, id, false);
    }
}

async fn thaw(supervisor: &Supervisor, id: InstanceId) {
    let artifact = supervisor.own.observed.lock().artifact_of(id);
    let Some(artifact) = artifact else { return };
    let runtime = supervisor.parts.runtimes.for_artifact(&artifact);
    if let Err(error) = runtime.thaw(id).await {
        let space = supervisor.id;
        tracing::error!(%space, "an instance of {space} could not be thawed and is replaced: {error:#}");
        supervisor
            .own
            .observed
            .lock()
            .end(id, ExitReason::ServerFailed, Vec::new(), now());
        runtime.stop(id).await;
        return;
    }
    if let Some((_, serving)) = mark_frozen(supervisor, id, false) {
        // Whoever it was thawed for is not back yet: without this the next decision finds it idle, and freezes it again.
        serving.touch();
    }
}

/// Notes whether an instance is frozen; either way it is not routed to until the next decision says so.
fn mark_frozen(
    supervisor: &Supervisor,
    id: InstanceId,
    freeze: bool,
) -> Option<(Artifact, Arc<Serving>)> {
    let mut observed = supervisor.own.observed.lock();
    let kept = observed.instances.iter_mut().find(|kept| kept.id == id)?;
    let HandleState::Ready {
        serving,
        routed,
        frozen,
        ..
    } = &mut kept.state
    else {
        return None;
    };
    (*routed, *frozen) = (false, freeze);
    Some((kept.artifact.clone(), Arc::clone(serving)))
}
