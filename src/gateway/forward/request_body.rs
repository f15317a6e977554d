//! The rest of a visitor's body, which must not hold a place that others wait for: it may be slow as long as nobody waits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::gateway::admission::QueuePressure;
use crate::net::{Deadline, Traffic};
use crate::server::{MinimumRate, StallTimer};

/// Bytes a second that a body brings at least, in the long run, while others wait for its place, and how far it may be behind.
const PACE: u64 = 16 << 10;
const GRACE: Duration = Duration::from_secs(3);

/// Between two looks at whether others wait, for a body that is behind.
const LOOK: Duration = Duration::from_millis(250);

/// Why a body is taken no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GivenUp {
    #[error("the request body is larger than this server allows")]
    TooLarge,
    #[error("the request body arrived too slowly while others were waiting")]
    TooSlow,
}

/// A body that is being looked at as it comes.
struct Watched {
    body: Body,
    /// Bytes that may still come, of one that does not say its length.
    left: Option<u64>,
    traffic: Arc<Traffic>,
    pressure: Option<QueuePressure>,
    patience: StallTimer,
    look: Deadline,
    look_at: Option<Instant>,
    tell: Option<oneshot::Sender<GivenUp>>,
}

/// Looks at a body as it comes: one that does not say its length may have `most` bytes, and what has not come yet may not be
/// slow while the crowd waits, if there is one. Of a body that is given up the receiver hears.
pub(super) fn watch(
    request: &mut Request<Body>,
    most: u64,
    traffic: &Arc<Traffic>,
    pressure: Option<QueuePressure>,
) -> Result<Option<oneshot::Receiver<GivenUp>>, GivenUp> {
    let length = request.body().size_hint().exact();
    if let Some(length) = length {
        traffic.received(length);
        if length > most {
            return Err(GivenUp::TooLarge);
        }
        if pressure.is_none() {
            return Ok(None);
        }
    }
    let (tell, notify) = oneshot::channel();
    let watched = Watched {
        body: std::mem::take(request.body_mut()),
        left: length.is_none().then_some(most),
        traffic: Arc::clone(traffic),
        pressure,
        patience: StallTimer::new(MinimumRate::new(PACE, GRACE)),
        look: Deadline::default(),
        look_at: None,
        tell: Some(tell),
    };
    *request.body_mut() = Body::new(watched);
    Ok(Some(notify))
}

// === impl Watched ===

impl Watched {
    /// Ready when the visitor keeps a place from others with nothing.
    fn poll_behind(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.patience.poll_wait(context));
        loop {
            if self.pressure.as_ref().is_some_and(QueuePressure::waits) {
                return Poll::Ready(());
            }
            let at = *self.look_at.get_or_insert_with(|| Instant::now() + LOOK);
            ready!(self.look.poll_until(at, context));
            self.look_at = None;
        }
    }

    fn give_up(&mut self, why: GivenUp) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(tell) = self.tell.take() {
            // Nobody listens once the response has begun; then the error has to do.
            let _ = tell.send(why);
        }
        Poll::Ready(Some(Err(axum::Error::new(why))))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            ready!(this.poll_behind(context));
            return this.give_up(GivenUp::TooSlow);
        };
        this.look_at = None;
        let Some(Ok(data)) = &frame else {
            return Poll::Ready(frame);
        };
        let bytes = data.data_ref().map_or(0, Bytes::len);
        this.patience.moved(bytes);
        if let Some(left) = this.left {
            this.traffic.received(bytes as u64);
            match left.checked_sub(bytes as u64) {
                Some(left) => this.left = Some(left),
                None => return this.give_up(GivenUp::TooLarge),
            }
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
