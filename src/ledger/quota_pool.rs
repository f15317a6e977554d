//! What is held, as a sum kept in up to three tiers at once: Space, owner, host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::{Blocked, BlockedBy, Resource};

/// Whose limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The Space's hardware.
    Space,
    /// What its owner may hold in sum.
    Owner,
    /// What the machine has to give.
    Host,
}

/// A refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} of {} requested, {} of {} in use ({tier:?})",
    resource.text(*wanted),
    resource.noun(),
    resource.text(*used),
    resource.text(*limit)
)]
pub struct Refused {
    /// Of what.
    pub resource: Resource,
    /// Whose limit.
    pub tier: Tier,
    /// How much was asked for.
    pub wanted: u64,
    /// How much was in use when it was asked.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

// === impl Refused ===

impl Refused {
    /// How much has to be given back before there is room.
    pub fn missing(&self) -> u64 {
        let wanted = self.used.saturating_add(self.wanted);
        wanted.saturating_sub(self.limit)
    }

    /// What it means for a start.
    pub fn blocked(&self) -> Blocked {
        Blocked {
            by: match self.tier {
                Tier::Owner => BlockedBy::Owner,
                Tier::Space | Tier::Host => BlockedBy::Host,
            },
            resource: self.resource,
            wanted: self.wanted,
            used: self.used,
            limit: self.limit,
        }
    }
}

/// What one tier holds of a resource. Nothing is given out beyond the limit; one that is set below what is held takes
/// nothing away, and refuses growth until enough was given back.
#[derive(Debug)]
pub struct QuotaPool {
    resource: Resource,
    tier: Tier,
    used: AtomicU64,
    peak: AtomicU64,
    limit: AtomicU64,
    parent: Option<Arc<QuotaPool>>,
}

/// What is held; its drop gives all of it back in every tier.
#[derive(Debug)]
pub struct Reservation {
    pool: Arc<QuotaPool>,
    amount: u64,
}

// === impl Refused ===

impl Refused {
    /// The refusal for whoever asked: what is used up, how much of it, what is left, and what was wanted.
    pub fn explain(&self) -> String {
        let resource = self.resource;
        let left = self.limit.saturating_sub(self.used);
        format!(
            "this would exceed the quota of {}: {} of {} in use, {} left, and this needs {}",
            resource.noun(),
            resource.text(self.used),
            resource.text(self.limit),
            resource.text(left),
            resource.text(self.wanted)
        )
    }
}

// === impl QuotaPool ===

impl QuotaPool {
    pub(super) fn new(
        resource: Resource,
        tier: Tier,
        limit: u64,
        parent: Option<Arc<Self>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            resource,
            tier,
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit: AtomicU64::new(limit),
            parent,
        })
    }

    /// How much is held now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that was ever held at once.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How much may be held.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit. One below what is held refuses growth until enough was given back.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Whether as much as that could be held now, here and in the tiers above.
    pub fn has_room(&self, amount: u64) -> bool {
        self.refusal(amount).is_none()
    }

    /// The refusal of whoever would take that much more now, here or in the tiers above; `None` where there is room.
    pub fn refusal(&self, amount: u64) -> Option<Refused> {
        let (used, limit) = (self.used(), self.limit());
        if used.saturating_add(amount) > limit {
            return Some(Refused {
                resource: self.resource,
                tier: self.tier,
                wanted: amount,
                used,
                limit,
            });
        }
        self.parent.as_ref()?.refusal(amount)
    }

    /// Whether no more is held than may be.
    ///
    /// # Errors
    /// When more is.
    pub fn check(&self) -> Result<(), Refused> {
        let (used, limit) = (self.used(), self.limit());
        if used <= limit {
            return Ok(());
        }
        Err(Refused {
            resource: self.resource,
            tier: self.tier,
            wanted: 0,
            used,
            limit,
        })
    }

    /// A hold of nothing, ready to grow.
    pub fn hold(self: &Arc<Self>) -> Reservation {
        Reservation {
            pool: Arc::clone(self),
            amount: 0,
        }
    }

    fn take(&self, amount: u64) -> Result<(), Refused> {
        let limit = self.limit();
        let fits = |used: u64| used.checked_add(amount).filter(|sum| *sum <= limit);
        let before = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map_err(|used| Refused {
                resource: self.resource,
                tier: self.tier,
                wanted: amount,
                used,
                limit,
            })?;
        self.peak
            .fetch_max(before.saturating_add(amount), Ordering::Relaxed);
        if let Some(parent) = &self.parent
            && let Err(refused) = parent.take(amount)
        {
            self.used.fetch_sub(amount, Ordering::AcqRel);
            return Err(refused);
        }
        Ok(())
    }

    fn add(&self, amount: u64) {
        let before = self.used.fetch_add(amount, Ordering::AcqRel);
        self.peak
            .fetch_max(before.saturating_add(amount), Ordering::Relaxed);
        if let Some(parent) = &self.parent {
            parent.add(amount);
        }
    }

    fn give_back(&self, amount: u64) {
        self.used.fetch_sub(amount, Ordering::AcqRel);
        if let Some(parent) = &self.parent {
            parent.give_back(amount);
        }
    }
}

