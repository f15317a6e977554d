//! Room for instances that hold their hardware as long as they run: a place for each, of its owner and of the host. Where
//! there is none, idle ones give way; then those that want one of the host queue, and owners take turns. What no one's
//! going would help waits until a quota is raised, or something it needs is given back: it is blocked, and nothing is
//! wrong with it.

use std::sync::Arc;
use std::time::Duration;

use super::eviction;
use crate::domain::{AccountId, Blocked, BlockedBy, Millis, Space, SpaceId};
use crate::ledger::{ContainerSlot, Day, Refused, Ticket, Tier};
use crate::lifecycle::reconcile::registry::Registry;
use crate::lifecycle::reconcile::runtime_state::RuntimeState;
use crate::lifecycle::reconcile::stored::Stored;
use crate::lifecycle::reconcile::supervisor::Supervisor;
use crate::lifecycle::{Parts, now};
use crate::runtime::AskForRoom;

/// How soon the first in the queue is tried again.
const FULL_MILLIS: Millis = 500;

/// Between two looks at the queue though nothing was said to have changed.
const ROUND: Duration = Duration::from_secs(5);

/// Room for an instance that is about to be started. Without it, what waits is noted, and it is the next decision's.
pub(in crate::lifecycle) fn reserve(
    supervisor: &Supervisor,
    space: &Space,
) -> Option<Arc<ContainerSlot>> {
    let parts = &supervisor.parts;
    if !is_its_turn(parts, space.owner, &mut supervisor.own.observed.lock()) {
        return None;
    }
    let account = parts.account(space);
    let limits = parts.limits_of(space);
    let reserved = match account.owner.refused_today(now()) {
        Some(refused) => Err(refused),
        None => ContainerSlot::take(&account, limits),
    };
    match reserved {
        Ok(reservation) => {
            if let Some(ticket) = supervisor.own.observed.lock().ticket.take() {
                ticket.served();
            }
            Some(reservation)
        }
        Err(refused) => {
            wait(supervisor, space, &refused);
            None
        }
    }
}

/// How a Space's guests, who hold memory as they take it, ask for room: as an instance that is about to be started does. It
/// keeps nothing alive.
pub(in crate::lifecycle) fn asking(supervisor: &Supervisor, space: &Space) -> AskForRoom {
    let parts = Arc::downgrade(&supervisor.parts);
    let registry = Arc::downgrade(&supervisor.registry);
    let space = space.clone();
    Arc::new(move |refused| {
        let (Some(parts), Some(registry)) = (parts.upgrade(), registry.upgrade()) else {
            return false;
        };
        let of = (refused.tier == Tier::Owner).then_some(space.owner);
        let (ledger, runtimes) = (&parts.ledger, &parts.runtimes);
        eviction::ask_for_room(&registry, ledger, runtimes, &space, of, refused)
    })
}

/// Whether a start may be tried now: nobody waits, or it is the first of those who do. Joins the queue otherwise.
fn is_its_turn(parts: &Parts, owner: AccountId, observed: &mut RuntimeState) -> bool {
    let queue = parts.ledger.starts();
    if observed.ticket.is_none() && !queue.is_empty() {
        observed.ticket = Some(queue.enter(owner));
    }
    let place = observed.ticket.as_ref().map(Ticket::place);
    place.is_none_or(|place| place == 1)
}

