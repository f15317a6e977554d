//! Strangers' traffic: from a host or path to the Space behind it, and back.
//!
//! [`Gateway::call`] is one straight function through five folders, each entered at its front door. Each step either hands on
//! or ends in a [`Rejection`], which is the only way a visitor gets an answer of ours:
//!
//! ```text
//!  request ─► access ─► admission ─► activation ─► forward
//!  read once  private   a permit     an instance   headers out and in; permit and visit
//!             only      or 503       woken         live until the body or tunnel ends
//! ```
//!
//! A browser that opens a page is not held while a Space wakes: it is shown how far it is ([`activation::wake_events`]), before
//! it takes a permit. What a page left open sends by itself wakes nobody.
//!
//! It reads one table, [`RouteTable`], and asks the database only who visits a private Space. It says one thing to the
//! control plane: that somebody wants a Space that sleeps.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::auth::Auth;
use crate::config::{Addresses, Config, GatewayConfig};
use crate::domain::SpaceId;
use crate::journal::Journal;
use crate::routes::{Entry, Refusal, Route, RouteTable};
use crate::server::Client;
use crate::telemetry::{Metrics, RequestKind};
use crate::upstream::Upstream;

mod access;
mod activation;
mod admission;
mod explain;
mod forward;
mod headers;
mod rejection;
mod request;
#[cfg(test)]
mod tests;

use access::Entered;
use activation::{Answering, interim, wake_events};
use admission::{Admission, ClientKey, VisitPermit};
use forward::{ErrorReports, Forward};
use headers::hop::Hop;
use headers::{Origin, frames, path_form};
use rejection::{Caller, ErrorPageContext, Rejection};
use request::{Facts, Hosts};

pub use request::{Address, Destination, Target};

/// The door to all Spaces. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    routes: RouteTable,
    auth: Auth,
    admission: Admission,
    hosts: Hosts,
    addresses: Addresses,
    config: GatewayConfig,
    metrics: Arc<Metrics>,
    journal: Journal,
    error_reports: Arc<ErrorReports>,
}

/// How long a browser looks at nothing before it is shown that the Space is waking up.
const BROWSER_PATIENCE: Duration = Duration::from_secs(1);

/// What is ours within a Space's origin, without the slash before it.
const RESERVED: &str = ".glasshouse/";

/// Where a Space that wakes is followed, below [`RESERVED`].
const WAKE_EVENTS: &str = ".glasshouse/wake";

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

// === impl Gateway ===

impl Gateway {
    /// A gateway to the Spaces in that table. `config.listen` must say the port that visitors use.
    pub fn new(
        routes: RouteTable,
        auth: Auth,
        journal: Journal,
        config: &Config,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Inner {
            routes,
            auth,
            admission: Admission::new(&config.gateway),
            hosts: Hosts::new(config),
            addresses: config.addresses(config.listen.port()),
            config: config.gateway.clone(),
            metrics,
            error_reports: Arc::new(ErrorReports::new(journal.clone())),
            journal,
        }))
    }

    /// Whom a request is for.
    pub fn destination<B>(&self, request: &Request<B>) -> Destination {
        self.0.hosts.destination(request)
    }

    /// The answer to a request that is for nobody here ([`Destination::Nowhere`]).
    pub fn nowhere<B>(&self, request: &Request<B>, ambiguous: bool) -> Response<Body> {
        let rejection = match ambiguous {
            false => Rejection::Misdirected,
            true => Rejection::Ambiguous("A request must name exactly one host."),
        };
        let back = ErrorPageContext {
            hub: self.0.addresses.hub(),
            ..ErrorPageContext::default()
        };
        let client = request.extensions().get::<Client>();
        let caller = Caller::of(request, client.map(|client| client.id.clone()));
        let response = caller.answer(&rejection, "", &back);
        self.0
            .metrics
            .request(RequestKind::Gateway, response.status());
        response
    }

    /// Answers a visitor. Always: what goes wrong is an answer too.
    pub async fn call(&self, mut request: Request<Body>, address: Address) -> Response<Body> {
        let facts = Facts::read(&mut request, address);
        let navigates = facts.caller.is_navigating();
        let credentials = navigates.then(|| access::credentials(request.headers()));
        let (by, mut response) = match self.0.visit(request, &facts).await {
            Ok(answered) => answered,
            Err(rejection) => {
                let answer = self.0.explain(&rejection, &facts, credentials.as_ref());
                (RequestKind::Gateway, answer.await)
            }
        };
        if facts.target.is_path_form() {
            path_form::open_to_all(response.headers_mut());
        }
        self.0.metrics.request(by, response.status());
        response
    }
}

