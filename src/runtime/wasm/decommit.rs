//! Gives the memory of large guests back to the kernel as soon as they have ended.
//!
//! The engine's pool returns memory in batches, one for each thread, which is what makes small guests cheap. A few large
//! ones can sit in an unfinished batch, though: memory that no book holds and no Space uses. So when a store has ended
//! that had grown large, its thread fills the batch up, and thereby empties it, with instances that only dirty a little
//! memory.

use std::cell::Cell;

use wasmtime::{Engine, Instance, Module, Store};

use crate::wasm_engine::DECOMMIT_BATCH;

/// Bytes from which a single memory is large.
pub(super) const LARGE: usize = 4 << 20;

/// `(module (memory 2) (start 0) (func (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072))))` in the binary
/// format: dirties more than a slot of the pool keeps for itself.
const DIRTY: &[u8] = &[
    0, b'a', b's', b'm', 1, 0, 0, 0, // magic and version
    1, 4, 1, 0x60, 0, 0, // types
    3, 2, 1, 0, // functions
    5, 3, 1, 0, 2, // memories
    8, 1, 0, // start
    10, 15, 1, 13, 0, // code, without locals
    0x41, 0, 0x41, 1, 0x41, 0x80, 0x80, 8, 0xfc, 11, 0, 11,
];

thread_local! {
    static LARGE_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Empties this thread's batch after a large store.
pub(super) struct PoolFlusher {
    engine: Engine,
    module: Module,
}

/// For a store's limiter: a store that had grown large is ending on this thread.
pub(super) fn large_ends() {
    LARGE_ENDED.set(true);
}

// === impl PoolFlusher ===

impl PoolFlusher {
    pub(super) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            engine: engine.clone(),
            module: Module::new(engine, DIRTY)?,
        })
    }

    /// To be called between two tasks: does nothing unless a large store has ended since the last call.
    pub(super) fn wring(&self) {
        if LARGE_ENDED.take() {
            for _ in 0..DECOMMIT_BATCH {
                let mut store = Store::new(&self.engine, ());
                store.set_epoch_deadline(u64::MAX / 2);
                // A pool with no room left empties its batches itself.
                let _ = Instance::new(&mut store, &self.module, &[]);
            }
        }
    }
}