// === impl Reservation ===

impl Reservation {
    /// Holds that much more, in every tier or in none.
    ///
    /// # Errors
    /// When a tier has no room; then nothing has changed.
    pub fn grow(&mut self, amount: u64) -> Result<(), Refused> {
        self.pool.take(amount)?;
        self.amount += amount;
        Ok(())
    }

    /// Holds that much more for an instance that something else keeps within the Space's limit: a new version stands
    /// beside the old one for a while, so the Space's own tier counts it and does not refuse it. The tiers above do.
    ///
    /// # Errors
    /// When a tier above has no room; then nothing has changed.
    pub fn reserve(&mut self, amount: u64) -> Result<(), Refused> {
        if let Some(parent) = &self.pool.parent {
            parent.take(amount)?;
        }
        let before = self.pool.used.fetch_add(amount, Ordering::AcqRel);
        self.pool
            .peak
            .fetch_max(before.saturating_add(amount), Ordering::Relaxed);
        self.amount += amount;
        Ok(())
    }

    /// Holds exactly that much, whatever the limits: it is there already, and was only now measured.
    pub fn set(&mut self, amount: u64) {
        if amount > self.amount {
            self.pool.add(amount - self.amount);
        } else {
            self.pool.give_back(self.amount - amount);
        }
        self.amount = amount;
    }

    /// Lets another of the same book have some of it, at most all: at no moment is it free or held twice.
    pub(super) fn pass(&mut self, to: &mut Self, amount: u64) {
        let passed = amount.min(self.amount);
        self.amount -= passed;
        to.amount += passed;
    }

    /// How much is held.
    pub fn amount(&self) -> u64 {
        self.amount
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.pool.give_back(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is grown and dropped in whatever order, no tier passes its limit and all end at zero.
        #[test]
        fn tiers_hold_and_return_to_zero(steps in proptest::collection::vec((0usize..4, 0u64..700, any::<bool>()), 1..60)) {
            let host = QuotaPool::new(Resource::Memory, Tier::Host, 1500, None);
            let owner = QuotaPool::new(Resource::Memory, Tier::Owner, 1000, Some(Arc::clone(&host)));
            let spaces = [600, 600].map(|limit| QuotaPool::new(Resource::Memory, Tier::Space, limit, Some(Arc::clone(&owner))));
            let mut holds: Vec<Option<Reservation>> = (0..4).map(|_| None).collect();
            for (index, bytes, drop_it) in steps {
                if drop_it {
                    holds[index] = None;
                } else {
                    let hold = holds[index].get_or_insert_with(|| spaces[index % 2].hold());
                    let before = (hold.amount(), owner.used());
                    if hold.grow(bytes).is_err() {
                        prop_assert_eq!((hold.amount(), owner.used()), before);
                    }
                }
                prop_assert!(host.used() <= 1500 && owner.used() <= 1000);
                prop_assert!(spaces.iter().all(|space| space.used() <= 600));
                prop_assert_eq!(owner.used(), spaces[0].used() + spaces[1].used());
            }
            drop(holds);
            prop_assert_eq!((host.used(), owner.used(), spaces[0].used()), (0, 0, 0));
        }
    }
    #[test]
    fn a_limit_below_use_takes_nothing_and_refuses_growth() {
        let pool = QuotaPool::new(Resource::Instances, Tier::Owner, 5, None);
        let mut hold = pool.hold();
        hold.grow(4).expect("room");
        pool.set_limit(2);
        assert_eq!((pool.used(), hold.amount()), (4, 4));
        let refused = hold.grow(1).expect_err("below use");
        assert_eq!((refused.used, refused.limit, refused.wanted), (4, 2, 1));
        assert!(!pool.has_room(0));
        hold.set(7);
        assert_eq!(pool.used(), 7);
        hold.set(1);
        hold.grow(1).expect("room again");
        drop(hold);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn of_many_who_ask_at_once_as_many_get_in_as_there_is_room_for() {
        let pool = QuotaPool::new(Resource::Instances, Tier::Owner, 3, None);
        let holds: Vec<_> = std::thread::scope(|scope| {
            let ask = || {
                let mut hold = pool.hold();
                hold.grow(1).is_ok().then_some(hold)
            };
            let asking: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
            asking
                .into_iter()
                .filter_map(|one| one.join().expect("no panic"))
                .collect()
        });
        assert_eq!((holds.len(), pool.used()), (3, 3));
    }
}
