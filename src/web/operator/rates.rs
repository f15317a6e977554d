//! How much CPU is used now: the difference between two looks at running totals.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::SpaceId;

/// The last looks. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Rates(Arc<Mutex<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    host: SpaceSummary,
    spaces: HashMap<SpaceId, SpaceSummary>,
}

/// A total, when it was that, and the rate that came of it, in thousandths of a core.
#[derive(Debug, Clone, Copy)]
struct SpaceSummary {
    at: Instant,
    nanos: u64,
    millis: u64,
}

/// Two looks closer than this tell nothing new.
const APART: Duration = Duration::from_secs(2);

/// Spaces remembered at once; past it all are forgotten.
const MAX_SPACES: usize = 20_000;

// === impl Rates ===

impl Rates {
    /// Thousandths of a core that all Spaces use, given what they have used so far.
    pub(super) fn host(&self, nanos: u64) -> u64 {
        self.looks().host.next(nanos, Instant::now())
    }

    /// The same of one Space.
    pub(super) fn space(&self, space: SpaceId, nanos: u64) -> u64 {
        let mut looks = self.looks();
        if looks.spaces.len() >= MAX_SPACES {
            looks.spaces.clear();
        }
        let now = Instant::now();
        let new = SpaceSummary {
            at: now,
            nanos,
            millis: 0,
        };
        looks.spaces.entry(space).or_insert(new).next(nanos, now)
    }

    fn looks(&self) -> parking_lot::MutexGuard<'_, Looks> {
        self.0.lock()
    }
}

// === impl SpaceSummary ===

impl Default for SpaceSummary {
    fn default() -> Self {
        Self {
            at: Instant::now(),
            nanos: 0,
            millis: 0,
        }
    }
}

impl SpaceSummary {
    fn next(&mut self, nanos: u64, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at);
        if passed >= APART {
            let used = nanos.saturating_sub(self.nanos) as f64;
            self.millis = (used / passed.as_nanos() as f64 * 1000.0).round() as u64;
            (self.at, self.nanos) = (now, nanos);
        }
        self.millis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_used_between_two_looks() {
        let begin = Instant::now();
        let mut look = SpaceSummary {
            at: begin,
            nanos: 0,
            millis: 0,
        };
        let second = 1_000_000_000;
        assert_eq!(look.next(second, begin + Duration::from_secs(1)), 0);
        assert_eq!(look.next(second, begin + Duration::from_secs(4)), 250);
        assert_eq!(look.next(second * 5, begin + Duration::from_secs(8)), 1000);
        assert_eq!(look.next(second * 5, begin + Duration::from_secs(18)), 0);
    }
}