// === impl Inner ===

impl Inner {
    /// What few requests wait for is in boxes: the rest would carry its room along.
    async fn visit(
        &self,
        mut request: Request<Body>,
        facts: &Facts,
    ) -> Result<(RequestKind, Response<Body>), Rejection> {
        facts.refuse_the_impossible(&request, self.config.body_bytes)?;
        if let Some(response) = request::answer_without_the_space(&request, &facts.target) {
            return Ok((RequestKind::Gateway, response));
        }
        let Some(space) = self.resolve(&facts.target) else {
            let (space, moved) = self.moved(&request, facts).ok_or(Rejection::NotFound)?;
            Box::pin(access::check(&self.auth, &space, request.headers())).await?;
            return Ok((RequestKind::Gateway, moved));
        };
        let scheme = self.addresses.scheme();
        let (uri, headers) = (request.uri(), request.headers());
        let visitor = match access::enter(&self.auth, scheme, &space, uri, headers, facts).await? {
            Entered::As(visitor) => visitor,
            Entered::Led(response) => return Ok((RequestKind::Gateway, response)),
        };
        let path = facts.target.path(request.uri());
        if path.starts_with(RESERVED) {
            let response = self.answer_ourselves(request.headers(), path, space, visitor);
            return Ok((RequestKind::Gateway, Box::pin(response).await?));
        }
        if let Some(refusal) = space.barred() {
            return Err(Rejection::Refused(Refusal::clone(&refusal)));
        }
        self.counted(&space, self.admission.count(space.id, visitor))?;
        let body_comes = Box::pin(request::begin(&mut request)).await?;
        let arrive = self.arrive(&space, facts, visitor);
        let client = facts.client.as_ref();
        let (permit, answering) = match client.filter(|_| facts.caller.is_impatient()) {
            Some(client) => Box::pin(interim::send_while(&client.link, arrive)).await?,
            None => arrive.await?,
        };
        self.for_space(&mut request, space.id, facts)?;
        let forward = Forward {
            facts,
            space: &space,
            admission: &self.admission,
            error_reports: &self.error_reports,
            config: &self.config,
        };
        let forwarded = forward.forward(request, answering, permit, body_comes);
        let forwarded = forwarded.await?;
        let mut response = forwarded.response;
        frames::allow_this_hub(response.headers_mut(), || self.addresses.hub());
        if let Some(prefix) = &facts.prefix {
            path_form::confine(response.headers_mut(), prefix, facts.host.as_ref());
        }
        if let Some(woke) = forwarded.woke {
            self.tell_wake(&mut response, woke);
            space.traffic.woke(woke);
        }
        space.traffic.answered(response.status());
        Ok((forwarded.kind, response))
    }

    /// A permit and an instance, each waited for as long as befits the caller.
    async fn arrive(
        &self,
        space: &Arc<Entry>,
        facts: &Facts,
        visitor: ClientKey,
    ) -> Result<(VisitPermit, Answering), Rejection> {
        let hop = &facts.hop;
        if facts.is_probe {
            let answering = activation::glance(space)?;
            return Ok((self.admit(space, visitor, hop).await?, answering));
        }
        if facts.never_wakes {
            let permit = self.admit(space, visitor, hop).await?;
            return Ok((permit, activation::visit_awake(space)?));
        }
        if facts.caller.is_navigating() && !matches!(space.route(), Route::Serving(_)) {
            let patience = self.config.wake_timeout.min(BROWSER_PATIENCE);
            let answering = activation::visit(space, patience).await?;
            return Ok((self.admit(space, visitor, hop).await?, answering));
        }
        let began = tokio::time::Instant::now();
        let permit = self.admit(space, visitor, hop).await?;
        let patience = self.config.wake_timeout.saturating_sub(began.elapsed());
        Ok((permit, activation::visit(space, patience).await?))
    }

