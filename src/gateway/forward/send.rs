//! The request goes to the Space, and the head of its answer comes back.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Version};
use http_body::Body as _;

use super::request_body::{self, GivenUp};
use crate::gateway::admission::QueuePressure;
use crate::routes::Serving;
use crate::upstream::{self, CallError, Upgrade, Upstream};

/// Why there is no answer to pass on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    /// The visitor's body is not taken to its end.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    #[error(transparent)]
    Call(#[from] CallError),
    /// `101 Switching Protocols` to somebody who had not asked for it.
    #[error("it switched protocols although the visitor had not asked for it")]
    Switched,
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
/// asks to leave HTTP; the crowd waits for what a body that is still coming holds.
pub(super) async fn send(
    serving: &Serving,
    mut request: Request<Body>,
    leave: bool,
    body_bytes: u64,
    idle: Duration,
    pressure: Option<QueuePressure>,
) -> Result<Upgrade, ForwardError> {
    let given_up = request_body::watch(&mut request, body_bytes, &serving.traffic, pressure)?;
    *request.version_mut() = Version::HTTP_11;
    let answer = answer_of(serving, request, leave, idle);
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

async fn answer_of(
    serving: &Serving,
    request: Request<Body>,
    leave: bool,
    idle: Duration,
) -> Result<Upgrade, ForwardError> {
    let pool = &serving.connections;
    let address = match &serving.upstream {
        // It has a deadline of its own, which is not later: a second timer would be one too many for each request.
        Upstream::Service(service) => {
            return Ok(match leave {
                true => service.upgrade(request).await,
                false => Upgrade::Declined(service.call(request).await),
            });
        }
        Upstream::Tcp(address) => *address,
    };
    // Boxed, so that requests to a service do not carry its size along.
    Ok(match leave {
        true => Box::pin(upstream::upgrade(pool, address, request, idle)).await?,
        false => Upgrade::Declined(Box::pin(upstream::call(pool, address, request, idle)).await?),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;
    use futures_util::{FutureExt, stream};
    use http_body_util::BodyExt;

    use http::Response;

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
        match super::send(&serving(upstream), request, false, 10, idle, None).await? {
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
}
