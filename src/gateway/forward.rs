//! The request goes to the Space, the response comes back, both as streams.
//!
//! A container is called over a connection of its own per request for now; a pool comes with the container runtime.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use super::trouble::Trouble;
use crate::upstream::Upstream;

/// Connecting is to this machine or one beside it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends the request and waits for the head of the response, `idle` at most.
pub(super) async fn forward(
    upstream: &Upstream,
    request: Request<Body>,
    body_bytes: u64,
    idle: Duration,
) -> Result<Response<Body>, Trouble> {
    let (request, too_large) = cap(request, body_bytes);
    let answer = async {
        match upstream {
            Upstream::Service(service) => Ok(service.call(request).await),
            Upstream::Tcp(address) => call(*address, request).await.map_err(|error| {
                tracing::warn!(%address, "a Space did not answer: {error:#}");
                Trouble::Unreachable
            }),
        }
    };
    let answer = tokio::time::timeout(idle, answer);
    let answer = match too_large {
        None => answer.await,
        Some(mut too_large) => {
            let answer = tokio::select! {
                answer = answer => answer,
                Ok(()) = &mut too_large => return Err(Trouble::TooLarge),
            };
            // The Space may have answered for its half of the body in the same moment.
            if too_large.try_recv().is_ok() {
                return Err(Trouble::TooLarge);
            }
            answer
        }
    };
    let mut response = answer.unwrap_or(Err(Trouble::Late))?;
    if response.status().is_informational() {
        // Only `101 Switching Protocols` comes here, and nobody asked for it.
        return Err(Trouble::Unreachable);
    }
    *response.version_mut() = Version::HTTP_11;
    Ok(response)
}

/// Holds the guards until the Space has sent all of its response, or the visitor has left.
pub(super) fn hold<G: Send + Unpin + 'static>(
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
        alarm: None,
    };
    Response::from_parts(parts, Body::new(held))
}

async fn call(address: SocketAddr, request: Request<Body>) -> anyhow::Result<Response<Body>> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends by itself when the response has been read or dropped.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Body::new))
}

/// Puts a limit on a body that does not say its length, and a word for when it is passed. One that does say it was
/// judged by it, and the server sees to it that it keeps its word.
fn cap(request: Request<Body>, body_bytes: u64) -> (Request<Body>, Option<oneshot::Receiver<()>>) {
    if request.body().size_hint().exact().is_some() {
        return (request, None);
    }
    let (tell, told) = oneshot::channel();
    let capped = request.map(|body| {
        Body::new(Capped {
            body,
            left: body_bytes,
            tell: Some(tell),
        })
    });
    (capped, Some(told))
}

struct Capped {
    body: Body,
    left: u64,
    tell: Option<oneshot::Sender<()>>,
}

struct Held<G> {
    body: Body,
    guards: Option<G>,
    idle: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the request's body is larger than this server allows")]
struct TooLarge;

#[derive(Debug, thiserror::Error)]
#[error("the Space sent nothing for too long")]
struct Idle;

// === impl Capped ===

impl http_body::Body for Capped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            match self.left.checked_sub(bytes) {
                Some(left) => self.left = left,
                None => {
                    if let Some(tell) = self.tell.take() {
                        // Nobody listens once the response has begun; then the error has to do.
                        let _ = tell.send(());
                    }
                    return Poll::Ready(Some(Err(axum::Error::new(TooLarge))));
                }
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

// === impl Held ===

impl<G> Held<G> {
    /// Ready when the Space has sent nothing for too long. The alarm is set once and then only when it rings too soon.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = *self.waiting_since.get_or_insert_with(Instant::now) + self.idle;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        while alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl<G: Unpin> http_body::Body for Held<G> {
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
