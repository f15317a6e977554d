//! Sockets: from a listener to requests and back.
//!
//! ```text
//!  accept ─► place  ─► first byte within its time ─► HTTP/1.1 ─► handler(request) ─► response
//!            │                                        header within its time
//!            └── held until the connection ends       body not slower than the minimum rate (pace.rs)
//!                                                     response read not slower than it (socket.rs)
//! ```
//!
//! Every wait for a client has a limit here, so that rooms above need none. What outlives HTTP on a connection, a tunnel,
//! keeps the connection's permit in a [`ConnectionLink`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures_util::{FutureExt, StreamExt};
use http::header::{CONNECTION, DATE};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::{Config, ServerConfig};
use crate::telemetry::{RequestId, RequestIds, X_REQUEST_ID};

mod connection_limit;
mod connection_state;
mod date;
mod drain;
mod files;
mod full;
mod link;
mod minimum_rate;
mod peer;
mod shares;
mod socket;
#[cfg(test)]
mod tests;
mod timer;

use connection_limit::{ConnectionLimit, ConnectionPermit};
use link::Interim;
use minimum_rate::Paced;
use socket::Socket;
use timer::HeaderTimer;

pub use drain::drain_body;
pub use files::connections_within_file_limit;
pub use link::ConnectionLink;
pub use minimum_rate::{MinimumRate, StallTimer};
pub use peer::Peer;

/// Whom a request comes from, and on what: an extension of every request.
#[derive(Debug, Clone)]
pub struct Client {
    /// Who is at the other end.
    pub peer: Peer,
    /// The connection.
    pub link: ConnectionLink,
    /// The name of the request.
    pub id: RequestId,
}

/// How a server is told to end.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// No new visitors; those who are here may finish.
    pub closing: CancellationToken,
    /// Not even they.
    pub hurry: CancellationToken,
}

/// On a response, as an extension: it ends when nobody follows it any more, and is ended when the server stops.
#[derive(Debug, Clone, Copy)]
pub struct Unending;

/// How long a client may still send a request on a connection that it has, after the wish to stop: whoever sends it
/// when the connection is being closed could not tell whether it was heard.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// How long a client that has to go is given to take its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// Clients that are refused and take leave at once; more are hung up on.
const LEAVING: usize = 64;

/// What all connections share.
struct Settings {
    config: ServerConfig,
    http: http1::Builder,
    pace: MinimumRate,
    ids: RequestIds,
    stop: Stop,
}

/// Serves the listener until it is told to stop, then gives requests under way `drain_timeout` to end. What connected
/// before is served as well, and told to close the connection.
///
/// The handler finds a [`Client`] in the request's extensions; the request's name is put on its response as
/// `X-Request-Id`. Dropping the handler's future means that the client left.
pub fn serve<H, F>(
    listener: TcpListener,
    config: &Config,
    handler: H,
    stop: Stop,
) -> impl Future<Output = ()> + Send + use<H, F>
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    accept(listener, Settings::new(config, stop), handler)
}

async fn accept<H, F>(listener: TcpListener, settings: Settings, handler: H)
where
    H: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connection_limit = ConnectionLimit::new(&settings.config);
    let settings = Arc::new(settings);
    let connections = TaskTracker::new();
    let closing = settings.stop.closing.clone();
    let leaving = Arc::new(Semaphore::new(LEAVING));
    let admit = async |stream, peer| {
        // Those behind one who waits here wait in the kernel meanwhile.
        let place = match connection_limit.enter(peer).await {
            Ok(place) => place,
            Err(refusal) => {
                if let Ok(leave) = Arc::clone(&leaving).try_acquire_owned() {
                    connections.spawn(async move {
                        full::refuse(stream, refusal).await;
                        drop(leave);
                    });
                }
                return;
            }
        };
        let settings = Arc::clone(&settings);
        let keep = (place, connections.token());
        connections.spawn(connection(stream, peer, keep, settings, handler.clone()));
    };
    let accept = async {
        let mut trouble = Backoff::default();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    trouble = Backoff::default();
                    admit(stream, peer).await;
                }
                Err(error) => trouble.pause(&error).await,
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = closing.cancelled() => {}
    }
    // Closing the listener would reset those who wait there.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        admit(stream, peer).await;
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    (place, running): (ConnectionPermit, TaskTrackerToken),
    settings: Arc<Settings>,
    handler: H,
) where
    H: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>>,
{
    // Guests write in small pieces: each would wait for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() || !first_byte_comes(&stream, &place, &settings).await {
        return;
    }
    let interim = Interim::default();
    let (socket, returned) = Socket::new(stream, settings.pace, interim.clone());
    let link = ConnectionLink::new(
        interim,
        settings.stop.clone(),
        settings.config.drain_timeout,
        place,
        running,
    );
    // Until its last word is said; a tunnel may keep it for longer.
    let kept = link.clone();
    // Clients come and go as they like: what ends a connection is news to nobody but who looks for it.
    if let Err(error) = converse(socket, peer, link, &settings, handler).await {
        tracing::debug!(%peer, error = &error as &dyn std::error::Error, "a connection ended");
    }
    tokio::select! {
        () = returned.linger() => {}
        () = kept.state().told_to_leave() => {}
        () = settings.stop.hurry.cancelled() => {}
    }
}

