//! How often somebody may ask.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often somebody may ask: so many times a second in the long run, and ten seconds' worth at once.
#[derive(Debug)]
pub(super) struct RateLimit {
    /// Between two requests; zero if there is no limit.
    interval: Duration,
}

/// When each visitor, or each Space, would have asked last had it kept to its rate: the "theoretical arrival time" of
/// the generic cell rate algorithm (ITU-T I.371).
#[derive(Debug)]
pub(super) struct RateClocks<K>(Mutex<Known<K>>);

#[derive(Debug)]
struct Known<K> {
    clocks: HashMap<K, Instant>,
    sweep_at: usize,
}

/// As many requests as fit into this time may come at once.
const BURST: Duration = Duration::from_secs(10);

// === impl RateLimit ===

impl RateLimit {
    /// That many requests a second; 0 is no limit.
    pub(super) fn per_second(rate: f64) -> Self {
        let interval = if rate > 0.0 {
            Duration::from_secs_f64(1.0 / rate)
        } else {
            Duration::ZERO
        };
        Self { interval }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// It came too early by this much, and is not counted.
    pub(super) fn count<K: std::hash::Hash + Eq>(
        &self,
        clocks: &RateClocks<K>,
        key: K,
        now: Instant,
    ) -> Result<(), Duration> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let mut known = clocks.0.lock();
        if known.clocks.len() >= known.sweep_at {
            known.clocks.retain(|_, clock| *clock > now);
            known.sweep_at = (2 * known.clocks.len()).max(1024);
        }
        let clock = known.clocks.entry(key).or_insert(now);
        let due = (*clock).max(now);
        let early = (due - now + self.interval).saturating_sub(BURST.max(self.interval));
        if early > Duration::ZERO {
            return Err(early);
        }
        *clock = due + self.interval;
        Ok(())
    }
}

// === impl RateClocks ===

impl<K> Default for RateClocks<K> {
    fn default() -> Self {
        Self(Mutex::new(Known {
            clocks: HashMap::new(),
            sweep_at: 0,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let (rate, clocks) = (RateLimit::per_second(2.0), RateClocks::default());
        let mut now = Instant::now();
        for _ in 0..20 {
            assert_eq!(rate.count(&clocks, 1, now), Ok(()));
        }
        let early = rate.count(&clocks, 1, now).expect_err("too many");
        assert_eq!(early, Duration::from_millis(500));
        assert_eq!(rate.count(&clocks, 2, now), Ok(()), "another visitor");
        now += early;
        assert_eq!(rate.count(&clocks, 1, now), Ok(()));
        assert!(rate.count(&clocks, 1, now).is_err());
        // Rest is saved up, but no more than the burst.
        now += Duration::from_secs(3600);
        let counted = (0..100).filter(|_| rate.count(&clocks, 1, now).is_ok());
        assert_eq!(counted.count(), 20);
        // Once in two minutes is once in two minutes.
        let (rate, clocks) = (RateLimit::per_second(1.0 / 120.0), RateClocks::default());
        assert_eq!(rate.count(&clocks, 1, now), Ok(()));
        let wait = rate.count(&clocks, 1, now).expect_err("too soon");
        assert_eq!(wait.as_secs_f64().round(), 120.0);
        assert!(RateLimit::per_second(0.0).count(&clocks, 1, now).is_ok());
    }

    #[test]
    fn those_who_have_rested_are_forgotten() {
        let (rate, clocks) = (RateLimit::per_second(100.0), RateClocks::default());
        let mut now = Instant::now();
        for number in 0..5000 {
            assert_eq!(rate.count(&clocks, number, now), Ok(()));
            now += Duration::from_millis(20);
        }
        let known = clocks.0.lock();
        assert!(known.clocks.len() <= 1024, "{}", known.clocks.len());
    }
}
