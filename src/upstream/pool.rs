//! Connections of one instance that wait for their next request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::connection::{Connection, idle_context};

/// The idle connections of one instance. It ends with the instance, so that no connection is ever handed to another one
/// that was given the same address later.
#[derive(Default)]
pub struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    /// The longest idle first.
    #[expect(clippy::vec_box, reason = "they come and go in their boxes")]
    idle: Vec<Box<Connection>>,
    /// Whether somebody looks after those that idle for too long.
    swept: bool,
}

/// More are closed.
const MOST: usize = 64;

/// Below the five seconds after which uvicorn and Node close, so that it is us who do.
const KEPT: Duration = Duration::from_secs(4);

/// For a request that cannot be sent twice: no server closes a connection this soon, so that it is not on its way out.
const FRESH: Duration = Duration::from_secs(1);

// === impl Pool ===

impl Pool {
    /// The connection that was used last, if it still is open.
    pub(super) fn take(&self, now: Instant, repeatable: bool) -> Option<Box<Connection>> {
        let most = if repeatable { KEPT } else { FRESH };
        loop {
            let mut connection = {
                let mut state = self.state();
                let newest = state.idle.last()?;
                if now.saturating_duration_since(newest.idle_since) > most {
                    return None;
                }
                state.idle.pop()?
            };
            // Finds out whether it was closed meanwhile; one that was is dropped here.
            if connection.is_idle(&mut idle_context()) {
                return Some(connection);
            }
        }
    }

    /// Keeps an idle connection for the next request.
    pub(super) fn give(self: &Arc<Self>, mut connection: Box<Connection>) {
        connection.idle_since = Instant::now();
        let mut state = self.state();
        if state.idle.len() >= MOST {
            drop(state);
            return;
        }
        state.idle.push(connection);
        if !std::mem::replace(&mut state.swept, true) {
            drop(state);
            self.sweep();
        }
    }

    /// Closes what has idled for too long, until nothing is left or the instance is gone.
    fn sweep(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEPT).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut state = pool.state();
                let stale = state
                    .idle
                    .partition_point(|connection| connection.idle_since.elapsed() >= KEPT);
                let stale: Vec<_> = state.idle.drain(..stale).collect();
                state.swept = !state.idle.is_empty();
                let done = !state.swept;
                drop(state);
                drop(stale);
                if done {
                    return;
                }
            }
        });
    }

    /// Closes the idle connections. To be called before the instance is stopped: a connection whose other end is gone
    /// goes on asking for it, and the answer to an address that is asked for already is waited for up to a second by
    /// whoever connects to the next instance that gets it.
    pub fn close(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        drop(idle);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state().idle.len()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pool({} idle)", self.state().idle.len())
    }
}
