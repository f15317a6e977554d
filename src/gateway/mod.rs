//! Strangers' traffic: from a host or path to the Space behind it, and back.
//!
//! [`Gateway::call`] is one straight function. Each step either hands on or ends in a [`Trouble`], which is the only way
//! a visitor gets an answer of ours:
//!
//! ```text
//!  resolve ─► access ─► admit ─► wake ─► forward ─► hold
//!  one map    private   a place  an      headers    the place and the visit
//!  read       only      or 503   instance out, in   live until the body ends
//! ```
//!
//! It reads one table, [`RouteTable`], and asks the database only who visits a private Space. It says one thing to the
//! control plane: that somebody wants a Space that sleeps.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::{HeaderName, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;

use crate::auth::Auth;
use crate::config::{Addresses, Config, GatewayConfig};
use crate::domain::SpaceName;
use crate::routes::{Entry, RouteTable};
use crate::server::Peer;
use crate::telemetry::{Metrics, RequestId, RequestKind};
use crate::upstream::Upstream;

mod access;
mod activator;
mod forward;
mod headers;
mod host;
mod limits;
mod pages;
mod trouble;

use activator::Answering;
use headers::{Origin, path_form};
use host::Hosts;
use limits::Gates;
use pages::Caller;
use trouble::Trouble;

pub use host::Host;

/// Which Space a request is for, and by which of its two addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `http://LABEL.DOMAIN/…`: the request's path is the Space's.
    Subdomain(String),
    /// `http://HOST/run/OWNER/NAME/…`: the Space sees the rest of the path alone.
    Path {
        /// As it stands in the path.
        name: SpaceName,
        /// What follows `NAME/`, not decoded and without the query; `None` if even the slash is missing.
        rest: Option<String>,
    },
}

/// The door to all Spaces. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    routes: RouteTable,
    auth: Auth,
    gates: Gates,
    hosts: Hosts,
    addresses: Addresses,
    config: GatewayConfig,
    metrics: Arc<Metrics>,
}

/// How long a browser looks at nothing before it is shown that the Space is waking up.
const BROWSER_PATIENCE: Duration = Duration::from_secs(2);

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

// === impl Target ===

impl Target {
    fn is_path_form(&self) -> bool {
        matches!(self, Self::Path { .. })
    }

    /// `/run/OWNER/NAME`
    fn prefix(&self) -> Option<String> {
        match self {
            Self::Subdomain(_) => None,
            Self::Path { name, .. } => Some(format!("/run/{name}")),
        }
    }
}

// === impl Gateway ===

impl Gateway {
    /// A gateway to the Spaces in that table. `config.listen` must say the port that visitors use.
    pub fn new(routes: RouteTable, auth: Auth, config: &Config, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Inner {
            routes,
            auth,
            gates: Gates::new(&config.gateway),
            hosts: Hosts::new(config),
            addresses: config.addresses(config.listen.port()),
            config: config.gateway.clone(),
            metrics,
        }))
    }

    /// Whom a request is for.
    pub fn host_of<B>(&self, request: &Request<B>) -> Host {
        self.0.hosts.of(request)
    }

    /// The answer to a request that is for nobody here ([`Host::Unknown`]).
    pub fn unknown_host<B>(&self, request: &Request<B>) -> Response<Body> {
        let trouble = match host::named(request) {
            Some(_) => Trouble::Misdirected,
            None => Trouble::Ambiguous("A request must name one host, once."),
        };
        let response = Caller::of(request).answer(&trouble);
        self.0
            .metrics
            .request(RequestKind::Gateway, response.status());
        response
    }

    /// Answers a visitor. Always: what goes wrong is an answer too.
    pub async fn call(&self, request: Request<Body>, target: Target) -> Response<Body> {
        let caller = Caller::of(&request);
        let (by, mut response) = match self.0.visit(request, &target, &caller).await {
            Ok(answered) => answered,
            Err(trouble) => {
                let status = trouble.status().as_u16();
                tracing::debug!(
                    request = caller.id(),
                    status,
                    ?target,
                    "no visit: {}",
                    trouble.message()
                );
                (RequestKind::Gateway, caller.answer(&trouble))
            }
        };
        if target.is_path_form() {
            path_form::open_to_all(response.headers_mut());
        }
        self.0.metrics.request(by, response.status());
        response
    }
}

// === impl Inner ===

impl Inner {
    async fn visit(
        &self,
        request: Request<Body>,
        target: &Target,
        caller: &Caller,
    ) -> Result<(RequestKind, Response<Body>), Trouble> {
        self.refuse_the_impossible(&request, target)?;
        if let Some(response) = answer_without_the_space(&request, target) {
            return Ok((RequestKind::Gateway, response));
        }
        let space = self.resolve(target).ok_or(Trouble::NotFound)?;
        if let Target::Subdomain(_) = target {
            let scheme = self.addresses.scheme();
            let exchanged = access::exchange(&self.auth, &space, &request, scheme).await?;
            if let Some(response) = exchanged {
                return Ok((RequestKind::Gateway, response));
            }
        }
        access::check(&self.auth, &space, request.headers()).await?;
        if headers::asks_for_websocket(request.headers()) {
            return Err(Trouble::Upgrade);
        }
        let place = match self.gates.admit(&space).await {
            Ok(place) => place,
            Err(trouble) => {
                self.metrics.turned_away.inc();
                return Err(trouble);
            }
        };
        let patience = match caller.is_navigating() {
            true => self.config.wake_timeout.min(BROWSER_PATIENCE),
            false => self.config.wake_timeout,
        };
        let Answering {
            serving,
            visit,
            woke,
        } = activator::visit(&space, patience).await?;

        let request = self.for_space(request, target)?;
        let idle = self.config.idle_timeout;
        let upstream = &serving.upstream;
        let mut response =
            forward::forward(upstream, request, self.config.body_bytes, idle).await?;

        headers::to_visitor(response.headers_mut());
        if let Some(prefix) = target.prefix() {
            path_form::confine(response.headers_mut(), &prefix);
        }
        if let Some(woke) = woke {
            self.tell_wake(&mut response, woke);
        }
        let by = match upstream {
            Upstream::Service(_) => RequestKind::Inside,
            Upstream::Tcp(_) => RequestKind::Outside,
        };
        Ok((by, forward::hold(response, (place, visit), idle)))
    }

