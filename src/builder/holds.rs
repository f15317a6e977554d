//! What builds under way have made or found, and nobody has recorded yet: no sweep removes it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// All that is held, by the digests of files, the ids of images and those of builds.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    held: HashMap<String, usize>,
    /// What was held at any time since the last sweep began. Who let go of it meanwhile may have recorded it after the
    /// sweep was told what is in use.
    since: HashSet<String>,
}

/// What one build holds. Its drop lets go: by then the build is recorded, or has failed.
#[derive(Debug)]
pub struct Hold {
    holds: Arc<Holds>,
    names: Mutex<Vec<String>>,
}

// === impl Holds ===

impl Holds {
    /// For a build that holds nothing yet.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        Hold {
            holds: Arc::clone(self),
            names: Mutex::default(),
        }
    }

    /// A sweep begins; what is in use is read after this.
    pub(super) fn begin_sweep(&self) {
        let mut state = self.lock();
        state.since = state.held.keys().cloned().collect();
    }

    /// Whether a sweep leaves it alone.
    pub(super) fn is_held(&self, name: &str) -> bool {
        self.lock().since.contains(name)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

// === impl Hold ===

impl Hold {
    /// Holds one thing more.
    pub(super) fn add(&self, name: &str) {
        let mut state = self.holds.lock();
        *state.held.entry(name.to_owned()).or_default() += 1;
        state.since.insert(name.to_owned());
        drop(state);
        self.names().push(name.to_owned());
    }

    fn names(&self) -> MutexGuard<'_, Vec<String>> {
        self.names.lock()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.holds.lock();
        for name in self.names().drain(..) {
            if let Some(count) = state.held.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    state.held.remove(&name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_during_a_sweep_outlives_it_and_not_the_next() {
        let holds = Arc::<Holds>::default();
        let (early, late) = (holds.hold(), holds.hold());
        early.add("early");
        holds.begin_sweep();
        late.add("late");
        drop((early, late));
        assert!(holds.is_held("early") && holds.is_held("late"));
        holds.begin_sweep();
        assert!(!holds.is_held("early") && !holds.is_held("late"));
    }

    #[test]
    fn two_builds_may_hold_the_same() {
        let holds = Arc::<Holds>::default();
        let (one, other) = (holds.hold(), holds.hold());
        one.add("site");
        other.add("site");
        drop(one);
        holds.begin_sweep();
        assert!(holds.is_held("site"));
    }
}
