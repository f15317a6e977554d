//! Memory of one store, held in the ledger until the store drops.

use wasmtime::ResourceLimiter;

use super::decommit::{LARGE, large_ends};
use crate::ledger::{MemoryHold, MemoryRefused};

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
#[derive(Debug)]
pub(super) struct Limiter {
    hold: MemoryHold,
    largest_memory: usize,
    refused: Option<MemoryRefused>,
    large: bool,
}

impl Limiter {
    /// A limiter over an already begun hold. `largest_memory` in bytes bounds a single memory.
    pub(super) fn new(hold: MemoryHold, largest_memory: usize) -> Self {
        Self {
            hold,
            largest_memory,
            refused: None,
            large: false,
        }
    }

    /// Bytes this store holds.
    pub(super) fn bytes(&self) -> u64 {
        self.hold.amount()
    }

    /// The last growth that was refused for want of memory, if any was.
    pub(super) fn refused(&self) -> Option<MemoryRefused> {
        self.refused
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let grown = self.hold.grow(u64::try_from(bytes).unwrap_or(u64::MAX));
        if let Err(refused) = grown {
            self.refused = Some(refused);
        }
        grown.is_ok()
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if self.large {
            large_ends();
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed =
            maximum.is_none_or(|maximum| desired <= maximum) && desired <= self.largest_memory;
        self.large |= allowed && desired >= LARGE;
        Ok(allowed && self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = maximum.is_none_or(|maximum| desired <= maximum) && desired <= TABLE_ELEMENTS;
        let elements = desired.saturating_sub(current);
        Ok(allowed && self.grow(elements.saturating_mul(TABLE_ELEMENT)))
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
