//! The minimum rate: how long a client may keep us waiting.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use crate::net::Deadline;

/// What clients must keep to: bytes a second in the long run.
#[derive(Debug, Clone, Copy)]
pub struct MinimumRate {
    seconds_per_byte: f64,
    grace: Duration,
}

/// How much longer a client may keep us waiting. It runs down only while we wait for the client, never while the client
/// waits for us, and each byte earns some back.
#[derive(Debug)]
pub struct StallTimer {
    pace: MinimumRate,
    left: Duration,
    waiting_since: Option<Instant>,
    deadline: Deadline,
}

/// The client is slower than the minimum rate.
#[derive(Debug, thiserror::Error)]
#[error("the client is too slow")]
pub struct TooSlow;

/// A request body whose sender keeps to the pace.
pub(super) struct Paced {
    body: Body,
    patience: StallTimer,
    connection: Arc<ConnectionState>,
}

// === impl MinimumRate ===

impl MinimumRate {
    /// So many bytes a second; whoever sends fewer may fall behind by `grace` in all.
    pub fn new(bytes_per_second: u64, grace: Duration) -> Self {
        Self {
            seconds_per_byte: 1.0 / bytes_per_second.max(1) as f64,
            grace,
        }
    }
}

// === impl StallTimer ===

impl StallTimer {
    /// With a client that is not behind.
    pub fn new(pace: MinimumRate) -> Self {
        Self {
            pace,
            left: pace.grace,
            waiting_since: None,
            deadline: Deadline::default(),
        }
    }

    /// The client moved that many bytes.
    pub fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.left < self.pace.grace {
            let earned = Duration::try_from_secs_f64(bytes as f64 * self.pace.seconds_per_byte);
            let earned = earned.unwrap_or(Duration::MAX);
            self.left = self.left.saturating_add(earned).min(self.pace.grace);
        }
    }

    /// We wait for the client. Ready when it has kept us waiting for too long.
    pub fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let until = since + self.left;
        self.deadline.poll_until(until, context).map(|()| TooSlow)
    }
}

// === impl Paced ===

impl Paced {
    /// The body under that pace, whose connection is told of its end; one that has ended already is left as it is.
    pub(super) fn wrap(
        body: Incoming,
        pace: MinimumRate,
        connection: &Arc<ConnectionState>,
    ) -> Body {
        if http_body::Body::is_end_stream(&body) {
            return Body::empty();
        }
        Body::new(Self {
            body: Body::new(body),
            patience: StallTimer::new(pace),
            connection: Arc::clone(connection),
        })
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let too_slow = ready!(this.patience.poll_wait(context));
            return Poll::Ready(Some(Err(axum::Error::new(too_slow))));
        };
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            this.patience.moved(bytes);
        }
        if this.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            this.connection.has_come();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
