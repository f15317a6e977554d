//! How often somebody may do what makes the server remember something or work hard, without its knowing who they are.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::domain::{household, site};

/// So many times within a time, for each key: an address, a name, or both. What is counted is kept in memory alone, and
/// for so many keys at once: when there is no place for another, new ones are refused, and nobody's count is forgotten.
#[derive(Debug)]
pub struct Allowance<K> {
    times: u32,
    within: Duration,
    places: usize,
    counts: Mutex<HashMap<K, Count>>,
}

/// So many times for each key from one household, and four times as many from one site, which has as many households as it
/// likes (see [`site`]). Nobody elsewhere can use it up.
#[derive(Debug)]
pub struct AddressAllowance<K> {
    households: Allowance<(IpAddr, K)>,
    sites: Allowance<(IpAddr, K)>,
}

/// How many households' worth a site has.
pub(super) const HOUSEHOLDS_OF_A_SITE: u32 = 4;

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

    /// Gives back one that was taken.
    pub fn give_back(&self, key: &K) {
        if let Some(count) = self.counts(Instant::now()).get_mut(key) {
            count.times = count.times.saturating_sub(1);
        }
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
        let mut counts = self.counts.lock();
        if counts.len() >= self.places {
            counts.retain(|_, count| now.duration_since(count.since) <= self.within);
        }
        counts
    }
}

// === impl AddressAllowance ===

impl<K: Hash + Eq + Clone> AddressAllowance<K> {
    /// That many times within that time for one key from one household, for that many of both.
    pub fn new(times: u32, within: Duration, places: usize) -> Self {
        let of_a_site = times.saturating_mul(HOUSEHOLDS_OF_A_SITE);
        Self {
            households: Allowance::new(times, within, places),
            sites: Allowance::new(of_a_site, within, places),
        }
    }

    /// Takes one. `false` if there is none left.
    pub fn take(&self, address: IpAddr, key: K) -> bool {
        let near = (site(address), key.clone());
        // A site that has had its share makes nothing more to remember.
        if !self.sites.take(near.clone()) {
            return false;
        }
        let taken = self.households.take((household(address), key));
        if !taken {
            self.sites.give_back(&near);
        }
        taken
    }

    /// Gives back one that was taken.
    pub fn give_back(&self, address: IpAddr, key: K) {
        self.sites.give_back(&(site(address), key.clone()));
        self.households.give_back(&(household(address), key));
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
    fn a_site_has_no_more_for_having_many_households() {
        let allowance = AddressAllowance::new(2, Duration::from_secs(60), 1000);
        let at =
            |site: u16, household: u16| IpAddr::from([0x2001, 0xdb8, site, household, 0, 0, 0, 1]);
        assert!((0..2).all(|_| allowance.take(at(1, 1), "ada")));
        assert!(!allowance.take(at(1, 1), "ada"));
        let near = (2..100).filter(|household| allowance.take(at(1, *household), "ada"));
        assert_eq!(near.count(), 6);
        assert!(allowance.take(at(1, 1), "bob") && allowance.take(at(2, 1), "ada"));
        allowance.give_back(at(1, 1), "ada");
        assert!(allowance.take(at(1, 1), "ada"));
        assert!(!allowance.take(at(1, 1), "ada"));
    }

    #[test]
    fn what_has_run_out_makes_room() {
        let allowance = Allowance::new(1, Duration::ZERO, 1);
        assert!(allowance.take(1));
        std::thread::sleep(Duration::from_millis(1));
        assert!(allowance.take(2) && allowance.is_left(&1));
    }
}
