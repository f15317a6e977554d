//! Spans of time, as a sentence says them.

use std::time::Duration;

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