/// There is no room: waits for others to give way, for its own older version to, for its turn, or for better days.
fn wait(supervisor: &Supervisor, space: &Space, refused: &Refused) {
    let parts = &supervisor.parts;
    let of = (refused.tier == Tier::Owner).then_some(space.owner);
    let lasts_a_day = refused.resource.is_daily();
    let given = !lasts_a_day
        && eviction::ask_for_room(
            &supervisor.registry,
            &parts.ledger,
            &parts.runtimes,
            space,
            of,
            refused,
        );
    let own = parts.ledger.known(space.id);
    let own = own.map_or(0, |account| eviction::held(&account, refused.resource));
    let mut observed = supervisor.own.observed.lock();
    observed.refused = Some(*refused);
    observed.full_until = Some(now() + FULL_MILLIS);
    observed.making_room = given;
    // Its older version is stopped only where that is of use.
    observed.in_place = !given && !lasts_a_day && observed.any_ready() && own >= refused.missing();
    let queues = refused.tier == Tier::Host && refused.wanted <= refused.limit;
    if !(given || observed.in_place || queues) {
        // Whoever cannot start keeps nobody waiting behind it.
        observed.ticket = None;
        return;
    }
    // It is on its way.
    observed.asleep = false;
    if queues && !observed.in_place && observed.ticket.is_none() {
        observed.ticket = Some(parts.ledger.starts().enter(space.owner));
    }
}

/// What a Space waits for, as far as the ledger still says so; `None` when it waits for nothing, or there is room.
pub(in crate::lifecycle) fn refusal(
    parts: &Parts,
    stored: &Stored,
    observed: &RuntimeState,
) -> Option<Blocked> {
    let artifact = stored.good.as_ref()?.artifact.as_ref()?;
    let reserves = parts.runtimes.for_artifact(artifact).reserves();
    let before = observed.refused.filter(|_| reserves)?;
    let owner = parts.ledger.owner(stored.space.owner);
    let limits = parts.limits_of(&stored.space);
    let refused = owner.still_refuses(before.resource, limits, now())?;
    Some(refused.blocked())
}

/// What keeps a Space from starting that has no place in the queue.
pub(in crate::lifecycle) fn blocked(
    parts: &Parts,
    stored: &Stored,
    observed: &RuntimeState,
) -> Option<Blocked> {
    let on_its_way = observed.ticket.is_some() || observed.in_place || observed.making_room;
    refusal(parts, stored, observed).filter(|_| !on_its_way)
}

/// Tells those who wait whenever their places may have changed, and those who are blocked when there is room for them.
pub(in crate::lifecycle) async fn run_queue(parts: Arc<Parts>, registry: Arc<Registry>) {
    let queue = Arc::clone(parts.ledger.starts());
    loop {
        // What changes while they are told is seen at the next round at the latest.
        let _ = tokio::time::timeout(ROUND, queue.changed()).await;
        registry.nudge_those_who(|id, observed| {
            observed.ticket.is_some() || has_room_now(&parts, id, observed)
        });
    }
}

/// Whether what a Space was refused is there by now.
fn has_room_now(parts: &Parts, id: SpaceId, observed: &RuntimeState) -> bool {
    let (Some(refused), Some(account)) = (&observed.refused, parts.ledger.known(id)) else {
        return false;
    };
    let limits = account.limits();
    let again = account.owner.still_refuses(refused.resource, limits, now());
    again.is_none()
}

/// What a Space waits for, for its author.
pub(in crate::lifecycle) fn explain(blocked: &Blocked) -> String {
    let resource = blocked.resource;
    let text = |amount| resource.text(amount);
    let (noun, used, limit) = (resource.noun(), text(blocked.used), text(blocked.limit));
    let (wanted, left) = (text(blocked.wanted), text(blocked.left()));
    match blocked.by {
        BlockedBy::Owner if resource.is_daily() => format!(
            "Waiting: its owner has used {used} of {limit} of {noun}. It starts automatically after {}.",
            crate::lifecycle::metering::usage::clock(Day::end(now()))
        ),
        BlockedBy::Owner => format!(
            "Waiting for room: its owner's quota of {noun} has {left} left ({used} of {limit} are in use), and it \
             needs {wanted}. It starts automatically when there is room. To make room, pause another Space, choose \
             smaller hardware, or ask the operator for a larger quota."
        ),
        BlockedBy::Host if blocked.fits() => format!(
            "Waiting for room: it needs {wanted} ({noun}), and this server is full. It starts automatically when \
             there is room."
        ),
        BlockedBy::Host => format!(
            "It needs {wanted} ({noun}), and this server has {limit} in total. Choose smaller hardware."
        ),
    }
}
