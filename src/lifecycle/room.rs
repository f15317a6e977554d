//! Room for containers: a place for each, of its owner and of the host. Where there is none, idle ones give way; then
//! those that want one queue, and owners take turns.

use std::sync::Arc;
use std::time::Duration;

use super::observed::Observed;
use super::supervisor::{Supervisor, Supervisors, lock};
use super::{Parts, capacity, now};
use crate::domain::{AccountId, ExitReason, Millis, Space};
use crate::ledger::{Day, Refused, Tier};
use crate::runtime::{InstanceSpec, freezes};

/// How soon the first in the queue is tried again.
const FULL_MILLIS: Millis = 500;

/// Between two looks at the queue though nothing was said to have changed.
const ROUND: Duration = Duration::from_secs(5);

/// Whether a container may be tried now: nobody waits, or it is the first of those who do. Joins the queue otherwise.
pub(super) fn is_its_turn(parts: &Parts, owner: AccountId, observed: &mut Observed) -> bool {
    let queue = parts.ledger.starts();
    if observed.ticket.is_none() && !queue.is_empty() {
        observed.ticket = Some(queue.enter(owner));
    }
    let place = observed.ticket.as_ref().map(crate::ledger::Ticket::place);
    place.is_none_or(|place| place == 1)
}

/// Takes the place of a container that is about to be started.
///
/// # Errors
/// What there is too little of.
pub(super) fn take(supervisor: &Supervisor, spec: &InstanceSpec) -> Result<(), Refused> {
    if !freezes(&spec.artifact) {
        return Ok(());
    }
    let owner = &spec.account.owner;
    if let Some(refused) = owner.refused_today(now()) {
        return Err(refused);
    }
    let place = owner.place(spec.limits)?;
    // The runtime is who holds the memory; here it is only seen whether it will be able to.
    owner.memory.hold().grow(spec.limits.memory_bytes)?;
    let mut observed = lock(&supervisor.own.observed);
    if let Some(ticket) = observed.ticket.take() {
        ticket.served();
    }
    if let Some(kept) = observed
        .instances
        .iter_mut()
        .find(|kept| kept.id == spec.id)
    {
        kept.place = Some(place);
    }
    Ok(())
}

/// There is no room: waits for others to give way, for its own older version to, or for its turn. Why it cannot start,
/// when nothing of it would help.
pub(super) fn wait(
    supervisor: &Supervisor,
    space: &Space,
    spec: &InstanceSpec,
    refused: &Refused,
) -> Option<ExitReason> {
    let parts = &supervisor.parts;
    let of = (refused.tier == Tier::Owner).then_some(space.owner);
    let given = !refused.resource.is_daily()
        && capacity::ask_for_room(&supervisor.everybody, &parts.ledger, space.id, of, refused);
    let mut observed = lock(&supervisor.own.observed);
    observed.in_place = !given && observed.any_ready();
    let fits = refused.wanted <= refused.limit;
    let queues = refused.tier == Tier::Host && fits;
    if !(given || observed.in_place || queues) {
        // Whoever cannot start keeps nobody waiting behind it.
        observed.ticket = None;
        return Some(ExitReason::NotStarted(explain(refused)));
    }
    observed.take(spec.id);
    observed.full_until = Some(now() + FULL_MILLIS);
    if queues && !observed.in_place && observed.ticket.is_none() {
        observed.ticket = Some(parts.ledger.starts().enter(space.owner));
    }
    None
}

/// Tells those who wait whenever their places may have changed.
pub(super) async fn usher(parts: Arc<Parts>, supervisors: Arc<Supervisors>) {
    let queue = Arc::clone(parts.ledger.starts());
    loop {
        // What changes while they are told is seen at the next round at the latest.
        let _ = tokio::time::timeout(ROUND, queue.changed()).await;
        supervisors.nudge_those_who(|observed| observed.ticket.is_some());
    }
}

/// The refusal of a start, for the author.
fn explain(refused: &Refused) -> String {
    let resource = refused.resource;
    let (noun, used, limit) = (
        resource.noun(),
        resource.text(refused.used),
        resource.text(refused.limit),
    );
    let wanted = resource.text(refused.wanted);
    match (refused.tier, resource) {
        (Tier::Owner, _) if resource.is_daily() => format!(
            "Its owner has used {used} of {limit} of {noun}; it can start again after {}.",
            super::usage::clock(Day::end(now()))
        ),
        (Tier::Owner, _) => format!(
            "The Spaces of its owner hold {used} of {limit} ({noun}), and this one needs {wanted} more; pause another, \
             choose smaller hardware, or ask the operator for more."
        ),
        (Tier::Host | Tier::Space, _) => format!(
            "It needs {wanted} ({noun}), and this server has {limit} in all; choose smaller hardware."
        ),
    }
}
