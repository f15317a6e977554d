//! Memory as a sum, kept in three tiers at once: Space, owner, host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// A refused request for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} bytes of memory wanted, {used} of {limit} used ({tier:?})")]
pub struct MemoryRefused {
    /// Whose limit.
    pub tier: Tier,
    /// Bytes asked for.
    pub wanted: u64,
    /// Bytes in use when it was asked.
    pub used: u64,
    /// The limit in bytes.
    pub limit: u64,
}

/// The bytes one tier holds, never more than its limit.
#[derive(Debug)]
pub struct MemoryBook {
    tier: Tier,
    used: AtomicU64,
    peak: AtomicU64,
    limit: AtomicU64,
    parent: Option<Arc<MemoryBook>>,
}

/// Memory that is held; its drop gives all of it back in every tier.
#[derive(Debug)]
pub struct MemoryHold {
    book: Arc<MemoryBook>,
    bytes: u64,
}

// === impl MemoryBook ===

impl MemoryBook {
    pub(super) fn new(tier: Tier, limit: u64, parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            tier,
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            limit: AtomicU64::new(limit),
            parent,
        })
    }

    /// Bytes held now.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most bytes that were ever held at once.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit. One below what is held refuses growth until enough was given back.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// A hold of nothing, ready to grow.
    pub fn hold(self: &Arc<Self>) -> MemoryHold {
        MemoryHold {
            book: Arc::clone(self),
            bytes: 0,
        }
    }

    fn take(&self, bytes: u64) -> Result<(), MemoryRefused> {
        let limit = self.limit();
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        let before = self
            .used
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map_err(|used| MemoryRefused {
                tier: self.tier,
                wanted: bytes,
                used,
                limit,
            })?;
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        if let Some(parent) = &self.parent
            && let Err(refused) = parent.take(bytes)
        {
            self.used.fetch_sub(bytes, Ordering::AcqRel);
            return Err(refused);
        }
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(parent) = &self.parent {
            parent.give_back(bytes);
        }
    }
}

// === impl MemoryHold ===

impl MemoryHold {
    /// Holds `bytes` more, in every tier or in none.
    ///
    /// # Errors
    /// When a tier has no room; then nothing has changed.
    pub fn grow(&mut self, bytes: u64) -> Result<(), MemoryRefused> {
        self.book.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds `bytes` more for an instance that something else keeps within the Space's limit: a new version stands
    /// beside the old one for a while, so the Space's own tier counts it and does not refuse it. The tiers above do.
    ///
    /// # Errors
    /// When a tier above has no room; then nothing has changed.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), MemoryRefused> {
        if let Some(parent) = &self.book.parent {
            parent.take(bytes)?;
        }
        let before = self.book.used.fetch_add(bytes, Ordering::AcqRel);
        self.book.peak.fetch_max(before + bytes, Ordering::Relaxed);
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        self.book.give_back(self.bytes);
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
            let host = MemoryBook::new(Tier::Host, 1500, None);
            let owner = MemoryBook::new(Tier::Owner, 1000, Some(Arc::clone(&host)));
            let spaces = [600, 600].map(|limit| MemoryBook::new(Tier::Space, limit, Some(Arc::clone(&owner))));
            let mut holds: Vec<Option<MemoryHold>> = (0..4).map(|_| None).collect();
            for (index, bytes, drop_it) in steps {
                if drop_it {
                    holds[index] = None;
                } else {
                    let hold = holds[index].get_or_insert_with(|| spaces[index % 2].hold());
                    let before = (hold.bytes(), owner.used());
                    if hold.grow(bytes).is_err() {
                        prop_assert_eq!((hold.bytes(), owner.used()), before);
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
}
