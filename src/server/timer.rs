//! The timer of a connection's header, as hyper asks for one.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::places::Seat;
use crate::upstream::Alarm;

/// One connection's. hyper waits for one thing at a time, each header anew, so that one alarm does for all.
#[derive(Debug, Clone)]
pub(super) struct HeaderTimer {
    alarm: Arc<Mutex<Alarm>>,
    seat: Arc<Seat>,
}

struct Until {
    alarm: Arc<Mutex<Alarm>>,
    moment: Instant,
}

// === impl HeaderTimer ===

impl HeaderTimer {
    /// That tells the seat when its wait for a header begins.
    pub(super) fn of(seat: &Arc<Seat>) -> Self {
        Self {
            alarm: Arc::default(),
            seat: Arc::clone(seat),
        }
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, moment: Instant) -> Pin<Box<dyn Sleep>> {
        self.seat.waits();
        let alarm = Arc::clone(&self.alarm);
        Box::pin(Until { alarm, moment })
    }
}

// === impl Until ===

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        alarm.poll_until(self.moment.into(), context)
    }
}

impl Sleep for Until {}
