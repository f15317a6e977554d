//! Every Space in care, and how its supervisor is reached.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::runtime_state::RuntimeState;
use crate::domain::SpaceId;

/// Every Space in care.
#[derive(Default)]
pub(in crate::lifecycle) struct Registry(Mutex<HashMap<SpaceId, Supervised>>);

/// A Space in care.
#[derive(Clone, Default)]
pub(in crate::lifecycle) struct Supervised {
    pub(in crate::lifecycle) nudge: Arc<Notify>,
    pub(in crate::lifecycle) observed: Arc<Mutex<RuntimeState>>,
    pub(in crate::lifecycle) publishing: Arc<tokio::sync::Mutex<()>>,
    ended: CancellationToken,
}

// === impl Registry ===

impl Registry {
    /// Takes a Space into care; `None` when it is.
    pub(super) fn add(&self, id: SpaceId) -> Option<Supervised> {
        let mut all = self.0.lock();
        if all.contains_key(&id) {
            return None;
        }
        let own = Supervised::default();
        all.insert(id, own.clone());
        Some(own)
    }

    /// The Space is gone: tells those who wait for that.
    pub(super) fn remove(&self, id: SpaceId) {
        if let Some(gone) = self.0.lock().remove(&id) {
            gone.ended.cancel();
        }
    }

    /// A Space, if it is in care.
    pub(super) fn get(&self, id: SpaceId) -> Option<Supervised> {
        self.0.lock().get(&id).cloned()
    }

    /// All of them, as they are at this moment.
    pub(in crate::lifecycle) fn all(&self) -> Vec<(SpaceId, Supervised)> {
        let all = self.0.lock();
        all.iter().map(|(id, own)| (*id, own.clone())).collect()
    }

    /// Makes the supervisors look of those Spaces of whom `who` is true.
    pub(in crate::lifecycle) fn nudge_those_who(
        &self,
        who: impl Fn(SpaceId, &RuntimeState) -> bool,
    ) {
        for (id, own) in self.all() {
            if who(id, &own.observed.lock()) {
                own.nudge.notify_one();
            }
        }
    }
}

// === impl Supervised ===

impl Supervised {
    /// Waits until the Space is gone.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + use<> {
        self.ended.clone().cancelled_owned()
    }
}
