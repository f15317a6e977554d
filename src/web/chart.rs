//! Charts: pictures in SVG, of numbers that stand beside them as text.

/// Something held, and the most of it that may be.
#[derive(Debug, Clone)]
pub(super) struct Bar {
    /// As people read it.
    pub(super) used: String,
    /// The same; empty when there is none.
    pub(super) limit: String,
    /// Of a hundred, never more.
    pub(super) percent: f64,
    /// The style sheet's class: `good`, `busy` from three quarters on, `bad` from nineteen twentieths on.
    pub(super) mood: &'static str,
}

// === impl Bar ===

impl Bar {
    pub(super) fn new(used: u64, limit: u64, text: impl Fn(u64) -> String) -> Self {
        let percent = share(used, limit);
        Self {
            used: text(used),
            limit: match limit {
                u64::MAX => String::new(),
                limit => text(limit),
            },
            percent,
            mood: match percent {
                95.0.. => "bad",
                75.0.. => "busy",
                _ => "good",
            },
        }
    }
}

/// How many of a hundred parts, to a tenth.
pub(super) fn share(used: u64, limit: u64) -> f64 {
    if limit == 0 {
        return 0.0;
    }
    let share = (used as f64 / limit as f64 * 100.0).min(100.0);
    (share * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_stay_within_the_picture() {
        assert_eq!(share(1, 3), 33.3);
        assert_eq!(share(9, 3), 100.0);
        assert_eq!(share(9, 0), 0.0);
        assert_eq!(Bar::new(80, 100, |n| n.to_string()).mood, "busy");
        assert_eq!(Bar::new(80, u64::MAX, |n| n.to_string()).limit, "");
    }
}
