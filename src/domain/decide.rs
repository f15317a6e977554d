//! The one decision: what to do next for a Space.
//!
//! A supervisor gathers a [`Snapshot`], asks [`decide`], does what it says, and asks again until there is nothing to
//! do. Publishing, waking, sleeping, a crash and a restart of the server differ only in the snapshot. Every action is
//! idempotent, so that doing one twice after a crash is harmless.

use std::time::Duration;

use super::{
    Blocked, BuildFacts, BuildId, BuildState, Desired, ExitReason, InstanceFacts, InstanceId,
    InstanceState, Millis, SleepAfter,
};

/// Milliseconds an instance of an older version may go on serving visits it began before a newer one took over.
pub(super) const DRAIN_MILLIS: Millis = 10 * 60 * 1000;

/// How often in a row a build may end badly before only its owner can start it again.
const MAX_FAILURES: u32 = 6;

/// Milliseconds between two tries at starting what was refused for want of room, while nobody waits for it and there is
/// no word of room.
const BLOCKED_MILLIS: Millis = 10 * 1000;

/// Milliseconds after which a build that the server has failed for good is tried all the same, at the earliest.
const REBUILD_MILLIS: Millis = 30 * 1000;

/// Everything the decision looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What the owner wants.
    pub desired: Desired,
    /// Instances started under a lower number are to be replaced.
    pub restarts: i64,
    /// The newest build.
    pub newest: Option<BuildFacts>,
    /// The newest build that succeeded; it may be `newest`.
    pub good: Option<BuildFacts>,
    /// The build being made right now by this supervisor.
    pub building: Option<BuildId>,
    /// What runs, or last ended.
    pub instances: Vec<InstanceFacts>,
    /// Whether a visitor waits.
    pub demand: bool,
    /// Whether it was put to sleep and nothing has woken it since.
    pub asleep: bool,
    /// Idle time until it sleeps.
    pub sleep_after: SleepAfter,
    /// Idle time until its instance is frozen; `None` for what cannot be.
    pub freeze_after: Option<Duration>,
    /// Whether another Space needs the memory that this one holds without using it.
    pub give_way: bool,
    /// Until when there is no room to start anything; looked at again then.
    pub full_until: Option<Millis>,
    /// What its last start was refused for, as long as it would be refused again.
    pub blocked: Option<Blocked>,
    /// Its place, beginning at 1, among those that wait until the host has room.
    pub place: Option<usize>,
    /// Whether there will be room for a new version only where the old one is.
    pub in_place: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Begin this build.
    Build(BuildId),
    /// Give up the build under way: a newer one waits, or nobody wants it.
    CancelBuild(BuildId),
    /// Start an instance of this build.
    Start(BuildId),
    /// Send visitors to this instance.
    Route(InstanceId),
    /// Stop an instance that is no longer wanted, or is on its way and no longer wanted.
    Stop(InstanceId),
    /// Freeze the instance because nobody uses it just now.
    Freeze(InstanceId),
    /// Thaw the instance: somebody wants it.
    Thaw(InstanceId),
    /// Stop the instance because nobody visits.
    Sleep(InstanceId),
    /// Remove everything the Space has.
    Delete,
}

/// What the supervisor does after a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do this, then decide again.
    Do(Action),
    /// Nothing to do before that moment, unless nudged.
    WaitUntil(Millis),
    /// Nothing to do until nudged.
    Wait,
}

/// What to do next at `now`.
pub fn decide(snapshot: &Snapshot, now: Millis) -> Next {
    match snapshot.desired {
        Desired::Running => {}
        Desired::Paused | Desired::Deleted => return wind_down(snapshot),
    }
    let mut wait = Deadline::default();
    if let Some(action) = build_action(snapshot, now, &mut wait) {
        return Next::Do(action);
    }
    if let Some(action) = instance_action(snapshot, now, &mut wait) {
        return Next::Do(action);
    }
    wait.into_next()
}

fn wind_down(snapshot: &Snapshot) -> Next {
    if let Some(id) = snapshot.building {
        return Next::Do(Action::CancelBuild(id));
    }
    let alive = |instance: &&InstanceFacts| !matches!(instance.state, InstanceState::Ended { .. });
    if let Some(instance) = snapshot.instances.iter().find(alive) {
        return Next::Do(Action::Stop(instance.id));
    }
    if snapshot.desired == Desired::Deleted {
        Next::Do(Action::Delete)
    } else {
        Next::Wait
    }
}

fn build_action(snapshot: &Snapshot, now: Millis, wait: &mut Deadline) -> Option<Action> {
    let newest = snapshot.newest.as_ref()?;
    match snapshot.building {
        Some(id) if id != newest.id => return Some(Action::CancelBuild(id)),
        Some(_) => return None,
        None => {}
    }
    let least = match newest.state {
        // `Running` without a build under way here is one that died with the server.
        BuildState::Queued | BuildState::Running => 0,
        // Nobody else could mend it: an engine that was away comes back.
        BuildState::Failed if newest.failed_by_server() => REBUILD_MILLIS,
        BuildState::Failed | BuildState::Succeeded | BuildState::Superseded => return None,
    };
    let failed_at = newest.finished_at.filter(|_| newest.tries > 0);
    let wanted = |at| at + back_off(newest.tries.unsigned_abs()).max(least);
    let due = failed_at.map_or(now, wanted);
    if due <= now {
        return Some(Action::Build(newest.id));
    }
    wait.no_later_than(due);
    None
}

