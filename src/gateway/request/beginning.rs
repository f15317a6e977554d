//! The beginning of a visitor's body, which arrives before a place is asked for: so nobody holds one with nothing to say.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::gateway::rejection::Rejection;

/// Bytes that are taken into memory before there is a place.
const BEGINNING: usize = 32 << 10;

/// How long a body that does not say its length may take for them: it may be half of a conversation.
const CONVERSATION: Duration = Duration::from_secs(1);

/// What a visitor is told whose body ended too early.
pub(in crate::gateway) const BROKEN_OFF: &str = "The request body did not arrive completely.";

/// What came early, and the rest.
struct Begun {
    beginning: Option<Bytes>,
    trailers: Option<Frame<Bytes>>,
    /// `None` when all has come.
    rest: Option<Body>,
}

/// Waits for all of a small body, or the beginning of a larger one, for as long as the server's own pace allows. Whether there
/// is a rest.
pub(in crate::gateway) async fn begin(request: &mut Request<Body>) -> Result<bool, Rejection> {
    if request.body().is_end_stream() {
        return Ok(false);
    }
    let mut body = std::mem::take(request.body_mut());
    let says_length = body.size_hint().exact().is_some();
    // Copied: a piece of a byte would keep the whole buffer that it was read to.
    let mut beginning = Vec::new();
    let mut whole = false;
    let mut trailers = None;
    let fill = async {
        while beginning.len() < BEGINNING {
            let Some(frame) = body.frame().await.transpose()? else {
                whole = true;
                break;
            };
            match frame.into_data() {
                Ok(data) => beginning.extend_from_slice(&data),
                Err(frame) => trailers = Some(frame),
            }
        }
        Ok::<_, axum::Error>(())
    };
    let broke = match says_length {
        true => fill.await,
        false => tokio::time::timeout(CONVERSATION, fill)
            .await
            .unwrap_or(Ok(())),
    };
    broke.map_err(|_| Rejection::Ambiguous(BROKEN_OFF))?;
    *request.body_mut() = match (whole, &trailers) {
        (true, None) => Body::from(beginning),
        _ => Body::new(Begun {
            beginning: Some(Bytes::from(beginning)).filter(|beginning| !beginning.is_empty()),
            trailers,
            rest: Some(body).filter(|_| !whole),
        }),
    };
    Ok(!whole)
}

// === impl Begun ===

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(beginning) = self.beginning.take() {
            return Poll::Ready(Some(Ok(Frame::data(beginning))));
        }
        if let Some(rest) = &mut self.rest {
            return Pin::new(rest).poll_frame(context);
        }
        Poll::Ready(self.trailers.take().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        let ended = self.rest.as_ref().is_none_or(Body::is_end_stream);
        self.beginning.is_none() && self.trailers.is_none() && ended
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.beginning.as_ref().map_or(0, Bytes::len) as u64;
        let rest = match &self.rest {
            Some(rest) => rest.size_hint(),
            None => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + here);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + here);
        }
        hint
    }
}
