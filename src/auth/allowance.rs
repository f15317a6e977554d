//! How often somebody may do what makes the server remember something or work hard, without its knowing who they are.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many times within a time, for each key: an address, a name, or both. What is counted is kept in memory alone, and
/// for so many keys at once: when there is no place for another, new ones are refused, and nobody's count is forgotten.
#[derive(Debug)]
pub struct Allowance<K> {
    times: u32,
    within: Duration,
    places: usize,
    counts: Mutex<HashMap<K, Count>>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    times: u32,
}

// === impl Allowance ===

impl<K: Hash + Eq> Allowance<K> {
    /// That many times within that time, for that many keys.
    pub fn new(times: u32, within: Duration, places: usize) -> Self {
        Self {
            times,
            within,
            places,
            counts: Mutex::default(),
        }
    }

    /// Whether there is one left; counts nothing.
    pub fn is_left(&self, key: &K) -> bool {
        let mut counts = self.counts(Instant::now());
        self.has_left(&mut counts, key)
    }

    /// Takes one. `false` if there is none left.
    pub fn take(&self, key: K) -> bool {
        let now = Instant::now();
        let mut counts = self.counts(now);
        if !self.has_left(&mut counts, &key) {
            return false;
        }
        let none = Count {
            since: now,
            times: 0,
        };
        counts.entry(key).or_insert(none).times += 1;
        true
    }

    fn has_left(&self, counts: &mut HashMap<K, Count>, key: &K) -> bool {
        if counts
            .get(key)
            .is_some_and(|count| count.since.elapsed() > self.within)
        {
            counts.remove(key);
        }
        match counts.get(key) {
            Some(count) => count.times < self.times,
            None => counts.len() < self.places,
        }
    }

    /// What is counted; without what has run out, when there is no place left.
    fn counts(&self, now: Instant) -> MutexGuard<'_, HashMap<K, Count>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= self.places {
            counts.retain(|_, count| now.duration_since(count.since) <= self.within);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_their_own_and_no_more() {
        let allowance = Allowance::new(2, Duration::from_secs(60), 10);
        assert!(allowance.take("ada") && allowance.is_left(&"ada") && allowance.take("ada"));
        assert!(!allowance.take("ada") && !allowance.is_left(&"ada"));
        assert!(allowance.take("bob"));
    }

    #[test]
    fn a_crowd_of_keys_makes_nobodys_count_forgotten() {
        let allowance = Allowance::new(1, Duration::from_secs(60), 100);
        let taken = (0..1000).filter(|key| allowance.take(*key)).count();
        assert_eq!(taken, 100);
        assert!((0..100).all(|key| !allowance.take(key)));
    }

    #[test]
    fn what_has_run_out_makes_room() {
        let allowance = Allowance::new(1, Duration::ZERO, 1);
        assert!(allowance.take(1));
        std::thread::sleep(Duration::from_millis(1));
        assert!(allowance.take(2) && allowance.is_left(&1));
    }
}
