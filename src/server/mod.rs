//! Sockets: from a listener to requests and back.
//!
//! ```text
//!  accept ─► permit ─► first byte within its time ─► HTTP/1.1 ─► handler(request) ─► response
//!            │                                        header within its time
//!            └── held until the connection ends       body not slower than the minimum rate (pace.rs)
//!                                                     response read not slower than it (socket.rs)
//! ```
//!
//! Every wait for a client has a limit here, so that rooms above need none. What outlives HTTP on a connection, a tunnel,
//! keeps the connection's permit in a [`Link`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::{Config, ServerConfig};
use crate::telemetry::{RequestId, RequestIds, X_REQUEST_ID};

mod date;
mod link;
mod pace;
mod peer;
mod socket;
#[cfg(test)]
mod tests;
mod timer;
mod unread;

use link::Interim;
use pace::{Pace, Paced};
use socket::Socket;
use timer::HeaderTimer;

pub use link::Link;
pub use peer::Peer;
pub use unread::read_rest;

/// Whom a request comes from, and on what: an extension of every request.
#[derive(Debug, Clone)]
pub struct Client {
    /// Who is at the other end.
    pub peer: Peer,
    /// The connection.
    pub link: Link,
    /// The name of the request.
    pub id: RequestId,
}

/// What all connections share.
struct Settings {
    config: ServerConfig,
    http: http1::Builder,
    pace: Pace,
    ids: RequestIds,
    closing: CancellationToken,
}

/// Serves the listener until `closing` is cancelled, then gives requests under way `drain_timeout` to end.
///
/// The handler finds a [`Client`] in the request's extensions; the request's name is put on its response as
/// `X-Request-Id`. Dropping the handler's future means that the client left.
pub fn serve<H, F>(
    listener: TcpListener,
    config: &Config,
    handler: H,
    closing: CancellationToken,
) -> impl Future<Output = ()> + Send + use<H, F>
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    accept(listener, Settings::new(config, closing), handler)
}

async fn accept<H, F>(listener: TcpListener, settings: Settings, handler: H)
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(settings.config.max_connections));
    let settings = Arc::new(settings);
    let connections = TaskTracker::new();
    let closing = settings.closing.clone();
    let accept = async {
        let mut trouble = Backoff::default();
        loop {
            // Before accepting, so that those beyond the limit wait in the kernel and not here. Never closed.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    trouble = Backoff::default();
                    let settings = Arc::clone(&settings);
                    let running = connections.token();
                    let keep = (permit, running);
                    connections.spawn(connection(stream, peer, keep, settings, handler.clone()));
                }
                Err(error) => trouble.pause(&error).await,
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = closing.cancelled() => {}
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    (permit, running): (OwnedSemaphorePermit, TaskTrackerToken),
    settings: Arc<Settings>,
    handler: H,
) where
    H: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>>,
{
    // Guests write in small pieces: each would wait for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() || !first_byte_comes(&stream, &settings).await {
        return;
    }
    let interim = Interim::default();
    let (socket, returned) = Socket::new(stream, settings.pace, interim.clone());
    let link = Link::new(
        interim,
        settings.closing.clone(),
        settings.config.drain_timeout,
        permit,
        running,
    );
    // Until its last word is said; a tunnel may keep it for longer.
    let _place = link.clone();
    // Clients come and go as they like: what ends a connection is news to nobody but who looks for it.
    if let Err(error) = converse(socket, peer, link, &settings, handler).await {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection ended");
    }
    returned.linger().await;
}

/// Reads requests and writes responses until either side has had enough.
async fn converse<H, F>(
    socket: Socket,
    peer: SocketAddr,
    link: Link,
    settings: &Settings,
    handler: H,
) -> hyper::Result<()>
where
    H: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>>,
{
    let peer = Peer::new(peer);
    let service = service_fn(|request: Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let id = settings.ids.next();
        let header = id.header();
        parts.extensions.insert(Client {
            peer: peer.behind(&parts.headers, &settings.config.trusted_proxies),
            link: link.clone(),
            id,
        });
        let body = Paced::wrap(body, settings.pace);
        // In a box, for hyper moves what it is given three times.
        let answer = Box::pin(handler(Request::from_parts(parts, body)));
        async move {
            let mut response = answer.await;
            let headers = response.headers_mut();
            headers.insert(X_REQUEST_ID, header);
            if !headers.contains_key(header::DATE) {
                headers.insert(header::DATE, date::date());
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut http = settings.http.clone();
    let connection = http
        .timer(HeaderTimer::default())
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = settings.closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let drained = tokio::time::timeout(settings.config.drain_timeout, connection).await;
    drained.unwrap_or_else(|_| {
        tracing::info!(%peer.address, "cut off a connection at shutdown");
        Ok(())
    })
}

/// Whether the client speaks in time.
async fn first_byte_comes(stream: &TcpStream, settings: &Settings) -> bool {
    let mut byte = [0];
    tokio::select! {
        peeked = tokio::time::timeout(settings.config.first_byte_timeout, stream.peek(&mut byte)) => {
            matches!(peeked, Ok(Ok(1)))
        }
        () = settings.closing.cancelled() => false,
    }
}

/// Pauses that grow while accepting fails, as it does for want of file descriptors: trying at once would spin.
#[derive(Default)]
struct Backoff {
    pause: Duration,
}

// === impl Backoff ===

impl Backoff {
    async fn pause(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // That one client's trouble, gone with it.
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionRefused | ConnectionReset
        ) {
            return;
        }
        self.pause = (self.pause * 2).clamp(Duration::from_millis(50), Duration::from_secs(1));
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(self.pause).await;
    }
}

// === impl Settings ===

impl Settings {
    fn new(config: &Config, closing: CancellationToken) -> Self {
        let gateway = &config.gateway;
        let config = config.server.clone();
        let header_bytes = usize::try_from(config.max_header_bytes).unwrap_or(usize::MAX);
        let mut http = http1::Builder::new();
        http.header_read_timeout(config.header_timeout)
            .max_header_size(header_bytes)
            // `pipeline_flush` stays off: with it hyper takes a response without end into memory.
            .max_buf_size(header_bytes.max(64 << 10));
        Self {
            http,
            pace: Pace::new(gateway.minimum_body_rate, gateway.minimum_body_grace),
            config,
            ids: RequestIds::default(),
            closing,
        }
    }
}
