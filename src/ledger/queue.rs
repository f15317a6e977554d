//! A queue in which owners take turns: however many places one has, each other owner waits for one of them at most.
//!
//! This is start-time fair queueing (Goyal, Vin and Cheng, 1996) with owners as flows and turns as packets: each owner has a
//! tag, the smallest is next, and being served makes it larger than that of all who have not been. Whoever was served a
//! moment ago comes after a newcomer also when its next place was taken before; whoever stayed away saves nothing up.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::domain::AccountId;

/// The queue. Within one owner it is first come, first served.
#[derive(Debug)]
pub struct FairQueue<K = AccountId> {
    turns: Mutex<QueueState<K>>,
    changed: Notify,
}

/// A place in the queue; its drop leaves it.
#[derive(Debug)]
pub struct Ticket<K: Copy + Eq + Hash = AccountId> {
    queue: Arc<FairQueue<K>>,
    owner: K,
    number: u64,
}

#[derive(Debug)]
struct QueueState<K> {
    next: u64,
    /// The tag of the last that was served.
    virtual_time: u64,
    /// Of owners that were served in the present round.
    tags: HashMap<K, u64>,
    /// By tag, and whose turn it is comes first. No list of tickets is empty.
    owners: VecDeque<Row<K>>,
}

#[derive(Debug)]
struct Row<K> {
    owner: K,
    tag: u64,
    tickets: VecDeque<u64>,
}

// === impl FairQueue ===

impl<K> Default for FairQueue<K> {
    fn default() -> Self {
        Self {
            turns: Mutex::new(QueueState {
                next: 0,
                virtual_time: 0,
                tags: HashMap::new(),
                owners: VecDeque::new(),
            }),
            changed: Notify::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    /// The last place among those of that owner.
    pub fn enter(self: &Arc<Self>, owner: K) -> Ticket<K> {
        let mut turns = self.turns();
        let number = turns.next;
        turns.next += 1;
        match turns.owners.iter_mut().find(|row| row.owner == owner) {
            Some(row) => row.tickets.push_back(number),
            None => {
                let tag = turns.tags.get(&owner).copied().unwrap_or(0);
                let tag = tag.max(turns.virtual_time);
                turns.insert(Row {
                    owner,
                    tag,
                    tickets: VecDeque::from([number]),
                });
            }
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
        self.turns()
            .owners
            .iter()
            .map(|row| row.tickets.len())
            .sum()
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

    fn turns(&self) -> MutexGuard<'_, QueueState<K>> {
        self.turns.lock()
    }
}

// === impl QueueState ===

impl<K> QueueState<K> {
    /// Puts an owner behind all whose tag is not larger.
    fn insert(&mut self, row: Row<K>) {
        let at = self.owners.partition_point(|other| other.tag <= row.tag);
        self.owners.insert(at, row);
    }
}

// === impl Ticket ===

impl<K: Copy + Eq + Hash> Ticket<K> {
    /// The place, beginning at 1, if nobody else comes or leaves.
    pub fn place(&self) -> usize {
        let turns = self.queue.turns();
        let position = turns.owners.iter().position(|row| row.owner == self.owner);
        let Some(row) = position else { return 1 };
        let own = &turns.owners[row].tickets;
        let before = own
            .iter()
            .take_while(|ticket| **ticket != self.number)
            .count();
        let of_others = turns.owners.iter().enumerate().filter(|(at, _)| *at != row);
        let others: usize = of_others
            .map(|(at, other)| other.tickets.len().min(before + usize::from(at < row)))
            .sum();
        1 + before + others
    }

    /// Whether it is this one's turn when the turns of owners of whom `skipped` is true are passed over.
    pub fn is_next(&self, skipped: impl Fn(K) -> bool) -> bool {
        let owners: Vec<_> = {
            let turns = self.queue.turns();
            let firsts = turns.owners.iter();
            firsts
                .map(|row| (row.owner, row.tickets.front().copied()))
                .collect()
        };
        let first = owners.into_iter().find(|(owner, _)| !skipped(*owner));
        first.is_some_and(|(_, ticket)| ticket == Some(self.number))
    }

    /// It got what it waited for: its owner's next turn comes after everybody else's.
    pub fn served(self) {
        let mut turns = self.queue.turns();
        if let Some(at) = turns.owners.iter().position(|row| row.owner == self.owner)
            && let Some(mut row) = turns.owners.remove(at)
        {
            let time = turns.virtual_time.max(row.tag);
            turns.virtual_time = time;
            row.tag = time + 1;
            turns.tags.retain(|_, tag| *tag > time);
            turns.tags.insert(row.owner, row.tag);
            turns.insert(row);
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut turns = self.queue.turns();
        if let Some(row) = turns.owners.iter().position(|row| row.owner == self.owner) {
            let tickets = &mut turns.owners[row].tickets;
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

    #[test]
    fn who_was_just_served_comes_after_a_newcomer() {
        let queue = Arc::new(FairQueue::default());
        let (greedy, modest) = (AccountId::new(), AccountId::new());
        queue.enter(greedy).served();
        let many: Vec<_> = (0..20).map(|_| queue.enter(greedy)).collect();
        let one = queue.enter(modest);
        assert_eq!((one.place(), many[0].place(), many[19].place()), (1, 2, 21));
    }

    proptest! {
        /// Whoever comes when, whoever waits for the first of its own is passed by each other at most once if it was not
        /// served in this round, and at most twice if it was.
        #[test]
        fn nobody_is_passed_again_and_again(steps in proptest::collection::vec(proptest::option::weighted(0.6, 0usize..4), 1..80)) {
            let queue = Arc::new(FairQueue::default());
            let accounts: Vec<_> = (0..4).map(|_| AccountId::new()).collect();
            let mut waiting: Vec<Ticket> = Vec::new();
            // Since an owner waits for its first: how often each other was served.
            let mut passed: HashMap<AccountId, HashMap<AccountId, u32>> = HashMap::new();
            for step in steps {
                if let Some(owner) = step {
                    waiting.push(queue.enter(accounts[owner]));
                    passed.entry(accounts[owner]).or_default();
                } else if let Some(at) = waiting.iter().position(|ticket| ticket.is_next(|_| false)) {
                    let ticket = waiting.remove(at);
                    prop_assert_eq!(ticket.place(), 1);
                    let owner = ticket.owner;
                    ticket.served();
                    passed.remove(&owner);
                    for by in passed.values_mut() {
                        let count = by.entry(owner).or_default();
                        *count += 1;
                        prop_assert!(*count <= 2);
                    }
                    if waiting.iter().any(|ticket| ticket.owner == owner) {
                        passed.insert(owner, HashMap::new());
                    }
                }
            }
        }

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
