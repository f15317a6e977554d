//! Where a request is sent: an address, or a service inside this process; and the connections kept to an address.

mod body;
mod connection;
mod error;
mod exchange;
mod pool;
mod socket;
#[cfg(test)]
mod tests;
mod upload;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

pub use error::CallError;
pub use exchange::{Upgrade, call, upgrade};
pub use pool::Pool;

/// A stream of bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Something in this process that answers HTTP for one instance.
///
/// It always answers, and within a time that it limits itself: a failure is a response with a 5xx status and a text for
/// the visitor. Dropping the future, or the body of the response, means that the visitor left.
pub trait Serve: Send + Sync {
    /// Answers one request. The response may begin before the request's body has ended.
    fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>>;

    /// Answers a request that asks to leave HTTP (RFC 9110 §7.8), with `Connection` and `Upgrade` as the visitor sent them.
    /// Asked only where [`Serve::upgrades`] says yes.
    fn upgrade(&self, request: Request<Body>) -> BoxFuture<'_, Upgrade> {
        Box::pin(async { Upgrade::Declined(self.call(request).await) })
    }

    /// Whether it may leave HTTP for what a visitor asks for.
    fn upgrades(&self) -> bool {
        false
    }

    /// Whether an answer takes nothing that visitors would have to share: then nobody waits for a place.
    fn is_free(&self) -> bool {
        false
    }
}

/// Where a request is sent.
#[derive(Clone)]
pub enum Upstream {
    /// An HTTP/1.1 server at that address.
    Tcp(SocketAddr),
    /// A service in this process.
    Service(Arc<dyn Serve>),
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "Tcp({address})"),
            Self::Service(_) => formatter.write_str("Service"),
        }
    }
}
