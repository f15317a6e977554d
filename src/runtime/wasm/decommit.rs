//! Gives the memory of large guests back to the kernel soon after they end.
//!
//! The engine's pool returns memory in batches, which is what makes small guests cheap. A few large ones can sit in an
//! unfinished batch, though: memory that no book holds and no Space uses. So whenever a store ends that had grown large,
//! the batch is filled up, and thereby emptied, with the memories of instances that do nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Engine, Instance, Module, Store};

/// Bytes from which a single memory is large.
pub(super) const LARGE: usize = 4 << 20;

/// How often it is looked whether a large one has ended.
const EVERY: Duration = Duration::from_millis(200);

/// More than the pool gathers before it returns anything.
const BATCH: usize = 32;

/// `(module (memory 1))`, in the binary format.
const MEMORY: &[u8] = &[0, b'a', b's', b'm', 1, 0, 0, 0, 5, 3, 1, 0, 1];

/// Set when a store that had grown large has ended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Swollen(Arc<AtomicBool>);

// === impl Swollen ===

impl Swollen {
    /// A large store is ending.
    pub(super) fn ended(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Looks again and again; ends when it is dropped.
pub(super) async fn run(engine: Engine, swollen: Swollen) {
    let module = match Module::new(&engine, MEMORY) {
        Ok(module) => module,
        Err(error) => return tracing::error!("memory will be given back late: {error:#}"),
    };
    let mut rounds = tokio::time::interval(EVERY);
    let mut again = false;
    loop {
        rounds.tick().await;
        // Twice, because a store says that it is ending a moment before its memory is free.
        let now = swollen.0.swap(false, Ordering::AcqRel);
        if now || std::mem::take(&mut again) {
            fill_up(&engine, &module);
            again = now;
        }
    }
}

fn fill_up(engine: &Engine, module: &Module) {
    for _ in 0..BATCH {
        let mut store = Store::new(engine, ());
        // A pool that is full is one that is being emptied anyhow.
        let _ = Instance::new(&mut store, module, &[]);
    }
}
