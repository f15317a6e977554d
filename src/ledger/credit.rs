//! CPU as credit: a bucket that refills at a Space's rate up to its burst bank and is emptied by use.
//!
//! Use is charged after the fact, so the balance may fall below zero. The debt is paid by waiting, which makes the rate
//! over a long time exact however coarse the charges are. Time is an argument: nanoseconds of any clock that never goes
//! back.

/// Nanoseconds of CPU time a Space may still spend now.
#[derive(Debug, Clone)]
pub struct Credit {
    rate_millis: u32,
    bank: i64,
    balance: i64,
    refilled_at: u64,
}

// === impl Credit ===

impl Credit {
    /// A full bucket. `rate_millis` is in millicores, at least 1; `bank` is the most that is ever saved, in nanoseconds.
    pub fn new(rate_millis: u32, bank: u64, now: u64) -> Self {
        let bank = i64::try_from(bank).unwrap_or(i64::MAX).max(1);
        Self {
            rate_millis: rate_millis.max(1),
            bank,
            balance: bank,
            refilled_at: now,
        }
    }

    /// Changes the rate and the bank from `now` on. What was saved beyond the new bank is lost.
    pub fn set(&mut self, rate_millis: u32, bank: u64, now: u64) {
        self.refill(now);
        self.rate_millis = rate_millis.max(1);
        self.bank = i64::try_from(bank).unwrap_or(i64::MAX).max(1);
        self.balance = self.balance.min(self.bank);
    }

    /// Takes `used` nanoseconds of CPU time, be they there or not.
    pub fn charge(&mut self, used: u64, now: u64) {
        self.refill(now);
        self.balance = self.balance.saturating_sub_unsigned(used);
    }

    /// Nanoseconds from `now` until there is credit again; zero when there is.
    pub fn wait(&mut self, now: u64) -> u64 {
        self.refill(now);
        if self.balance > 0 {
            return 0;
        }
        // One nanosecond more than the debt, so that the balance is above zero when the time has come.
        let owed = u128::from(self.balance.unsigned_abs()) + 1;
        u64::try_from((owed * 1000).div_ceil(u128::from(self.rate_millis))).unwrap_or(u64::MAX)
    }

    /// What is left at `now`; negative is debt.
    pub fn balance(&mut self, now: u64) -> i64 {
        self.refill(now);
        self.balance
    }

    fn refill(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.refilled_at);
        let earned = u128::from(elapsed) * u128::from(self.rate_millis) / 1000;
        if earned == 0 {
            // Too little time for a whole nanosecond of credit: leave the clock, so that nothing is ever rounded away.
            return;
        }
        self.refilled_at = now;
        let earned = i64::try_from(earned).unwrap_or(i64::MAX);
        self.balance = self.balance.saturating_add(earned).min(self.bank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_full_bank_is_spent_at_once_and_refills_at_the_rate() {
        let mut credit = Credit::new(250, SECOND, 0);
        credit.charge(SECOND, 0);
        assert_eq!(credit.wait(0), 4);
        assert_eq!(credit.wait(4), 0);
        credit.charge(SECOND, 4);
        let wait = credit.wait(4);
        assert!((3_999_999_000..=4_000_000_010).contains(&wait), "{wait}");
    }

    #[test]
    fn a_clock_that_stands_or_jumps_back_earns_nothing() {
        let mut credit = Credit::new(1000, SECOND, 10 * SECOND);
        credit.charge(2 * SECOND, 10 * SECOND);
        assert_eq!(credit.balance(5 * SECOND), -1_000_000_000);
        assert_eq!(credit.balance(10 * SECOND), -1_000_000_000);
    }

    proptest! {
        /// Whoever waits as told never gets more than bank + rate × time + one overshoot.
        #[test]
        fn the_rate_holds(
            rate in 1u32..8000,
            bank in 1u64..SECOND,
            slices in proptest::collection::vec(1u64..20_000_000, 1..200),
        ) {
            let mut credit = Credit::new(rate, bank, 0);
            let (mut now, mut used, mut last) = (0u64, 0u64, 0u64);
            for slice in slices {
                now += credit.wait(now);
                prop_assert!(credit.balance(now) > 0);
                credit.charge(slice, now);
                used += slice;
                last = last.max(slice);
            }
            let allowed = u128::from(bank) + u128::from(now) * u128::from(rate) / 1000 + u128::from(last);
            prop_assert!(u128::from(used) <= allowed + 1);
        }

        #[test]
        fn the_bank_is_never_exceeded(rate in 1u32..64_000, bank in 1u64..SECOND, now in any::<u64>()) {
            let mut credit = Credit::new(rate, bank, 0);
            prop_assert!(credit.balance(now) <= i64::try_from(bank).expect("small"));
        }
    }
}