    /// What no Space could answer, told before one is woken for it.
    fn refuse_the_impossible(
        &self,
        request: &Request<Body>,
        target: &Target,
    ) -> Result<(), Trouble> {
        let too_large = |length: u64| length > self.config.body_bytes;
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            Err(Trouble::Method)
        } else if target.is_path_form() && path_form::is_service_worker(request.headers()) {
            Err(Trouble::ServiceWorker)
        } else if request.body().size_hint().exact().is_some_and(too_large) {
            Err(Trouble::TooLarge)
        } else {
            Ok(())
        }
    }

    fn resolve(&self, target: &Target) -> Option<Arc<Entry>> {
        match target {
            Target::Subdomain(label) => self.routes.get(label),
            Target::Path { name, .. } => self.routes.get_by_name(name),
        }
    }

    /// The request as the Space shall see it.
    fn for_space(&self, request: Request<Body>, target: &Target) -> Result<Request<Body>, Trouble> {
        let host = host::named(&request).and_then(|host| HeaderValue::from_str(host).ok());
        let (mut parts, body) = request.into_parts();
        let origin = Origin {
            peer: parts.extensions.get::<Peer>().map(|peer| peer.ip.clone()),
            host,
            scheme: self.addresses.scheme(),
            prefix: target
                .prefix()
                .and_then(|prefix| HeaderValue::try_from(prefix).ok()),
            id: parts.extensions.get().map(RequestId::header),
        };
        headers::to_space(&mut parts.headers, origin);
        parts.uri = uri_for_space(parts.uri, target)
            .ok_or(Trouble::Ambiguous("The request's path cannot be read."))?;
        Ok(Request::from_parts(parts, body))
    }

    fn tell_wake(&self, response: &mut Response<Body>, woke: Duration) {
        self.metrics.wakes.inc();
        self.metrics.wake_seconds.observe(woke.as_secs_f64());
        let timing = format!("wake;dur={:.1}", woke.as_secs_f64() * 1000.0);
        if let Ok(timing) = HeaderValue::try_from(timing) {
            response.headers_mut().append(SERVER_TIMING, timing);
        }
    }
}

/// What the path form answers the same for every name, so that it tells nobody which Spaces there are.
fn answer_without_the_space(request: &Request<Body>, target: &Target) -> Option<Response<Body>> {
    let Target::Path { rest, .. } = target else {
        return None;
    };
    if let Some(preflight) = path_form::preflight(request) {
        return Some(preflight);
    }
    if rest.is_some() {
        return None;
    }
    // Relative links in the Space's pages need the slash.
    let query = request
        .uri()
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let location = HeaderValue::try_from(format!("{}/{query}", target.prefix()?)).ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

/// Path and query alone, as sent: nothing is decoded or tidied, for a Space may mean something by it.
fn uri_for_space(uri: Uri, target: &Target) -> Option<Uri> {
    let path = match target {
        Target::Subdomain(_) if uri.authority().is_none() => return Some(uri),
        Target::Subdomain(_) => uri.into_parts().path_and_query?,
        Target::Path { rest, .. } => {
            let rest = rest.as_deref().unwrap_or_default();
            match uri.query() {
                Some(query) => PathAndQuery::try_from(format!("/{rest}?{query}")).ok()?,
                None => PathAndQuery::try_from(format!("/{rest}")).ok()?,
            }
        }
    };
    Some(Uri::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_form(rest: Option<&str>) -> Target {
        Target::Path {
            name: "Ada/my_demo".parse().expect("valid"),
            rest: rest.map(str::to_owned),
        }
    }

    #[test]
    fn paths_reach_the_space_as_they_were_sent() {
        let seen = |uri: &str, target: &Target| {
            let uri = uri.parse().expect("a URI");
            uri_for_space(uri, target).map(|uri| uri.to_string())
        };
        let own = Target::Subdomain("ada-my-demo".into());
        for path in ["/", "/a//b/../%2e%2F;x=1?q=%20&&", "/?", "*"] {
            assert_eq!(seen(path, &own).as_deref(), Some(path));
        }
        let full = seen("http://ada-my-demo.localhost/x?y", &own);
        assert_eq!(full.as_deref(), Some("/x?y"));
        for (rest, uri, expected) in [
            ("", "/run/Ada/my_demo/", "/"),
            ("/x%2f/", "/run/Ada/my_demo//x%2f/?a=b?c", "//x%2f/?a=b?c"),
        ] {
            assert_eq!(seen(uri, &path_form(Some(rest))).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_path_form_begins_with_its_slash() {
        let request = |uri: &str| {
            Request::builder()
                .uri(uri)
                .body(Body::empty())
                .expect("a request")
        };
        let answer = |uri, rest| answer_without_the_space(&request(uri), &path_form(rest));
        let redirect = answer("/run/Ada/my_demo?a=b", None).expect("answered");
        assert_eq!(redirect.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(redirect.headers()[LOCATION], "/run/Ada/my_demo/?a=b");
        assert!(answer("/run/Ada/my_demo/", Some("")).is_none());
    }
}
