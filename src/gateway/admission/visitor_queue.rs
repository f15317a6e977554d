//! Who has a place at a Space, who waits for one, and whose turn is next.
//!
//! Pure bookkeeping: it knows neither time nor tasks, so that it can be tested as such. Those who wait are tickets of
//! any kind `T`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::client_key::ClientKey;

/// The places of one Space. Visitors take turns: whoever waits with a hundred requests gets no more of the places that
/// come free than whoever waits with one.
#[derive(Debug)]
pub(super) struct VisitorQueue<T> {
    free: usize,
    /// How many places one visitor may have at once, and how many may wait together.
    share: usize,
    room: usize,
    waiting: usize,
    visitors: HashMap<ClientKey, Presence<T>>,
    /// Those who wait and have less than their share, each once; the next first.
    turns: VecDeque<ClientKey>,
}

#[derive(Debug)]
struct Presence<T> {
    places: usize,
    waits: VecDeque<T>,
}

/// What came of asking for a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<T> {
    /// Here it is.
    Permit,
    /// It waits; the ticket in the value has lost its own wait to it, if the line was full.
    Waits(Option<T>),
    /// The line is full, and nobody waits with more than this visitor.
    Full {
        /// Whether this visitor has anything here, so that it is itself a cause.
        of_own: bool,
    },
}

// === impl VisitorQueue ===

impl<T> VisitorQueue<T> {
    pub(super) fn new(places: usize, share: usize, room: usize) -> Self {
        Self {
            free: places,
            share: share.min(places),
            room,
            waiting: 0,
            visitors: HashMap::new(),
            turns: VecDeque::new(),
        }
    }

    /// A place at once, or `ticket` waits. A full line makes room at the cost of whoever waits with the most.
    pub(super) fn ask(&mut self, visitor: ClientKey, ticket: impl FnOnce() -> T) -> Asked<T> {
        // Whoever has a turn already is before this one.
        if self.free > 0 && self.share > 0 && self.turns.is_empty() {
            let share = self.share;
            let here = self.presence(visitor);
            if here.places < share {
                here.places += 1;
                self.free -= 1;
                return Asked::Permit;
            }
        }
        let held = self
            .visitors
            .get(&visitor)
            .map_or((0, 0), |here| (here.places, here.waits.len()));
        let mut lost = None;
        if self.waiting >= self.room {
            lost = self.make_room(held.1);
            if lost.is_none() {
                let of_own = held != (0, 0);
                return Asked::Full { of_own };
            }
        }
        let here = self.presence(visitor);
        here.waits.push_back(ticket());
        self.waiting += 1;
        if held.1 == 0 && held.0 < self.share {
            self.turns.push_back(visitor);
        }
        Asked::Waits(lost)
    }

    /// A place was given back. Hand it on with [`VisitorQueue::next`].
    pub(super) fn leave(&mut self, visitor: ClientKey) {
        let share = self.share;
        self.free += 1;
        if let Entry::Occupied(mut here) = self.visitors.entry(visitor) {
            let presence = here.get_mut();
            presence.places = presence.places.saturating_sub(1);
            let may = presence.places + 1 == share && !presence.waits.is_empty();
            if presence.places == 0 && presence.waits.is_empty() {
                here.remove();
            } else if may {
                self.turns.push_back(visitor);
            }
        }
    }

    /// The ticket that gets a free place, if there is one and somebody waits who may have it.
    pub(super) fn next(&mut self) -> Option<T> {
        if self.free == 0 {
            return None;
        }
        let visitor = self.turns.pop_front()?;
        let share = self.share;
        let here = self.visitors.get_mut(&visitor)?;
        let ticket = here.waits.pop_front()?;
        here.places += 1;
        if here.places < share && !here.waits.is_empty() {
            self.turns.push_back(visitor);
        }
        self.free -= 1;
        self.waiting -= 1;
        Some(ticket)
    }

    /// One who waits has had enough. `false` if that ticket does not wait.
    pub(super) fn give_up(&mut self, visitor: ClientKey, is: impl Fn(&T) -> bool) -> bool {
        let Some(here) = self.visitors.get_mut(&visitor) else {
            return false;
        };
        let Some(at) = here.waits.iter().position(is) else {
            return false;
        };
        here.waits.remove(at);
        self.waiting -= 1;
        self.settle(visitor);
        true
    }

    /// Whether somebody waits who may have the next place.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Whether nobody is here.
    pub(super) fn is_empty(&self) -> bool {
        self.visitors.is_empty()
    }

    /// Takes the last wait of whoever waits with the most, if that is more than one more than `own`.
    fn make_room(&mut self, own: usize) -> Option<T> {
        let most = self
            .visitors
            .iter()
            .max_by_key(|(_, here)| here.waits.len())?;
        let (visitor, waits) = (*most.0, most.1.waits.len());
        if waits <= own + 1 {
            return None;
        }
        let lost = self.visitors.get_mut(&visitor)?.waits.pop_back();
        self.waiting -= 1;
        self.settle(visitor);
        lost
    }

    /// Forgets what a visitor who waits no more leaves behind.
    fn settle(&mut self, visitor: ClientKey) {
        let Some(here) = self.visitors.get(&visitor) else {
            return;
        };
        if here.waits.is_empty() {
            self.turns.retain(|turn| *turn != visitor);
            if here.places == 0 {
                self.visitors.remove(&visitor);
            }
        }
    }

