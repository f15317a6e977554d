//! The timer of a connection's header, as hyper asks for one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

use super::connection_state::ConnectionState;
use crate::net::Deadline;

/// One connection's. hyper waits for one thing at a time, each header anew, so that one alarm does for all.
#[derive(Debug, Clone)]
pub(super) struct HeaderTimer {
    deadline: Arc<Mutex<Deadline>>,
    state: Arc<ConnectionState>,
}

struct Until {
    deadline: Arc<Mutex<Deadline>>,
    moment: Instant,
}

// === impl HeaderTimer ===

impl HeaderTimer {
    /// That tells the seat when its wait for a header begins.
    pub(super) fn of(state: &Arc<ConnectionState>) -> Self {
        Self {
            deadline: Arc::default(),
            state: Arc::clone(state),
        }
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, moment: Instant) -> Pin<Box<dyn Sleep>> {
        self.state.waits();
        let deadline = Arc::clone(&self.deadline);
        Box::pin(Until { deadline, moment })
    }
}

// === impl Until ===

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut deadline = self.deadline.lock();
        deadline.poll_until(self.moment.into(), context)
    }
}

impl Sleep for Until {}
