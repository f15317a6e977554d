//! The body of an answer, which keeps its connection until it has come whole.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use http::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::Pool;
use super::connection::{Connection, Sent, idle_context};

/// The rest of an answer, and the connection it comes on. The drop before its end closes the connection.
struct Driven {
    incoming: Incoming,
    connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
}

// === impl Sent ===

impl Sent {
    /// The answer; its end gives the connection back.
    pub(super) fn into_response(self, pool: &Arc<Pool>) -> Response<Body> {
        let Self {
            response,
            connection,
        } = self;
        // A short answer has come as a whole, with its head.
        if connection.sender.is_ready() {
            pool.give(connection);
            return response.map(Body::new);
        }
        connection.expects.more();
        response.map(|incoming| {
            Body::new(Driven {
                incoming,
                connection: Some(connection),
                pool: Arc::clone(pool),
            })
        })
    }
}

// === impl Driven ===

impl Driven {
    fn finish(&mut self, context: &mut Context<'_>) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_idle(context)
        {
            self.pool.give(connection);
        }
    }
}

impl http_body::Body for Driven {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let mut frame = Pin::new(&mut this.incoming).poll_frame(&mut idle_context());
        if frame.is_pending()
            && let Some(connection) = &mut this.connection
        {
            if connection.drive(context).is_ready() {
                this.connection = None;
            }
            frame = Pin::new(&mut this.incoming).poll_frame(&mut idle_context());
        }
        let frame = ready!(frame);
        if !matches!(frame, Some(Ok(_))) || this.incoming.is_end_stream() {
            this.finish(context);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
