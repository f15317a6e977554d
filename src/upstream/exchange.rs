//! One request and its answer, over a kept connection or a new one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Connection, Sent, Unsent};
use super::error::CallError;
use super::upload::Progress;
use super::{Duplex, Pool};

/// What came of asking to leave HTTP.
pub enum Upgrade {
    /// The instance agreed: the head of its answer, the stream to it, and what it has sent beyond that head.
    Switched(Response<()>, Box<dyn Duplex>, Bytes),
    /// It answered in HTTP.
    Declined(Response<Body>),
}

/// Sends a request and waits for the head of the answer, for so long.
///
/// A kept connection may be closed by the other side at any moment. What was sent on one that was is sent again, once
/// and on a new one, if nothing of it was consumed: it never left, or it is of those that may be repeated (RFC 9110
/// §9.2.2) and has no body.
///
/// # Errors
/// No connection, or no HTTP on it. The connection is closed.
pub async fn call(
    pool: &Arc<Pool>,
    address: SocketAddr,
    mut request: Request<Body>,
    patience: Duration,
) -> Result<Response<Body>, CallError> {
    let progress = Progress::watch(&mut request);
    others_catch_up().await;
    let sent = send(pool, address, request, patience).await?;
    others_catch_up().await;
    Ok(answer(sent, pool, &progress))
}

/// Sends a request that asks to leave HTTP, on a connection of its own.
///
/// # Errors
/// As [`call`].
pub async fn upgrade(
    pool: &Arc<Pool>,
    address: SocketAddr,
    request: Request<Body>,
    patience: Duration,
) -> Result<Upgrade, CallError> {
    let sent = send_anew(address, request, Instant::now() + patience).await?;
    if sent.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Upgrade::Declined(sent.into_response(pool)));
    }
    let response = sent.response.map(drop);
    match sent.connection.into_stream().await {
        Some((stream, early)) => Ok(Upgrade::Switched(response, Box::new(stream), early)),
        None => Err(CallError::Connect(io::ErrorKind::ConnectionReset.into())),
    }
}

async fn send(
    pool: &Pool,
    address: SocketAddr,
    mut request: Request<Body>,
    patience: Duration,
) -> Result<Sent, CallError> {
    let now = Instant::now();
    let until = now + patience;
    let repeatable = may_be_repeated(&request);
    if let Some(connection) = pool.take(now, repeatable) {
        let copy = repeatable.then(|| copy(&request));
        match connection.send(request, until).await {
            Ok(sent) => return Ok(sent),
            Err(unsent) => request = again(*unsent, copy)?,
        }
    }
    send_anew(address, request, until).await
}

/// Sends it on a new connection.
async fn send_anew(
    address: SocketAddr,
    request: Request<Body>,
    until: Instant,
) -> Result<Sent, CallError> {
    let connection = tokio::time::timeout_at(until, Connection::open(address)).await;
    let connection = connection.map_err(|_| CallError::Late)?;
    let sent = connection.map_err(CallError::Connect)?.send(request, until);
    sent.await.map_err(|unsent| unsent.error)
}

/// An answer may begin before the upload has ended. Then nobody may be there to read the answer until the upload has,
/// so the connection goes on by itself, until the answer's end or drop.
fn answer(sent: Sent, pool: &Arc<Pool>, progress: &Progress) -> Response<Body> {
    if !progress.is_under_way() {
        return sent.into_response(pool);
    }
    let running = AbortOnDropHandle::new(tokio::spawn(sent.connection.run()));
    sent.response.map(|incoming| {
        Body::new(incoming.map_frame(move |frame| {
            let _held = &running;
            frame
        }))
    })
}

/// Lets the requests that are ready on this thread come as far as this one. Under load they then take each step together:
/// its code is in the processor's cache, and whoever they write to is woken once for all of them instead of for each. It
/// is worth a quarter more requests each second, and costs one that is alone a microsecond.
async fn others_catch_up() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        // Not `yield_now`, which also looks for what has newly come: that is its turn later.
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn may_be_repeated(request: &Request<Body>) -> bool {
    matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) && request.body().is_end_stream()
}

fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// The request to send anew, if it may be.
fn again(unsent: Unsent, copy: Option<Request<Body>>) -> Result<Request<Body>, CallError> {
    let Unsent { error, request } = unsent;
    let copy = copy.filter(|_| match &error {
        // What cannot be read will not be better the second time.
        CallError::Http(error) => !error.is_parse(),
        CallError::Upload(_) => true,
        CallError::Late | CallError::Connect(_) => false,
    });
    request.or(copy).ok_or(error)
}
