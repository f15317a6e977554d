//! Strangers' traffic: from a host or path to the Space behind it, and back.
//!
//! [`Gateway::call`] is one straight function. Each step either hands on or ends in a [`Rejection`], which is the only way
//! a visitor gets an answer of ours:
//!
//! ```text
//!  resolve ─► access ─► admit ─► wake ─► forward ─► hold
//!  one map    private   a place  an      headers    the place and the visit
//!  read       only      or 503   instance out, in   live until the body or tunnel ends
//! ```
//!
//! A browser that opens a page is not held while a Space wakes: it is shown how far it is (`wake_events`), before it takes a
//! place. What a page left open sends by itself (`keepalive_probe`) wakes nobody.
//!
//! It reads one table, [`RouteTable`], and asks the database only who visits a private Space. It says one thing to the
//! control plane: that somebody wants a Space that sleeps.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper::upgrade::OnUpgrade;

use crate::auth::Auth;
use crate::config::{Addresses, Config, GatewayConfig};
use crate::journal::Journal;
use crate::routes::{Entry, Refusal, Route, RouteTable};
use crate::server::{Client, ConnectionLink};
use crate::telemetry::{Metrics, RequestKind};
use crate::upstream::{CallError, Upgrade, Upstream};

mod access;
mod activation;
mod admission;
mod back;
mod client_key;
mod error_reports;
mod forward;
mod headers;
mod host;
mod interim;
mod keepalive_probe;
mod pages;
mod rejection;
mod sse;
mod target;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;
mod visit_guard;
mod visitor_queue;
mod wake_events;
mod websocket;

use activation::Answering;
use admission::{Admission, VisitPermit};
use back::Back;
use client_key::ClientKey;
use error_reports::ErrorReports;
use forward::ForwardError;
use headers::hop::Hop;
use headers::{Origin, path_form};
use host::Hosts;
use pages::Caller;
use rejection::Rejection;
use upload::GivenUp;
use visit_guard::VisitGuard;

