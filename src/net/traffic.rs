//! What came and went.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

/// Running totals of what visitors do at one Space, of whatever kind. Raised on the way of each request, so nothing here
/// waits, and the numbers of one moment may belong to requests of two.
#[derive(Debug, Default)]
pub struct Traffic {
    classes: [AtomicU64; CLASSES],
    turned_away: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    wakes: AtomicU64,
    wake_micros: AtomicU64,
}

/// The totals at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficTotals {
    /// Answers by the first digit of their status, from 1 to 5.
    pub classes: [u64; CLASSES],
    /// Requests refused because there were too many.
    pub turned_away: u64,
    /// Bytes from visitors.
    pub bytes_in: u64,
    /// Bytes to visitors.
    pub bytes_out: u64,
    /// Requests that waited for the Space to wake and were answered.
    pub wakes: u64,
    /// Microseconds that they waited.
    pub wake_micros: u64,
}

const CLASSES: usize = 5;

// === impl Traffic ===

impl Traffic {
    /// A request that reached the Space was answered, by it or for it where it failed to.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        add(&self.classes[class], 1);
    }

    /// A request was refused because there were too many.
    pub fn turned_away(&self) {
        add(&self.turned_away, 1);
    }

    /// That many bytes of a body or tunnel came from a visitor.
    pub fn received(&self, bytes: u64) {
        add(&self.bytes_in, bytes);
    }

    /// That many bytes of a body or tunnel went to a visitor.
    pub fn sent(&self, bytes: u64) {
        add(&self.bytes_out, bytes);
    }

    /// A request waited for the Space to wake, and was answered.
    pub fn woke(&self, waited: Duration) {
        add(&self.wakes, 1);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        add(&self.wake_micros, micros);
    }

    /// The totals so far.
    pub fn totals(&self) -> TrafficTotals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        TrafficTotals {
            classes: self.classes.each_ref().map(read),
            turned_away: read(&self.turned_away),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            wakes: read(&self.wakes),
            wake_micros: read(&self.wake_micros),
        }
    }
}

fn add(count: &AtomicU64, amount: u64) {
    if amount > 0 {
        count.fetch_add(amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_apart() {
        let traffic = Traffic::default();
        for status in [101, 200, 204, 304, 404, 502, 599] {
            traffic.answered(StatusCode::from_u16(status).expect("a status"));
        }
        traffic.woke(Duration::from_millis(3));
        traffic.sent(7);
        let totals = traffic.totals();
        assert_eq!(totals.classes, [1, 2, 1, 1, 2]);
        assert_eq!((totals.wakes, totals.wake_micros), (1, 3000));
        assert_eq!((totals.bytes_out, totals.bytes_in), (7, 0));
    }
}
