//! A visitor's request, read once: everything that later steps ask of it.

use axum::body::Body;
use http::{HeaderValue, Method, Request};

mod beginning;
mod host;
mod keepalive_probe;
mod target;

use super::headers::hop::Hop;
use super::rejection::{Caller, Rejection};
use crate::server::Client;

pub(super) use beginning::{BROKEN_OFF, begin};
pub(super) use host::Hosts;
pub(super) use target::{answer_without_the_space, lead, uri_for_space};

pub use host::Destination;
pub use target::Target;

/// Where a request is to go, and by which host it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    target: Target,
    /// The host that the visitor named, with its port.
    host: Option<HeaderValue>,
}

/// What is known of a request before it is passed on. Its body and the headers that a Space sees stay in the request.
pub(super) struct Facts {
    pub(super) target: Target,
    /// `/run/OWNER/NAME`, in the path form.
    pub(super) prefix: Option<String>,
    /// The host that the visitor named, with its port.
    pub(super) host: Option<HeaderValue>,
    pub(super) caller: Caller,
    /// Who is at the other end; `None` where no server stands between.
    pub(super) client: Option<Client>,
    /// What belongs to the visitor's connection.
    pub(super) hop: Hop,
    /// Whether a page that was left open sends it by itself.
    pub(super) is_probe: bool,
    /// Whether it is use of a Space that is awake, and wakes none: what an open page asks for.
    pub(super) never_wakes: bool,
    /// Whether an event stream in answer is the answer to a job. Pages subscribe with GET: an `EventSource` can do nothing
    /// else.
    pub(super) is_job: bool,
}

// === impl Address ===

impl Address {
    /// That Space, whatever host the request names.
    pub fn new<B>(target: Target, request: &Request<B>) -> Self {
        Self {
            target,
            host: host::named(request),
        }
    }
}

// === impl Facts ===

impl Facts {
    /// Takes from the request what only this server needs.
    pub(super) fn read(request: &mut Request<Body>, address: Address) -> Self {
        let client = request.extensions_mut().remove::<Client>();
        let Address { target, host } = address;
        let id = client.as_ref().map(|client| client.id.clone());
        let hop = Hop::of(request);
        Self {
            prefix: target.prefix(),
            caller: Caller::of(request, id),
            never_wakes: keepalive_probe::is_of_an_open_page(request, host.as_ref(), &hop),
            host,
            hop,
            is_probe: keepalive_probe::is_keepalive_probe(request, &target),
            is_job: !matches!(*request.method(), Method::GET | Method::HEAD),
            client,
            target,
        }
    }

    /// What no Space could answer, told before one is woken for it. `body_bytes` is the most a request may bring.
    ///
    /// # Errors
    /// The visitor's.
    pub(super) fn refuse_the_impossible(
        &self,
        request: &Request<Body>,
        body_bytes: u64,
    ) -> Result<(), Rejection> {
        target::refuse_the_impossible(request, &self.target, body_bytes)
    }
}