fn instance_action(snapshot: &Snapshot, now: Millis, wait: &mut Deadline) -> Option<Action> {
    let wanted = snapshot.good.as_ref()?;
    let current = snapshot
        .instances
        .iter()
        .rfind(|instance| instance.build == wanted.id && instance.restarts == snapshot.restarts);
    // What is on its way and not wanted any more makes room first.
    let overtaken = snapshot.instances.iter().find(|instance| {
        instance.state == InstanceState::Starting
            && current.is_none_or(|current| current.id != instance.id)
    });
    if let Some(overtaken) = overtaken {
        return Some(Action::Stop(overtaken.id));
    }
    match current.map(|instance| (instance.id, &instance.state)) {
        None if snapshot.asleep && !snapshot.demand => None,
        None => start(snapshot, wanted.id, now, wait),
        Some((_, InstanceState::Starting)) => None,
        Some((id, InstanceState::Ready { .. })) => tend(snapshot, id, now, wait),
        // Whatever ended before it was put to sleep, it sleeps.
        Some((_, InstanceState::Ended { .. })) if snapshot.asleep && !snapshot.demand => None,
        Some((
            _,
            InstanceState::Ended {
                reason: ExitReason::Stopped,
                ..
            },
        )) => start(snapshot, wanted.id, now, wait),
        Some((
            _,
            InstanceState::Ended {
                reason, failures, ..
            },
        )) if *failures >= MAX_FAILURES && !reason.is_the_servers() => None,
        Some((_, InstanceState::Ended { at, failures, .. })) => {
            let due = at + back_off(u64::from(*failures));
            if due <= now {
                return start(snapshot, wanted.id, now, wait);
            }
            wait.no_later_than(due);
            None
        }
    }
}

/// Starts, unless there is no room for it just now.
fn start(snapshot: &Snapshot, build: BuildId, now: Millis, wait: &mut Deadline) -> Option<Action> {
    if snapshot.in_place
        && let Some(older) = ready(snapshot).next()
    {
        return Some(Action::Stop(older.id));
    }
    // Who is before it is tried first, and its going is a nudge.
    if snapshot.place.is_some_and(|place| place > 1) {
        return None;
    }
    // Others may be idle by then that were not; somebody who waits is reason enough to ask them sooner.
    let longer = match &snapshot.blocked {
        Some(_) if !snapshot.demand => BLOCKED_MILLIS,
        _ => 0,
    };
    match snapshot.full_until.map(|until| until + longer) {
        Some(until) if until > now => {
            wait.no_later_than(until);
            None
        }
        _ => Some(Action::Start(build)),
    }
}

/// Looks after the instance that is to serve: routed, frozen after a while without use, asleep after a longer one.
fn tend(snapshot: &Snapshot, id: InstanceId, now: Millis, wait: &mut Deadline) -> Option<Action> {
    let state = ready(snapshot).find(|instance| instance.id == id);
    let Some(InstanceState::Ready {
        idle_since,
        routed,
        frozen,
        ..
    }) = state.map(|instance| &instance.state)
    else {
        return None;
    };
    match (frozen, routed) {
        (true, _) if snapshot.demand => return Some(Action::Thaw(id)),
        (false, false) => return Some(Action::Route(id)),
        _ => {}
    }
    if let Some(action) = retire_others(snapshot, id, now, wait) {
        return Some(action);
    }
    if snapshot.demand {
        return None;
    }
    // Whatever is in use is looked at again when it could have been idle for long enough.
    let idle_for = |after: Duration| {
        idle_since
            .unwrap_or(now)
            .saturating_add(millis(after).max(1))
    };
    let gives_way = snapshot.give_way && idle_since.is_some();
    let sleeps = snapshot.sleep_after.map(idle_for);
    if gives_way || sleeps.is_some_and(|due| due <= now) {
        return Some(Action::Sleep(id));
    }
    let freezes = snapshot.freeze_after.filter(|_| !frozen).map(idle_for);
    if freezes.is_some_and(|due| due <= now) {
        return Some(Action::Freeze(id));
    }
    for due in [sleeps, freezes].into_iter().flatten() {
        wait.no_later_than(due);
    }
    None
}

/// Stops instances other than `current`: at once when nobody uses them, and in any case after the drain time.
fn retire_others(
    snapshot: &Snapshot,
    current: InstanceId,
    now: Millis,
    wait: &mut Deadline,
) -> Option<Action> {
    for other in ready(snapshot).filter(|instance| instance.id != current) {
        let InstanceState::Ready {
            visited,
            draining_since,
            ..
        } = &other.state
        else {
            continue;
        };
        let due = draining_since.map_or(now, |since| since + DRAIN_MILLIS);
        if !visited || due <= now {
            return Some(Action::Stop(other.id));
        }
        wait.no_later_than(due);
    }
    None
}

fn ready(snapshot: &Snapshot) -> impl Iterator<Item = &InstanceFacts> {
    snapshot
        .instances
        .iter()
        .filter(|instance| matches!(instance.state, InstanceState::Ready { .. }))
}

/// Milliseconds to wait after the `count`-th failure in a row: 1 s, doubling, at most five minutes.
fn back_off(count: u64) -> Millis {
    let doublings = count.saturating_sub(1).min(9);
    (1000 << doublings).min(5 * 60 * 1000)
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// The earliest of the moments at which something falls due.
#[derive(Default)]
struct Deadline(Option<Millis>);

impl Deadline {
    fn no_later_than(&mut self, due: Millis) {
        self.0 = Some(self.0.map_or(due, |known| known.min(due)));
    }

    fn into_next(self) -> Next {
        self.0.map_or(Next::Wait, Next::WaitUntil)
    }
}

#[cfg(test)]
#[path = "decide_tests/mod.rs"]
mod tests;
