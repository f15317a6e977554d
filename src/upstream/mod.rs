//! Where a request is sent: an address, or a service inside this process; the connections kept to an address; how long an
//! answer is waited for; and what came and went.

mod body;
mod connection;
mod deadline;
mod error;
mod exchange;
mod headers;
mod pool;
mod socket;
#[cfg(test)]
mod tests;
mod traffic;
mod upload;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};

pub use deadline::Deadline;
pub use error::CallError;
pub use exchange::{Upgrade, call, upgrade};
pub use headers::{is_hop_by_hop, strip_hop_by_hop, tokens};
pub use pool::Pool;
pub use traffic::{Traffic, TrafficTotals};

/// Something in this process that answers HTTP for one instance.
///
/// It always answers, and within a time that it limits itself: a failure is a response with a 5xx status and a text for
/// the visitor. Dropping the future, or the body of the response, means that the visitor left.
pub trait Serve: Send + Sync {
    /// Answers one request. The response may begin before the request's body has ended.
    fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>>;

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
