//! Gathers the facts that the decision looks at.

use super::runtime_state::{InstanceHandle, RuntimeState};
use super::stored::Stored;
use crate::domain::{Desired, InstanceFacts, InstanceState, Snapshot};
use crate::ledger::Ticket;
use crate::lifecycle::Parts;
use crate::lifecycle::placement::admission;

/// The stored and the observed facts together.
pub(super) fn snapshot(parts: &Parts, stored: &Stored, observed: &RuntimeState) -> Snapshot {
    let space = &stored.space;
    let entry = parts
        .routes
        .get(space.subdomain.as_str())
        .filter(|entry| entry.id == space.id);
    Snapshot {
        desired: space.wanted(),
        restarts: space.restarts,
        newest: stored.newest.clone(),
        good: stored.good.clone(),
        building: observed.building.as_ref().map(|building| building.id),
        instances: observed
            .instances
            .iter()
            .map(|kept| facts(parts, kept))
            .collect(),
        // Who is being served wants nothing: a visitor can say so a moment after the route has changed.
        demand: space.wanted() == Desired::Running
            && observed.routed().is_none()
            && entry.is_some_and(|entry| entry.is_wanted()),
        asleep: observed.asleep,
        // What takes nothing has nothing to gain from sleep.
        sleep_after: space
            .sleep_after
            .filter(|_| parts.hardware_of(space).is_some()),
        freeze_after: stored
            .good
            .as_ref()
            .and_then(|good| good.artifact.as_ref())
            .filter(|artifact| parts.runtimes.for_artifact(artifact).can_freeze())
            // Never means never: what is to stay awake is not to stand still either.
            .filter(|_| space.sleep_after.is_some())
            .map(|_| parts.settings.freeze_after),
        give_way: observed.give_way,
        full_until: observed.full_until,
        blocked: admission::blocked(parts, stored, observed),
        place: observed.ticket.as_ref().map(Ticket::place),
        in_place: observed.in_place,
    }
}

/// An instance as it is known, and used: what computes is in use, though nobody visits it.
fn facts(parts: &Parts, kept: &InstanceHandle) -> InstanceFacts {
    let mut facts = kept.facts();
    if let InstanceState::Ready {
        idle_since: Some(since),
        ..
    } = &mut facts.state
    {
        let runtime = parts.runtimes.for_artifact(&kept.artifact);
        *since = runtime.worked_at(kept.id).unwrap_or(*since).max(*since);
    }
    facts
}
