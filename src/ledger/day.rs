//! What was used within one day, from a running total.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::domain::{Millis, Quota, Resource};

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// A running total of which a quota holds for each day (UTC).
#[derive(Debug)]
pub(super) struct Daily {
    resource: Resource,
    /// How many of what is counted are one of the quota's unit.
    unit: u64,
    total: AtomicU64,
    day: Mutex<Day>,
    spent: AtomicBool,
}

/// The present day's share of a total that only grows. Days begin at midnight UTC.
///
/// A clock that is set back keeps what was used: it is no way to a fresh day. One that is set forward begins a day, as
/// midnight does.
#[derive(Debug, Clone)]
pub struct Day {
    number: i64,
    base: u64,
    carried: u64,
}

// === impl Daily ===

impl Daily {
    pub(super) fn new(resource: Resource, unit: u64, now: Millis) -> Self {
        Self {
            resource,
            unit,
            total: AtomicU64::new(0),
            day: Mutex::new(Day::new(now, 0, 0)),
            spent: AtomicBool::new(false),
        }
    }

    pub(super) fn resource(&self) -> Resource {
        self.resource
    }

    pub(super) fn add(&self, amount: u64) {
        self.total.fetch_add(amount, Ordering::Relaxed);
    }

    /// What was added since the server started.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// That so much was added today before the server started.
    pub(super) fn carry(&self, now: Millis, amount: u64) {
        *self.day() = Day::new(now, self.total(), amount);
    }

    /// Of the quota's units, rounded down.
    pub(super) fn today(&self, now: Millis) -> u64 {
        self.day().used(now, self.total()) / self.unit
    }

    /// Looks whether the quota is spent; whether that is news.
    pub(super) fn look(&self, now: Millis, quota: &Quota) -> bool {
        let spent = self.today(now) >= quota.of(self.resource);
        self.spent.swap(spent, Ordering::AcqRel) != spent
    }

    /// Whether it was spent at the last look.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }

    fn day(&self) -> MutexGuard<'_, Day> {
        self.day.lock()
    }
}

// === impl Day ===

impl Day {
    /// The day at that moment (Unix milliseconds), in which `carried` was used before the total began.
    pub fn new(now: i64, total: u64, carried: u64) -> Self {
        Self {
            number: now.div_euclid(DAY_MILLIS),
            base: total,
            carried,
        }
    }

    /// What was used of `total` on the day at that moment.
    pub fn used(&mut self, now: i64, total: u64) -> u64 {
        let today = now.div_euclid(DAY_MILLIS);
        if today > self.number {
            (self.base, self.carried) = (total, 0);
        }
        self.number = today;
        total.saturating_sub(self.base).saturating_add(self.carried)
    }

    /// The moment at which the day at `now` ends.
    pub fn end(now: i64) -> i64 {
        now.div_euclid(DAY_MILLIS)
            .saturating_add(1)
            .saturating_mul(DAY_MILLIS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn midnight_begins_anew() {
        let mut day = Day::new(10, 100, 5);
        assert_eq!(day.used(20, 130), 35);
        assert_eq!(day.used(DAY_MILLIS, 140), 0);
        assert_eq!(day.used(DAY_MILLIS + 1, 150), 10);
        assert_eq!(Day::end(DAY_MILLIS + 1), 2 * DAY_MILLIS);
    }

    proptest! {
        /// However the clock jumps within the days it has seen, nobody gets more than one fresh day for each step
        /// forward, and use within a day is never forgotten by going back.
        #[test]
        fn going_back_forgets_nothing(steps in proptest::collection::vec((-3i64..2, 0u64..100), 1..60)) {
            let mut day = Day::new(0, 0, 0);
            let (mut now, mut total, mut expected, mut number) = (0i64, 0u64, 0u64, 0i64);
            for (days, used) in steps {
                total += used;
                expected += used;
                now += days * DAY_MILLIS;
                if now.div_euclid(DAY_MILLIS) > number {
                    expected = 0;
                }
                number = now.div_euclid(DAY_MILLIS);
                prop_assert_eq!(day.used(now, total), expected);
            }
        }

        #[test]
        fn no_moment_is_too_far(now in any::<i64>(), later in any::<i64>(), total in any::<u64>()) {
            let mut day = Day::new(now, total, u64::MAX);
            day.used(later, 0);
            Day::end(later);
        }
    }
}
