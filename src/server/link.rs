//! What a request can have of the connection it came on, beyond its own answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Stop;
use super::connection_limit::ConnectionPermit;
use super::connection_state::ConnectionState;

/// The connection of a request. While a clone lives, the connection counts as one of
/// `server.max_connections`, and the server does not end: a tunnel keeps one, for its socket is HTTP's no more.
#[derive(Debug, Clone)]
pub struct ConnectionLink(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    interim: Interim,
    stop: Stop,
    drain_timeout: Duration,
    place: ConnectionPermit,
    _running: TaskTrackerToken,
}

/// The wish for an interim response, between a request and the socket.
#[derive(Debug, Clone, Default)]
pub(super) struct Interim(Arc<AtomicBool>);

// === impl ConnectionLink ===

impl ConnectionLink {
    pub(super) fn new(
        interim: Interim,
        stop: Stop,
        drain_timeout: Duration,
        place: ConnectionPermit,
        running: TaskTrackerToken,
    ) -> Self {
        Self(Arc::new(Inner {
            interim,
            stop,
            drain_timeout,
            place,
            _running: running,
        }))
    }

    /// Tells a client that waits that its answer is on the way (`102 Processing`, RFC 2518 §10.1), so that those who
    /// count the seconds between two signs of life do not give up. It goes out when the caller waits next; nothing is
    /// said once the answer has begun. Only for clients of HTTP/1.1, and such as are known to read past it.
    pub fn send_interim(&self) {
        self.0.interim.0.store(true, Ordering::Release);
    }

    /// Cancelled when the server wants to stop.
    pub fn closing(&self) -> &CancellationToken {
        &self.0.stop.closing
    }

    /// Done when the connection is not to wait for anything any more: the server ends, or needs it for others.
    pub async fn cut_off(&self) {
        tokio::select! {
            () = self.0.stop.hurry.cancelled() => {}
            () = self.state().told_to_leave() => {}
        }
    }

    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        self.0.place.state()
    }

    pub(super) fn is_asked_by(&self, client: IpAddr, whole: bool) {
        self.0.place.is_asked_by(client, whole);
    }

    /// How long it may go on after [`ConnectionLink::closing`].
    pub fn drain_timeout(&self) -> Duration {
        self.0.drain_timeout
    }
}

// === impl Interim ===

impl Interim {
    /// Whether one is wished for; asking ends the wish.
    pub(super) fn take(&self) -> bool {
        self.0.load(Ordering::Acquire) && self.0.swap(false, Ordering::AcqRel)
    }
}
