//! The clock, and spans of time as a sentence says them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Millis;

/// The time now, by this machine's clock: milliseconds since 1970 (UTC), 0 before that. What decides takes the time as an
/// argument; whoever asks for a decision looks at the clock.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Millis::try_from(since.unwrap_or_default().as_millis()).unwrap_or(Millis::MAX)
}

/// What something takes as a rule: `less than a second`, `about 7 s`, `about 3 min`.
pub fn about(time: Duration) -> String {
    match time.as_millis().saturating_add(500) / 1000 {
        0 => "less than a second".to_owned(),
        seconds @ 1..90 => format!("about {seconds} s"),
        seconds => format!("about {} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded() {
        let shown = |millis| about(Duration::from_millis(millis));
        assert_eq!(shown(0), "less than a second");
        assert_eq!(shown(499), "less than a second");
        assert_eq!(shown(1499), "about 1 s");
        assert_eq!(shown(89_000), "about 89 s");
        assert_eq!(shown(90_000), "about 2 min");
        assert_eq!(shown(149_000), "about 2 min");
        assert_eq!(
            shown(u64::MAX),
            format!("about {} min", (u64::MAX / 1000 + 31) / 60)
        );
    }
}
