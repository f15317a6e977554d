//! How long something usually takes at one Space.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A mean that follows what was measured last: each new measure counts a third. Nothing here waits.
#[derive(Debug, Default)]
pub struct MeanTime(
    /// Microseconds; 0 while nothing was measured.
    AtomicU64,
);

// === impl MeanTime ===

impl MeanTime {
    /// It took that long this time.
    pub fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let next = |mean: u64| match mean {
            0 => took,
            mean => (mean / 3 * 2).saturating_add(took / 3).max(1),
        };
        let set = Ordering::AcqRel;
        // Always `Some`, so that it always is changed.
        let _ = self
            .0
            .fetch_update(set, Ordering::Acquire, |mean| Some(next(mean)));
    }

    /// What it takes as a rule; `None` while nothing was measured.
    pub fn get(&self) -> Option<Duration> {
        let mean = self.0.load(Ordering::Acquire);
        (mean > 0).then(|| Duration::from_micros(mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_was_measured_last() {
        let mean = MeanTime::default();
        assert_eq!(mean.get(), None);
        mean.note(Duration::ZERO);
        assert!(mean.get().is_some());
        let mean = MeanTime::default();
        mean.note(Duration::from_secs(9));
        assert_eq!(mean.get(), Some(Duration::from_secs(9)));
        mean.note(Duration::from_secs(3));
        assert_eq!(mean.get(), Some(Duration::from_secs(7)));
        for _ in 0..30 {
            mean.note(Duration::from_secs(3));
        }
        let now = mean.get().expect("measured").as_millis();
        assert!((2990..3010).contains(&now), "{now}");
    }
}
