//! What a Space has used, in whole numbers that can be added and stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! usage {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Amounts used within some span of time. Sums stop at the largest number instead of going round.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct UsageCounts {
            $($(#[$doc])* pub $field: u64,)+
        }

        impl UsageCounts {
            /// The names of all amounts as they are stored, in order.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];

            /// All amounts in the order of [`Self::FIELDS`].
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$field),+]
            }

            /// From amounts by name.
            ///
            /// # Errors
            /// What `read` says of one it cannot read.
            pub fn read<E>(mut read: impl FnMut(&'static str) -> Result<u64, E>) -> Result<Self, E> {
                Ok(Self { $($field: read(stringify!($field))?),+ })
            }

            /// Both together.
            #[must_use]
            pub fn plus(&self, other: &Self) -> Self {
                Self { $($field: self.$field.saturating_add(other.$field)),+ }
            }

            /// What was added since `earlier`; nothing where a count went back.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($field: self.$field.saturating_sub(earlier.$field)),+ }
            }
        }
    };
}

usage! {
    /// CPU time in microseconds.
    cpu_micros,
    /// Microseconds that work waited because the credit was spent, summed over whatever waited.
    throttled_micros,
    /// KiB of memory held, times seconds.
    memory_kib_seconds,
    /// Answers with an informational status; tunnels are among them.
    requests_1xx,
    /// Answers of success.
    requests_2xx,
    /// Answers that redirect.
    requests_3xx,
    /// Answers that the visitor caused to fail.
    requests_4xx,
    /// Answers that failed.
    requests_5xx,
    /// Requests refused because there were too many.
    turned_away,
    /// Bytes of request bodies, and of tunnels from the visitor.
    bytes_in,
    /// Bytes of response bodies, and of tunnels to the visitor.
    bytes_out,
    /// Requests that waited for the Space to wake and were answered.
    wakes,
    /// Microseconds that they waited.
    wake_micros,
    /// Instances started.
    starts,
    /// Builds that ended, well or not.
    builds,
    /// Milliseconds for which they were under way.
    build_millis,
    /// Times it was put to sleep so that another had room.
    evictions,
}

// === impl UsageCounts ===

impl UsageCounts {
    /// Whether nothing was used.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Answers of all classes.
    pub fn requests(&self) -> u64 {
        [
            self.requests_1xx,
            self.requests_2xx,
            self.requests_3xx,
            self.requests_4xx,
            self.requests_5xx,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(values: &[u64]) -> UsageCounts {
        let mut values = values.iter().copied();
        UsageCounts::read(|_| Ok::<_, ()>(values.next().unwrap_or(0))).expect("numbers")
    }

    proptest! {
        /// Whatever the counters do, wrapping among it, what is booked never exceeds what was added and never panics.
        #[test]
        fn differences_add_up(steps in proptest::collection::vec(any::<[u64; 17]>(), 1..20)) {
            let mut booked = UsageCounts::default();
            let mut total = UsageCounts::default();
            for step in steps {
                let now = counts(&step);
                let added = now.since(&total);
                prop_assert!(added.values().iter().zip(now.values()).all(|(added, now)| *added <= now));
                booked = booked.plus(&added);
                total = now;
            }
            prop_assert_eq!(booked.values().len(), UsageCounts::FIELDS.len());
        }

        #[test]
        fn growing_counters_are_booked_whole(steps in proptest::collection::vec(0u64..1_000_000, 1..30)) {
            let (mut booked, mut before, mut sum) = (UsageCounts::default(), UsageCounts::default(), 0);
            for step in steps {
                sum += step;
                let now = counts(&[sum; 17]);
                booked = booked.plus(&now.since(&before));
                before = now;
            }
            prop_assert_eq!(booked, counts(&[sum; 17]));
        }
    }
}
