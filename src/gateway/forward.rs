//! The request goes to the Space, the response comes back, both as streams.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::admission::Crowd;
use super::upload::{self, GivenUp};
use crate::routes::Serving;
use crate::upstream::{self, CallError, Deadline, Upgrade, Upstream};

/// Why there is no answer to pass on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    /// The visitor's body is not taken to its end.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    #[error(transparent)]
    Call(#[from] CallError),
    /// `101 Switching Protocols` to somebody who had not asked for it.
    #[error("it left HTTP unasked")]
    Switched,
}

/// What is told of a body as it passes.
pub(super) trait HoldsVisit: Send + Unpin + 'static {
    /// These bytes go to the visitor.
    fn passing(&mut self, _data: &Bytes) {}
    /// The Space broke off.
    fn broke(&self, _error: &axum::Error) {}
}

// === impl ForwardError ===

impl ForwardError {
    /// How long to wait for the news that the instance is gone, if that may be why it did not answer.
    pub(super) fn of_one_that_died(&self) -> Option<Duration> {
        match self {
            // Nobody is there; the engine that would say so may be away as well.
            Self::Call(CallError::Connect(_)) => Some(Duration::from_secs(5)),
            // It hung up.
            Self::Call(CallError::Http(_)) => Some(Duration::from_secs(2)),
            _ => None,
        }
    }
}

/// The same request once more, if it may be asked twice (RFC 9110 §9.2.2) and brings nothing that is read as it comes.
pub(super) fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let safe = request.method().is_safe() && request.body().is_end_stream();
    safe.then(|| {
        let mut copy = Request::new(Body::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        copy
    })
}

/// Sends the request and waits for the head of the response, that of a server `idle` at most. `leave` says that the request
/// asks to leave HTTP, which only a Space behind an address can; the crowd waits for what a body that is still coming holds.
pub(super) async fn forward(
    serving: &Serving,
    mut request: Request<Body>,
    leave: bool,
    body_bytes: u64,
    idle: Duration,
    crowd: Option<Crowd>,
) -> Result<Upgrade, ForwardError> {
    let given_up = upload::watch(&mut request, body_bytes, &serving.traffic, crowd)?;
    *request.version_mut() = Version::HTTP_11;
    let answer = send(serving, request, leave, idle);
    let answer = match given_up {
        None => answer.await,
        Some(mut given_up) => {
            let answer = tokio::select! {
                answer = answer => answer,
                Ok(why) = &mut given_up => return Err(why.into()),
            };
            // The Space may have answered for its half of the body in the same moment.
            if let Ok(why) = given_up.try_recv() {
                return Err(why.into());
            }
            answer
        }
    };
    let mut answer = answer?;
    if let Upgrade::Declined(response) = &mut answer {
        if response.status().is_informational() {
            return Err(ForwardError::Switched);
        }
        *response.version_mut() = Version::HTTP_11;
    }
    Ok(answer)
}

async fn send(
    serving: &Serving,
    request: Request<Body>,
    leave: bool,
    idle: Duration,
) -> Result<Upgrade, ForwardError> {
    let pool = &serving.connections;
    let address = match &serving.upstream {
        // It has a deadline of its own, which is not later: a second timer would be one too many for each request.
        Upstream::Service(service) => return Ok(Upgrade::Declined(service.call(request).await)),
        Upstream::Tcp(address) => *address,
    };
    // Boxed, so that requests to a service do not carry its size along.
    Ok(match leave {
        true => Box::pin(upstream::upgrade(pool, address, request, idle)).await?,
        false => Upgrade::Declined(Box::pin(upstream::call(pool, address, request, idle)).await?),
    })
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

    use futures_util::future::BoxFuture;
    use futures_util::{FutureExt, stream};
    use http_body_util::BodyExt;

    use super::*;
    use crate::domain::{AccountId, InstanceId, RepoName, SpaceId, Visibility};
    use crate::routes::{EntrySettings, RouteTable};
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

    fn serving(upstream: Upstream) -> Arc<Serving> {
        let (table, _nudges) = RouteTable::new();
        let name: RepoName = "a/b".parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        let entry = table.put(SpaceId::new(), name.subdomain().expect("short"), settings);
        entry.serving(InstanceId::new(), upstream)
    }

    async fn send(upstream: Upstream, body: Body) -> Result<Response<Body>, ForwardError> {
        let idle = Duration::from_millis(50);
        let request = Request::new(body);
        match forward(&serving(upstream), request, false, 10, idle, None).await? {
            Upgrade::Declined(response) => Ok(response),
            Upgrade::Switched(..) => panic!("nobody asked"),
        }
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_measured_on_its_way() {
        let reader = || Upstream::Service(Arc::new(Reader));
        let answer = send(reader(), chunks(2)).await.expect("small enough");
        let body = answer.into_body().collect().await.expect("in memory");
        assert_eq!(body.to_bytes(), "10");
        assert!(matches!(
            send(reader(), chunks(3)).await,
            Err(ForwardError::GivenUp(GivenUp::TooLarge))
        ));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_late() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let silent = silent.expect("a free port");
        let upstream = Upstream::Tcp(silent.local_addr().expect("bound"));
        let answer = send(upstream, Body::empty()).await;
        assert!(matches!(answer, Err(ForwardError::Call(CallError::Late))));
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