    fn presence(&mut self, visitor: ClientKey) -> &mut Presence<T> {
        self.visitors.entry(visitor).or_insert(Presence {
            places: 0,
            waits: VecDeque::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn who(number: u32) -> ClientKey {
        ClientKey::of(std::net::Ipv4Addr::from(number).into())
    }

    #[test]
    fn visitors_take_turns() {
        let mut line = VisitorQueue::new(2, 2, 10);
        for ticket in 0..2 {
            assert_eq!(line.ask(who(1), || ticket), Asked::Permit);
        }
        for ticket in 2..6 {
            assert_eq!(line.ask(who(1), || ticket), Asked::Waits(None));
        }
        assert_eq!(line.ask(who(2), || 20), Asked::Waits(None));
        assert_eq!(line.ask(who(3), || 30), Asked::Waits(None));
        assert_eq!(line.next(), None, "no place is free");
        let mut order = Vec::new();
        let mut leaves = who(1);
        while !line.is_empty() {
            line.leave(leaves);
            let Some(ticket) = line.next() else { break };
            order.push(ticket);
            leaves = who(if ticket >= 10 { ticket / 10 } else { 1 });
        }
        assert_eq!(order[..3], [20, 30, 2], "{order:?}");
    }

    #[test]
    fn nobody_has_more_than_the_share_though_places_are_free() {
        let mut line = VisitorQueue::new(3, 2, 10);
        assert_eq!(line.ask(who(1), || 0), Asked::Permit);
        assert_eq!(line.ask(who(1), || 1), Asked::Permit);
        assert_eq!(line.ask(who(1), || 2), Asked::Waits(None));
        assert_eq!(line.next(), None);
        assert_eq!(line.ask(who(2), || 3), Asked::Permit);
        line.leave(who(1));
        assert_eq!(line.next(), Some(2));
    }

    #[test]
    fn a_full_line_costs_who_waits_with_the_most() {
        let mut line = VisitorQueue::new(1, 1, 3);
        assert_eq!(line.ask(who(1), || 0), Asked::Permit);
        for ticket in 1..4 {
            assert_eq!(line.ask(who(1), || ticket), Asked::Waits(None));
        }
        assert_eq!(line.ask(who(1), || 4), Asked::Full { of_own: true });
        assert_eq!(line.ask(who(2), || 20), Asked::Waits(Some(3)));
        assert_eq!(line.ask(who(3), || 30), Asked::Waits(Some(2)));
        assert_eq!(line.ask(who(4), || 40), Asked::Full { of_own: false });
        line.leave(who(1));
        assert_eq!(line.next(), Some(20));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ask(u32),
        Leave(usize),
        GiveUp(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4u32).prop_map(Step::Ask),
            2 => any::<usize>().prop_map(Step::Leave),
            1 => any::<usize>().prop_map(Step::GiveUp),
        ]
    }

    proptest! {
        /// Whatever happens, places and waits are neither lost nor made, nobody exceeds the share, and nobody who may
        /// have a place waits beside a free one.
        #[test]
        fn nothing_is_lost(steps in prop::collection::vec(step(), 0..200)) {
            let (places, share, room) = (5, 3, 6);
            let mut line = VisitorQueue::new(places, share, room);
            let (mut inside, mut waiting) = (Vec::new(), Vec::<(u32, usize)>::new());
            for (ticket, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Ask(visitor) => match line.ask(who(visitor), || ticket) {
                        Asked::Permit => inside.push(visitor),
                        Asked::Waits(lost) => {
                            waiting.push((visitor, ticket));
                            waiting.retain(|(_, ticket)| Some(*ticket) != lost);
                        }
                        Asked::Full { .. } => prop_assert_eq!(waiting.len(), room),
                    },
                    Step::Leave(at) if !inside.is_empty() => {
                        let visitor = inside.swap_remove(at % inside.len());
                        line.leave(who(visitor));
                    }
                    Step::GiveUp(at) if !waiting.is_empty() => {
                        let (visitor, ticket) = waiting.remove(at % waiting.len());
                        prop_assert!(line.give_up(who(visitor), |waits| *waits == ticket));
                    }
                    _ => {}
                }
                while let Some(ticket) = line.next() {
                    let at = waiting.iter().position(|(_, waits)| *waits == ticket);
                    inside.push(waiting.remove(at.expect("it waited")).0);
                }
                let held = |visitor: u32| inside.iter().filter(|is| **is == visitor).count();
                prop_assert!(inside.len() <= places && waiting.len() <= room);
                prop_assert!((0..4).all(|visitor| held(visitor) <= share));
                if inside.len() < places {
                    prop_assert!(waiting.iter().all(|(visitor, _)| held(*visitor) == share));
                }
            }
            for visitor in inside.drain(..) {
                line.leave(who(visitor));
            }
            for (visitor, ticket) in waiting {
                prop_assert!(line.give_up(who(visitor), |waits| *waits == ticket));
            }
            prop_assert!(line.is_empty() && line.turns.is_empty() && line.waiting == 0 && line.free == places);
        }
    }
}
