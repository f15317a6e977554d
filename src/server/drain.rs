//! What is left unread of a request that was answered before its body was read.
//!
//! HTTP/1.1 closes a connection with an unread body behind the answer, and a client that sends on, or follows a redirect on
//! that connection, sees this instead of the answer (RFC 9112 §9.6). So a short rest is read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::EXPECT;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;

/// Most bytes that are read of a rest, and for how long.
const MAX_BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that goes back to its lender when it is dropped.
struct Lent {
    body: Body,
    back: Arc<Mutex<Option<Body>>>,
}

/// A layer that reads what a handler has left of a body, if that is little, before the answer is sent.
pub async fn drain_body(request: Request, next: Next) -> Response {
    // A client that asks first sends nothing it is not asked for.
    let asks = request.headers().contains_key(EXPECT);
    let least = request.body().size_hint().lower();
    if asks || request.body().is_end_stream() || least > MAX_BYTES as u64 {
        return next.run(request).await;
    }
    let back = Arc::<Mutex<Option<Body>>>::default();
    let lent = Arc::clone(&back);
    let request = request.map(|body| Body::new(Lent { body, back: lent }));
    let response = next.run(request).await;
    let rest = back.lock().take();
    if let Some(rest) = rest.filter(|rest| !rest.is_end_stream()) {
        let read = axum::body::to_bytes(rest, MAX_BYTES);
        let _ = tokio::time::timeout(PATIENCE, read).await;
    }
    response
}

// === impl Lent ===

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.body);
        *self.back.lock() = Some(body);
    }
}