pub use host::Host;
pub use target::Target;

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
    pub fn host_of<B>(&self, request: &Request<B>) -> Host {
        self.0.hosts.of(request)
    }

    /// The answer to a request that is for nobody here ([`Host::Unknown`]).
    pub fn unknown_host<B>(&self, request: &Request<B>) -> Response<Body> {
        let rejection = match host::named(request) {
            Some(_) => Rejection::Misdirected,
            None => Rejection::Ambiguous("A request must name one host, once."),
        };
        let back = Back {
            hub: self.0.addresses.hub(),
            ..Back::default()
        };
        let response = Caller::of(request).answer(&rejection, "", &back);
        self.0
            .metrics
            .request(RequestKind::Gateway, response.status());
        response
    }

    /// Answers a visitor. Always: what goes wrong is an answer too.
    pub async fn call(&self, request: Request<Body>, target: Target) -> Response<Body> {
        let caller = Caller::of(&request);
        let navigates = caller.is_navigating();
        let credentials = navigates.then(|| access::credentials(request.headers()));
        let (by, mut response) = match self.0.visit(request, &target, &caller).await {
            Ok(answered) => answered,
            Err(rejection) => {
                let status = rejection.status().as_u16();
                tracing::debug!(
                    request = caller.id(),
                    status,
                    ?target,
                    "no visit: {}",
                    rejection.message()
                );
                let prefix = target.prefix().unwrap_or_default();
                let back = self.0.back_of(&rejection, &target, credentials.as_ref());
                let back = Box::pin(back).await;
                let answer = caller.answer(&rejection, &prefix, &back);
                (RequestKind::Gateway, answer)
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
    /// What few requests wait for is in boxes: the rest would carry its room along.
    async fn visit(
        &self,
        mut request: Request<Body>,
        target: &Target,
        caller: &Caller,
    ) -> Result<(RequestKind, Response<Body>), Rejection> {
        target::refuse_the_impossible(&request, target, self.config.body_bytes)?;
        if let Some(response) = target::answer_without_the_space(&request, target) {
            return Ok((RequestKind::Gateway, response));
        }
        let Some(space) = self.resolve(target) else {
            let (space, moved) = self.moved(&request, target).ok_or(Rejection::NotFound)?;
            Box::pin(access::check(&self.auth, &space, request.headers())).await?;
            return Ok((RequestKind::Gateway, moved));
        };
        if !target.is_path_form()
            && let Some(handed) = access::handed_over(&space, request.uri())
        {
            let secure = access::is_secure(self.addresses.scheme(), &request);
            let response = Box::pin(access::exchange(&self.auth, &space, handed, secure)).await?;
            return Ok((RequestKind::Gateway, response));
        }
        let account = access::check(&self.auth, &space, request.headers()).await?;
        let visitor = account.map_or_else(|| ClientKey::at(&request), ClientKey::Account);
        if let Some(path) = target
            .path(request.uri())
            .strip_prefix(wake_events::RESERVED)
        {
            let response = self.answer_ourselves(request.headers(), path, space, visitor);
            let response = Box::pin(response).await?;
            return Ok((RequestKind::Gateway, response));
        }
        if let Some(refusal) = space.barred() {
            return Err(Rejection::Refused(Refusal::clone(&refusal)));
        }
        self.counted(&space, self.admission.count(space.id, visitor))?;
        let hop = Hop::of(&request);
        let client = request.extensions().get::<Client>();
        let link = client.map(|client| client.link.clone());
        let is_probe = keepalive_probe::is_keepalive_probe(&request, target);
        let arrives = Box::pin(upload::begin(&mut request)).await?;
        let arrive = self.arrive(&space, caller, visitor, &hop, is_probe);
        let (place, answering) = match link.as_ref().filter(|_| caller.is_impatient()) {
            Some(link) => Box::pin(interim::send_while(link, arrive)).await?,
            None => arrive.await?,
        };
        let Answering {
            mut serving,
            visit,
            mut woke,
        } = answering;
        let crowd = arrives.then(|| place.crowd());
        let mut visit_guard = VisitGuard::new(
            Arc::clone(&space),
            Arc::clone(&self.error_reports),
            visit,
            place,
        );
        let (by, leave) = match &serving.upstream {
            Upstream::Service(_) if hop.is_websocket() => return Err(Rejection::Upgrade),
            Upstream::Service(_) => (RequestKind::Inside, false),
            Upstream::Tcp(_) => (RequestKind::Outside, hop.upgrade.is_some()),
        };

        let prefixed = target.prefix().map(|prefix| {
            let host = request.headers().get(http::header::HOST).cloned();
            (prefix, host)
        });
        self.for_space(&mut request, target)?;
        if by == RequestKind::Outside {
            hop.say(request.headers_mut());
        }
        // Pages subscribe with GET: an `EventSource` can do nothing else.
        let asks = !matches!(*request.method(), Method::GET | Method::HEAD);
        let client = leave.then(|| hyper::upgrade::on(&mut request));
        let (idle, body_bytes) = (self.config.idle_timeout, self.config.body_bytes);
        let again = match by {
            RequestKind::Outside if !leave => forward::copy(&request),
            _ => None,
        };
        let mut answer = forward::forward(&serving, request, leave, body_bytes, idle, crowd).await;
        let patience = match &answer {
            Err(error) => error.of_one_that_died(),
            Ok(_) => None,
        };
        if let (Some(patience), Some(request)) = (patience, again) {
            let next = activation::successor(&space, &serving, patience, self.config.wake_timeout);
            if let Some(next) = Box::pin(next).await {
                visit_guard.move_to(next.visit);
                (serving, woke) = (next.serving, next.woke);
                answer = forward::forward(&serving, request, leave, body_bytes, idle, None).await;
            }
        }
        let answer = answer.map_err(|error| {
            let rejection = self.rejection_of(&space, error);
            space.traffic.answered(rejection.status());
            rejection
        })?;
        let mut response = match (answer, client) {
            (Upgrade::Switched(head, stream, early), Some(client)) => {
                let far = tunnel::Far { stream, early };
                self.leave_http(&hop, head, far, client, visit_guard, link)
            }
            (Upgrade::Switched(..), None) => return Err(Rejection::Unreachable),
            (Upgrade::Declined(mut response), _) => {
                hop.hear(response.headers_mut());
                let visit_guard = self.settle(&response, visit_guard, is_probe, asks);
                forward::hold(response, visit_guard, idle)
            }
        };
        if let Some((prefix, host)) = prefixed {
            path_form::confine(response.headers_mut(), &prefix, host.as_ref());
        }
        if let Some(woke) = woke {
            self.tell_wake(&mut response, woke);
            space.traffic.woke(woke);
        }
        space.traffic.answered(response.status());
        Ok((by, response))
    }

    /// A place and an instance, each waited for as long as befits the caller.
    async fn arrive(
        &self,
        space: &Arc<Entry>,
        caller: &Caller,
        visitor: ClientKey,
        hop: &Hop,
        is_probe: bool,
    ) -> Result<(VisitPermit, Answering), Rejection> {
        if is_probe {
            let answering = activation::glance(space)?;
            return Ok((self.admit(space, visitor, hop).await?, answering));
        }
        if caller.is_navigating() && !matches!(space.route(), Route::Serving(_)) {
            let patience = self.config.wake_timeout.min(BROWSER_PATIENCE);
            let answering = activation::visit(space, patience).await?;
            return Ok((self.admit(space, visitor, hop).await?, answering));
        }
        let began = tokio::time::Instant::now();
        let place = self.admit(space, visitor, hop).await?;
        let patience = self.config.wake_timeout.saturating_sub(began.elapsed());
        Ok((place, activation::visit(space, patience).await?))
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
        let place = match hop.is_websocket() {
            true => self.admission.admit_watcher(space, visitor),
            false => self.admission.admit(space, visitor).await,
        };
        self.counted(space, place)
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
        if wake_events::PATH.strip_prefix(wake_events::RESERVED) != Some(path) {
            return Err(Rejection::NotFound);
        }
        let reads_logs = access::may_write(&self.auth, &space, headers).await;
        let place = self.admission.admit_watcher(&space, visitor)?;
        let journal = reads_logs.then(|| self.journal.clone());
        Ok(wake_events::follow(
            space,
            journal,
            Arc::clone(&self.metrics),
            place,
        ))
    }

    /// What is held while this response is passed on.
    fn settle(
        &self,
        response: &Response<Body>,
        mut visit_guard: VisitGuard,
        is_probe: bool,
        asks: bool,
    ) -> VisitGuard {
        // What a guest in this process tells ends at its deadline: no tab keeps it open.
        if visit_guard::is_event_stream(response.headers()) && !is_probe && visit_guard.is_outside()
        {
            let place = self
                .admission
                .admit_watcher(&visit_guard.space, visit_guard.visitor());
            visit_guard.become_stream(place.ok(), asks);
        }
        visit_guard
    }

    /// Tells the visitor that HTTP is left, and opens the tunnel.
    fn leave_http(
        &self,
        hop: &Hop,
        head: Response<()>,
        far: tunnel::Far,
        client: OnUpgrade,
        visit_guard: VisitGuard,
        link: Option<ConnectionLink>,
    ) -> Response<Body> {
        let mut response = head.map(|()| Body::empty());
        hop.hear(response.headers_mut());
        hop.say_upgraded(response.headers_mut());
        let websocket = hop.is_websocket();
        tunnel::start(
            client,
            far,
            visit_guard,
            link,
            self.config.idle_timeout,
            websocket,
        );
        response
    }

    fn rejection_of(&self, space: &Entry, error: ForwardError) -> Rejection {
        let rejection = match error {
            ForwardError::GivenUp(GivenUp::TooLarge) => return Rejection::TooLarge,
            ForwardError::GivenUp(GivenUp::TooSlow) => return Rejection::TooSlow,
            ForwardError::Call(CallError::Upload(_)) => {
                return Rejection::Ambiguous(upload::BROKEN_OFF);
            }
            ForwardError::Call(CallError::Late) => Rejection::Late,
            ForwardError::Call(_) | ForwardError::Switched => Rejection::Unreachable,
        };
        self.error_reports.say(space, &error);
        rejection
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
        target: &Target,
    ) -> Option<(Arc<Entry>, Response<Body>)> {
        let (space, place) = match target {
            Target::Subdomain(label) => self.routes.moved(label, None),
            Target::Path { name, .. } => {
                let label = name.subdomain().ok()?;
                self.routes.moved(label.as_str(), Some(name))
            }
        }?;
        let settings = space.settings();
        let answer = target::lead(request, target, &settings.name, &place)?;
        Some((space, answer))
    }

    /// Makes of a request what the Space shall see.
    fn for_space(&self, request: &mut Request<Body>, target: &Target) -> Result<(), Rejection> {
        let client = request.extensions().get::<Client>();
        let origin = Origin {
            peer: client.map(|client| client.peer.ip.clone()),
            host: host::named(request).and_then(|host| HeaderValue::from_str(host).ok()),
            scheme: self.addresses.scheme(),
            prefix: target
                .prefix()
                .and_then(|prefix| HeaderValue::try_from(prefix).ok()),
            id: client.map(|client| client.id.header()),
        };
        headers::to_space(request.headers_mut(), origin);
        let uri = std::mem::take(request.uri_mut());
        *request.uri_mut() = target::uri_for_space(uri, target)
            .ok_or(Rejection::Ambiguous("The request's path cannot be read."))?;
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
