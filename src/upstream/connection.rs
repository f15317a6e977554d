//! One HTTP/1.1 connection, driven by whoever waits for its answer.
//!
//! A connection has no task of its own. The visitor's task writes the request and reads the answer, and reads more of
//! the body only when the visitor takes more: a request costs no hop between threads, and a slow reader slows its Space
//! down instead of filling memory. Whoever polls [`Connection::drive`] is the only one who can make anything happen on
//! it, so the ends that hyper hands out are polled with a waker that does nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::CallError;
use super::socket::{Expects, Socket};
use crate::net::Deadline;

/// Connecting is to this machine or one beside it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Of a response's header, and of its trailers: status line and all.
const HEADER_BYTES: usize = 64 << 10;

type Driver = http1::Connection<TokioIo<Socket>, Body>;

/// A connection between two requests, or before its first. In a box, for it is handed around and large.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Body>,
    /// `None` once it has ended.
    driver: Option<Driver>,
    pub(super) expects: Expects,
    deadline: Deadline,
    /// Since when it waits for a request.
    pub(super) idle_since: Instant,
}

/// What came of sending a request.
pub(super) struct Sent {
    /// The head, and the part of the body that has come.
    pub(super) response: Response<Incoming>,
    pub(super) connection: Box<Connection>,
}

/// Why no answer came; the request, if nothing of it was sent.
pub(super) struct Unsent {
    pub(super) error: CallError,
    pub(super) request: Option<Request<Body>>,
}

// === impl Connection ===

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Box<Self>> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        let (socket, expects) = Socket::new(stream);
        let mut http = http1::Builder::new();
        http.max_header_size(HEADER_BYTES);
        let (sender, driver) = http
            .handshake(TokioIo::new(socket))
            .await
            .map_err(io::Error::other)?;
        Ok(Box::new(Self {
            sender,
            driver: Some(driver),
            expects,
            deadline: Deadline::default(),
            idle_since: Instant::now(),
        }))
    }

    /// Sends the request and waits for the head of the answer, until that moment.
    pub(super) async fn send(
        mut self: Box<Self>,
        request: Request<Body>,
        until: Instant,
    ) -> Result<Sent, Box<Unsent>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let mut look = |connection: &mut Self, context: &mut Context<'_>| {
            let ended = connection.drive(context).is_ready();
            let mut come = answer.as_mut().poll(&mut idle_context());
            if come.is_pending() && ended {
                // Its drop tells hyper that there will be no answer.
                connection.driver = None;
                come = answer.as_mut().poll(&mut idle_context());
            }
            come.map(Some)
        };
        let mut asked = false;
        let answer = std::future::poll_fn(|context| {
            // hyper wakes whoever drove the connection when the body is taken from it. A short answer comes as a whole, and
            // nothing is left to do then: so it is looked for with a waker that does nothing first.
            if std::mem::replace(&mut asked, true)
                && let Poll::Ready(come) = look(&mut self, &mut idle_context())
            {
                return Poll::Ready(come);
            }
            match look(&mut self, context) {
                Poll::Pending => self.deadline.poll_until(until, context).map(|()| None),
                come => come,
            }
        });
        match answer.await {
            Some(Ok(response)) => Ok(Sent {
                response,
                connection: self,
            }),
            Some(Err(mut failed)) => Err(Box::new(Unsent {
                request: failed.take_message(),
                error: failed.into_error().into(),
            })),
            None => Err(Box::new(Unsent {
                request: None,
                error: CallError::Late,
            })),
        }
    }

    /// Makes it go on; ready when it has ended.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        // An error is told to whoever waits for the answer or its body.
        driver.poll_without_shutdown(context).map(drop)
    }

    /// Whether it waits for a request: the answer before was read to its end, and it was not closed since.
    pub(super) fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context).is_pending() && self.sender.is_ready()
    }

    /// The socket of a connection that has left HTTP, and what was read from it beyond the last header.
    pub(super) async fn into_stream(mut self: Box<Self>) -> Option<(TcpStream, Bytes)> {
        std::future::poll_fn(|context| self.drive(context)).await;
        let parts = self.driver?.into_parts();
        Some((parts.io.into_inner().into_inner(), parts.read_buf))
    }

    /// Goes on by itself until it ends.
    pub(super) async fn run(mut self: Box<Self>) {
        std::future::poll_fn(|context| self.drive(context)).await;
    }
}

/// For what only the caller itself can make ready.
pub(super) fn idle_context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
