//! Memory of one store, held in the ledger until the store drops.

use std::time::Instant;

use wasmtime::ResourceLimiterAsync;

use super::decommit::{LARGE, large_ends};
use super::memory_reclaim::Room;
use crate::ledger::{Refused, Reservation};

/// Bytes held for the host's own side of one instance: its fiber's stack, tables of handles and buffers.
pub(super) const INSTANCE_OVERHEAD: u64 = 64 << 10;

/// Bytes the host keeps for one element of a table.
const TABLE_ELEMENT: usize = 8;

/// Largest table in elements; what the engine's pool has room for.
const TABLE_ELEMENTS: usize = 100_000;

/// Holds every byte a store's memories and tables take, over all of them and until the store is gone.
///
/// Nothing is given back when a growth fails later on: the engine also reports failures of growths that were never
/// charged, so a refund could be farmed by asking for the impossible.
pub(super) struct Limiter {
    hold: Reservation,
    largest_memory: usize,
    room: Room,
    refused: Option<Refused>,
    large: bool,
}

// === impl Limiter ===

impl Limiter {
    /// A limiter over a hold of nothing, which grows by what every store takes. `largest_memory` in bytes bounds a single
    /// memory.
    ///
    /// # Errors
    /// When there is no memory even for that.
    pub(super) async fn begin(
        hold: Reservation,
        largest_memory: usize,
        room: Room,
    ) -> Result<Self, Refused> {
        let mut limiter = Self {
            hold,
            largest_memory,
            room,
            refused: None,
            large: false,
        };
        limiter.grow(INSTANCE_OVERHEAD).await;
        limiter.refused.map_or(Ok(limiter), Err)
    }

    /// Bytes this store holds.
    pub(super) fn bytes(&self) -> u64 {
        self.hold.amount()
    }

    /// The last growth that was refused for want of memory, if any was.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Waits for room that is being made.
    async fn grow(&mut self, bytes: u64) -> bool {
        let began = Instant::now();
        loop {
            let Err(refused) = self.hold.grow(bytes) else {
                return true;
            };
            if !self.room.make(&refused, began).await {
                self.refused = Some(refused);
                return false;
            }
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if self.large {
            large_ends();
        }
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for Limiter {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed =
            maximum.is_none_or(|maximum| desired <= maximum) && desired <= self.largest_memory;
        self.large |= allowed && desired >= LARGE;
        let bytes = desired.saturating_sub(current) as u64;
        Ok(allowed && self.grow(bytes).await)
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum) && desired <= TABLE_ELEMENTS;
        let elements = desired.saturating_sub(current);
        let bytes = elements.saturating_mul(TABLE_ELEMENT) as u64;
        Ok(allowed && self.grow(bytes).await)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}