/// Reads requests and writes responses until either side has had enough.
async fn converse<H, F>(
    socket: Socket,
    peer: SocketAddr,
    link: ConnectionLink,
    settings: &Settings,
    handler: H,
) -> hyper::Result<()>
where
    H: Fn(Request<Body>) -> F,
    F: Future<Output = Response<Body>>,
{
    let peer = Peer::new(peer);
    let state = Arc::clone(link.state());
    let service = service_fn(|request: Request<Incoming>| {
        let (mut parts, body) = request.into_parts();
        let id = settings.ids.next();
        let header = id.header();
        let peer = peer.behind(&parts.headers, &settings.config.trusted_proxies);
        link.is_asked_by(peer.client, http_body::Body::is_end_stream(&body));
        parts.extensions.insert(Client {
            peer,
            link: link.clone(),
            id,
        });
        let body = Paced::wrap(body, settings.pace, &state);
        // In a box, for hyper moves what it is given three times.
        let answer = Box::pin(handler(Request::from_parts(parts, body)));
        let state = Arc::clone(&state);
        async move {
            let mut response = tokio::select! {
                biased;
                response = answer => response,
                () = state.told_to_leave() => full::gave_way(),
            };
            state.hears();
            response.headers_mut().insert(X_REQUEST_ID, header);
            finish(&mut response, &settings.stop, state.is_leaving());
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut http = settings.http.clone();
    let connection = http
        .timer(HeaderTimer::of(&state))
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = state.told_to_leave() => {
            // Nothing has been answered, so that there is something to be said.
            if state.is_asking() {
                let _ = tokio::time::timeout(LAST_ANSWER, connection.as_mut()).await;
            }
            return Ok(());
        }
        () = settings.stop.closing.cancelled() => {}
    }
    let drain = async {
        if let Ok(ended) = tokio::time::timeout(LAST_REQUEST, connection.as_mut()).await {
            return ended;
        }
        if state.is_waiting() {
            return Ok(());
        }
        connection.as_mut().graceful_shutdown();
        connection.as_mut().await
    };
    tokio::select! {
        ended = drain => return ended,
        () = cut(settings) => {}
    }
    tracing::info!(%peer.address, "closed a connection at shutdown before it ended");
    Ok(())
}

/// Done when nobody is waited for any more.
async fn cut(settings: &Settings) {
    settings.stop.closing.cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(settings.config.drain_timeout) => {}
        () = settings.stop.hurry.cancelled() => {}
    }
}

/// What every response has, or is made to do.
fn finish(response: &mut Response<Body>, stop: &Stop, leaves: bool) {
    let headers = response.headers_mut();
    headers.entry(DATE).or_insert_with(date::date);
    let closes = leaves || stop.closing.is_cancelled();
    if closes && response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    if response.extensions_mut().remove::<Unending>().is_some() {
        let body = std::mem::take(response.body_mut()).into_data_stream();
        let closing = stop.closing.clone().cancelled_owned();
        *response.body_mut() = Body::from_stream(body.take_until(closing));
    }
}

/// Whether the client speaks in time.
async fn first_byte_comes(
    stream: &TcpStream,
    place: &ConnectionPermit,
    settings: &Settings,
) -> bool {
    let mut byte = [0];
    let closing = async {
        settings.stop.closing.cancelled().await;
        tokio::time::sleep(LAST_REQUEST).await;
    };
    tokio::select! {
        peeked = tokio::time::timeout(settings.config.first_byte_timeout, stream.peek(&mut byte)) => {
            matches!(peeked, Ok(Ok(1)))
        }
        () = place.state().told_to_leave() => false,
        () = settings.stop.hurry.cancelled() => false,
        () = closing => false,
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
    fn new(config: &Config, stop: Stop) -> Self {
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
            pace: MinimumRate::new(gateway.minimum_body_rate, gateway.minimum_body_grace),
            config,
            ids: RequestIds::default(),
            stop,
        }
    }
}
