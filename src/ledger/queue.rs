//! A queue in which owners take turns: however many places one has, each other owner waits for one of them at most.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::AccountId;

/// The queue. Within one owner it is first come, first served.
#[derive(Debug, Default)]
pub struct FairQueue {
    turns: Mutex<Turns>,
    changed: Notify,
}

/// A place in the queue; its drop leaves it.
#[derive(Debug)]
pub struct Ticket {
    queue: Arc<FairQueue>,
    owner: AccountId,
    number: u64,
}

#[derive(Debug, Default)]
struct Turns {
    next: u64,
    /// Whose turn it is comes first. No list is empty.
    owners: VecDeque<(AccountId, VecDeque<u64>)>,
}

// === impl FairQueue ===

impl FairQueue {
    /// The last place among those of that owner.
    pub fn enter(self: &Arc<Self>, owner: AccountId) -> Ticket {
        let mut turns = self.turns();
        let number = turns.next;
        turns.next += 1;
        match turns.owners.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, tickets)) => tickets.push_back(number),
            None => turns.owners.push_back((owner, VecDeque::from([number]))),
        }
        drop(turns);
        self.changed.notify_waiters();
        Ticket {
            queue: Arc::clone(self),
            owner,
            number,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.turns().owners.iter().map(|(_, of)| of.len()).sum()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.turns().owners.is_empty()
    }

    /// Wakes at the next change: somebody came, left, was served, or [`Self::look_again`] was called.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Makes those who wait look whether it is their turn.
    pub fn look_again(&self) {
        self.changed.notify_waiters();
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Ticket ===

impl Ticket {
    /// The place, beginning at 1, if nobody else comes or leaves.
    pub fn place(&self) -> usize {
        let turns = self.queue.turns();
        let position = turns.owners.iter().position(|(of, _)| *of == self.owner);
        let Some(row) = position else { return 1 };
        let own = &turns.owners[row].1;
        let before = own
            .iter()
            .take_while(|ticket| **ticket != self.number)
            .count();
        let of_others = turns.owners.iter().enumerate().filter(|(at, _)| *at != row);
        let others: usize = of_others
            .map(|(at, (_, tickets))| tickets.len().min(before + usize::from(at < row)))
            .sum();
        1 + before + others
    }

    /// Whether it is this one's turn when the turns of owners of whom `skipped` is true are passed over.
    pub fn is_next(&self, skipped: impl Fn(AccountId) -> bool) -> bool {
        let owners: Vec<_> = {
            let turns = self.queue.turns();
            let firsts = turns.owners.iter();
            firsts
                .map(|(owner, of)| (*owner, of.front().copied()))
                .collect()
        };
        let first = owners.into_iter().find(|(owner, _)| !skipped(*owner));
        first.is_some_and(|(_, ticket)| ticket == Some(self.number))
    }

    /// It got what it waited for: its owner's next turn comes after everybody else's.
    pub fn served(self) {
        let mut turns = self.queue.turns();
        if let Some(row) = turns.owners.iter().position(|(of, _)| *of == self.owner)
            && let Some(owner) = turns.owners.remove(row)
        {
            turns.owners.push_back(owner);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut turns = self.queue.turns();
        if let Some(row) = turns.owners.iter().position(|(of, _)| *of == self.owner) {
            let tickets = &mut turns.owners[row].1;
            tickets.retain(|ticket| *ticket != self.number);
            if tickets.is_empty() {
                turns.owners.remove(row);
            }
        }
        drop(turns);
        self.queue.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_with_many_keeps_nobody_waiting_for_more_than_one() {
        let queue = Arc::new(FairQueue::default());
        let (greedy, modest) = (AccountId::new(), AccountId::new());
        let many: Vec<_> = (0..100).map(|_| queue.enter(greedy)).collect();
        let one = queue.enter(modest);
        assert_eq!((many[0].place(), one.place(), many[1].place()), (1, 2, 3));
        assert!(one.is_next(|owner| owner == greedy));
        let mut many = many.into_iter();
        many.next().expect("100").served();
        assert_eq!(one.place(), 1);
        one.served();
        assert_eq!(queue.len(), 99);
        drop(many);
        assert!(queue.is_empty());
    }

    proptest! {
        /// Places are 1 to N, each once, and serving them in order follows them.
        #[test]
        fn places_are_the_order_of_service(owners in proptest::collection::vec(0usize..5, 1..40)) {
            let queue = Arc::new(FairQueue::default());
            let accounts: Vec<_> = (0..5).map(|_| AccountId::new()).collect();
            let mut waiting: Vec<_> = owners.iter().map(|owner| queue.enter(accounts[*owner])).collect();
            waiting.sort_by_key(Ticket::place);
            let places: Vec<_> = waiting.iter().map(Ticket::place).collect();
            prop_assert_eq!(places, (1..=waiting.len()).collect::<Vec<_>>());
            for ticket in waiting {
                prop_assert_eq!(ticket.place(), 1);
                prop_assert!(ticket.is_next(|_| false));
                ticket.served();
            }
            prop_assert!(queue.is_empty());
        }
    }
}
