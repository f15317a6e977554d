//! Whether a container computes: what does is in use, though nobody visits it.
//!
//! An idle server is never quite idle: event loops tick, files are watched, tabs say that they are open. An idle Gradio was
//! measured to take a fifteenth of a core; a job takes what it is given. A fifth of a core is between.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::domain::Millis;

/// Of a core, in thousandths; what uses more computes.
const MOST_IDLE_MILLIS: u32 = 200;

/// Less time than this between two samples says nothing.
const LEAST: Duration = Duration::from_millis(100);

/// What is known of a container's work.
#[derive(Debug)]
pub(super) struct Work {
    /// In thousandths of a core: what uses more computes.
    threshold: u32,
    /// The last sample, and when it was taken.
    last: Mutex<Option<(Instant, u64)>>,
    /// When it was last seen to compute; 0 never.
    at: AtomicI64,
}

// === impl Work ===

impl Work {
    /// Of a container with that rate in thousandths of a core: what is held to little computes with little.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            threshold: MOST_IDLE_MILLIS.min(rate * 3 / 4),
            last: Mutex::default(),
            at: AtomicI64::new(0),
        }
    }

    /// Takes a sample: nanoseconds of CPU time that all its processes have used up to now.
    pub(super) fn sample(&self, used: u64) {
        self.sample_at(Instant::now(), used);
    }

    fn sample_at(&self, now: Instant, used: u64) {
        let mut last = self.last.lock();
        if let Some((then, before)) = *last {
            let elapsed = now.saturating_duration_since(then);
            if elapsed < LEAST {
                return;
            }
            if self.computes(elapsed, used.saturating_sub(before)) {
                self.at.store(present(), Ordering::Release);
            }
        }
        *last = Some((now, used));
    }

    /// Whether that much CPU time, in nanoseconds, within that time is work.
    pub(super) fn computes(&self, elapsed: Duration, used: u64) -> bool {
        let idle = elapsed.as_nanos() * u128::from(self.threshold) / 1000;
        u128::from(used) > idle
    }

    /// It stood still: the time until now says nothing.
    pub(super) fn forget(&self) {
        *self.last.lock() = None;
    }

    /// When it was last seen to compute.
    pub(super) fn at(&self) -> Option<Millis> {
        Some(self.at.load(Ordering::Acquire)).filter(|at| *at > 0)
    }
}

fn present() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a container of that rate is seen to compute when it uses that much in five seconds.
    fn is_seen(rate: u32, used: Duration) -> bool {
        let work = Work::new(rate);
        let begin = Instant::now();
        let used = u64::try_from(used.as_nanos()).expect("small");
        work.sample_at(begin, 7);
        work.sample_at(begin + Duration::from_secs(5), 7 + used);
        work.at().is_some()
    }

    #[test]
    fn a_job_is_work_and_the_ticks_of_a_server_are_not() {
        assert!(is_seen(1000, Duration::from_millis(1001)));
        assert!(!is_seen(1000, Duration::from_millis(1000)));
        assert!(!is_seen(1000, Duration::ZERO));
        // A fifth of a core is more than this one has.
        assert!(is_seen(100, Duration::from_millis(380)));
        assert!(!is_seen(100, Duration::from_millis(370)));
    }

    #[test]
    fn two_samples_at_once_and_a_time_that_stood_still_say_nothing() {
        let work = Work::new(1000);
        let begin = Instant::now();
        work.sample_at(begin, 0);
        work.sample_at(begin + Duration::from_millis(1), 1_000_000);
        assert_eq!(work.at(), None);
        work.forget();
        work.sample_at(begin + Duration::from_secs(1), 1 << 40);
        assert_eq!(work.at(), None);
    }
}