    async fn admit(
        &self,
        space: &Arc<Entry>,
        visitor: ClientKey,
        hop: &Hop,
    ) -> Result<VisitPermit, Rejection> {
        if let Route::Serving(serving) = space.route()
            && let Upstream::Service(service) = &serving.upstream
            && service.is_free()
        {
            return Ok(VisitPermit::free(visitor));
        }
        let permit = match hop.is_websocket() {
            true => self.admission.admit_watcher(space, visitor),
            false => self.admission.admit(space, visitor).await,
        };
        self.counted(space, permit)
    }

    /// Counts those who are refused for being too many.
    fn counted<T>(&self, space: &Entry, admitted: Result<T, Rejection>) -> Result<T, Rejection> {
        if let Err(Rejection::Full | Rejection::TooMany | Rejection::TooFast(_)) = &admitted {
            self.metrics.turned_away.inc();
            space.traffic.turned_away();
        }
        admitted
    }

    /// What lies within the Space's origin and is ours.
    async fn answer_ourselves(
        &self,
        headers: &HeaderMap,
        path: &str,
        space: Arc<Entry>,
        visitor: ClientKey,
    ) -> Result<Response<Body>, Rejection> {
        if path != WAKE_EVENTS {
            return Err(Rejection::NotFound);
        }
        let reads_logs = access::may_write(&self.auth, &space, headers).await;
        let permit = self.admission.admit_watcher(&space, visitor)?;
        let journal = reads_logs.then(|| self.journal.clone());
        Ok(wake_events::follow(
            space,
            journal,
            Arc::clone(&self.metrics),
            permit,
        ))
    }

    fn resolve(&self, target: &Target) -> Option<Arc<Entry>> {
        match target {
            Target::Subdomain(label) => self.routes.get(label),
            Target::Path { name, .. } => self.routes.get_by_name(name),
        }
    }

    /// Where a former name leads: to the Space, for those who may visit it there.
    fn moved(
        &self,
        request: &Request<Body>,
        facts: &Facts,
    ) -> Option<(Arc<Entry>, Response<Body>)> {
        let (space, place) = match &facts.target {
            Target::Subdomain(label) => self.routes.moved(label, None),
            Target::Path { name, .. } => {
                let label = name.subdomain().ok()?;
                self.routes.moved(label.as_str(), Some(name))
            }
        }?;
        let settings = space.settings();
        let (target, host) = (&facts.target, facts.host.as_ref());
        let answer = request::lead(request, target, host, &settings.name, &place)?;
        Some((space, answer))
    }

    /// Makes of a request what the Space shall see.
    fn for_space(
        &self,
        request: &mut Request<Body>,
        space: SpaceId,
        facts: &Facts,
    ) -> Result<(), Rejection> {
        let client = facts.client.as_ref();
        let prefix = facts.prefix.as_deref();
        let origin = Origin {
            space,
            peer: client.map(|client| client.peer.ip.clone()),
            host: facts.host.clone(),
            scheme: self.addresses.scheme(),
            prefix: prefix.and_then(|prefix| HeaderValue::try_from(prefix).ok()),
            id: client.map(|client| client.id.header()),
        };
        headers::to_space(request.headers_mut(), origin);
        let uri = std::mem::take(request.uri_mut());
        *request.uri_mut() = request::uri_for_space(uri, &facts.target)
            .ok_or(Rejection::Ambiguous("The request's path is not valid."))?;
        Ok(())
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
