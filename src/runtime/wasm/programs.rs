//! Programs in memory: one for each artifact, however many Spaces run it.
//!
//! A loaded program is a mapping and a descriptor. It belongs to no Space: what is a Space's own (its memory, its
//! environment, what it may reach) is in the store that each instance is given. Whoever uses one holds it; when the last
//! has let go, it is unmapped.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wasmtime::InstancePre;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use super::host::{CommandHost, HttpHost};
use crate::domain::GuestAbi;

/// An artifact's digest, and as what it is run.
type Key = (String, GuestAbi);

/// A program ready to be instantiated.
pub(super) enum Program {
    Http(ProxyPre<HttpHost>),
    Command(InstancePre<CommandHost>),
}

/// What is in memory. Each has a lock of its own, so that nobody waits for a load of something else.
#[derive(Default)]
pub(super) struct Programs(Mutex<HashMap<Key, Arc<Mutex<Weak<Program>>>>>);

// === impl Programs ===

impl Programs {
    /// The program, loaded by one of those who ask for it while it is not in memory. Takes as long as `load` does.
    pub(super) fn get<E>(
        &self,
        digest: &str,
        abi: GuestAbi,
        load: impl FnOnce() -> Result<Program, E>,
    ) -> Result<Arc<Program>, E> {
        let place = self.place(digest, abi);
        let mut held = place.lock();
        if let Some(program) = held.upgrade() {
            return Ok(program);
        }
        let loaded = Arc::new(load()?);
        *held = Arc::downgrade(&loaded);
        Ok(loaded)
    }

    fn place(&self, digest: &str, abi: GuestAbi) -> Arc<Mutex<Weak<Program>>> {
        let mut all = self.0.lock();
        let key = (digest.to_owned(), abi);
        if let Some(place) = all.get(&key) {
            return Arc::clone(place);
        }
        // What nobody holds or is loading is forgotten before there is more.
        all.retain(|_, place| {
            Arc::strong_count(place) > 1
                || place
                    .try_lock()
                    .is_none_or(|program| program.strong_count() > 0)
        });
        let place = Arc::default();
        all.insert(key, Arc::clone(&place));
        place
    }
}
