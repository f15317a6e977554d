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

/// Sends the request and waits for the head of the response, of a server `idle` at most.
pub(super) async fn forward(
    upstream: &Upstream,
    request: Request<Body>,
    body_bytes: u64,
    idle: Duration,
) -> Result<Response<Body>, Trouble> {
    let (request, too_large) = cap(request, body_bytes);
    let answer = async {
        match upstream {
            // It has a deadline of its own, which is not later: a second timer would be one too many for each request.
            Upstream::Service(service) => Ok(service.call(request).await),
            Upstream::Tcp(address) => {
                let answer = tokio::time::timeout(idle, call(*address, request)).await;
                answer.map_err(|_| Trouble::Late)?.map_err(|error| {
                    tracing::warn!(%address, "a Space did not answer: {error:#}");
                    Trouble::Unreachable
                })
            }
        }
    };
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
    let mut response = answer?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::future::BoxFuture;
    use futures_util::{FutureExt, stream};
    use http_body_util::BodyExt;

    use super::*;
    use crate::upstream::Serve;

    /// Answers with how much it could read.
    struct Reader;

    impl Serve for Reader {
        fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
            async move {
                let read = request.into_body().collect().await;
                let length = read.map_or(0, |body| body.to_bytes().len());
                Response::new(Body::from(length.to_string()))
            }
            .boxed()
        }
    }

    struct Guard(Arc<AtomicBool>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn chunks(number: usize) -> Body {
        let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>("12345"));
        Body::from_stream(stream::iter(chunks.take(number)))
    }

    async fn send(body: Body) -> Result<Response<Body>, Trouble> {
        let upstream = Upstream::Service(Arc::new(Reader));
        forward(&upstream, Request::new(body), 10, Duration::from_millis(50)).await
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_measured_on_its_way() {
        let answer = send(chunks(2)).await.expect("small enough");
        let body = answer.into_body().collect().await.expect("in memory");
        assert_eq!(body.to_bytes(), "10");
        assert!(matches!(send(chunks(3)).await, Err(Trouble::TooLarge)));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_late() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let silent = silent.expect("a free port");
        let upstream = Upstream::Tcp(silent.local_addr().expect("bound"));
        let request = Request::new(Body::empty());
        let answer = forward(&upstream, request, 1, Duration::from_millis(50)).await;
        assert!(matches!(answer, Err(Trouble::Late)));
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

    #[tokio::test]
    async fn a_space_that_is_not_there_is_said_to_be_so() {
        let nobody = Upstream::Tcp(([127, 0, 0, 1], 1).into());
        let answer = forward(&nobody, Request::new(Body::empty()), 1, CONNECT_TIMEOUT).await;
        assert!(matches!(answer, Err(Trouble::Unreachable)));
    }
}
