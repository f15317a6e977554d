//! The Space's answer on its way to the visitor, and what is held until its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use crate::net::Deadline;

/// What is told of a body as it passes.
pub(super) trait HoldsVisit: Send + Unpin + 'static {
    /// These bytes go to the visitor.
    fn passing(&mut self, _data: &Bytes) {}
    /// The Space broke off.
    fn broke(&self, _error: &axum::Error) {}
}

/// Holds the guards until the Space has sent all of its response, or the visitor has left.
pub(super) fn hold<G: HoldsVisit>(
    response: Response<Body>,
    guards: G,
    idle: Duration,
) -> Response<Body> {
    let (parts, body) = response.into_parts();
    if body.is_end_stream() || parts.status == StatusCode::NO_CONTENT {
        return Response::from_parts(parts, body);
    }
    let held = Held {
        body,
        guards: Some(guards),
        idle,
        waiting_since: None,
        deadline: Deadline::default(),
    };
    Response::from_parts(parts, Body::new(held))
}

struct Held<G> {
    body: Body,
    guards: Option<G>,
    idle: Duration,
    waiting_since: Option<Instant>,
    deadline: Deadline,
}

#[derive(Debug, thiserror::Error)]
#[error("the Space sent nothing for too long")]
struct Idle;

// === impl Held ===

impl<G> Held<G> {
    /// Ready when the Space has sent nothing for too long.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = *self.waiting_since.get_or_insert_with(Instant::now) + self.idle;
        self.deadline.poll_until(until, context)
    }
}

impl<G: HoldsVisit> http_body::Body for Held<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            ready!(self.poll_idle(context));
            self.guards = None;
            return Poll::Ready(Some(Err(axum::Error::new(Idle))));
        };
        self.waiting_since = None;
        match (&frame, &mut self.guards) {
            (Some(Ok(frame)), Some(guards)) => {
                if let Some(data) = frame.data_ref() {
                    guards.passing(data);
                }
            }
            (Some(Err(error)), Some(guards)) => guards.broke(error),
            _ => {}
        }
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.guards = None;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    struct Guard(Arc<AtomicBool>);

    impl HoldsVisit for Guard {}

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn chunks(number: usize) -> Body {
        let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>("12345"));
        Body::from_stream(stream::iter(chunks.take(number)))
    }

    #[tokio::test]
    async fn guards_are_held_as_long_as_the_body_lasts() {
        let idle = Duration::from_millis(50);
        let start = |body: Body| {
            let dropped = Arc::new(AtomicBool::new(false));
            let guard = Guard(Arc::clone(&dropped));
            let body = hold(Response::new(body), guard, idle).into_body();
            (body, move || dropped.load(Ordering::SeqCst))
        };
        let (mut body, released) = start(chunks(2));
        for _ in 0..2 {
            assert!(!released());
            body.frame().await.expect("a frame").expect("whole");
        }
        assert!(body.frame().await.is_none() && released());

        let (body, released) = start(chunks(2));
        assert!(!released());
        drop(body);
        assert!(released());

        let (_, released) = start(Body::empty());
        assert!(released());

        let silent = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let (mut body, released) = start(silent);
        assert!(body.frame().await.expect("an end").is_err() && released());
    }
}
