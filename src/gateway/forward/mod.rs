//! From a visitor's request to the Space's answer, and the visit that lasts until that answer's end.

mod error_reports;
mod request_body;
mod response_body;
mod send;
mod sse;
mod tunnel;
mod visit_guard;
mod websocket_frames;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::upgrade::OnUpgrade;

use super::activation::{self, Answering};
use super::admission::{Admission, VisitPermit};
use super::rejection::Rejection;
use super::request::{BROKEN_OFF, Facts};
use crate::config::GatewayConfig;
use crate::routes::Entry;
use crate::telemetry::RequestKind;
use crate::upstream::{CallError, Upgrade, Upstream};
use request_body::GivenUp;
use send::ForwardError;
use visit_guard::VisitGuard;

pub(super) use error_reports::ErrorReports;

/// What a request is forwarded with.
pub(super) struct Forward<'a> {
    pub(super) facts: &'a Facts,
    pub(super) space: &'a Arc<Entry>,
    pub(super) admission: &'a Admission,
    pub(super) error_reports: &'a Arc<ErrorReports>,
    pub(super) config: &'a GatewayConfig,
}

/// The Space's answer.
pub(super) struct Forwarded {
    pub(super) response: Response<Body>,
    /// Whether the Space is in this process.
    pub(super) kind: RequestKind,
    /// How long the Space took to wake, if it had to.
    pub(super) woke: Option<Duration>,
}

// === impl Forward ===

impl Forward<'_> {
    /// Sends a request, whose headers are fit for the Space, and returns the head of the answer with a body that holds the
    /// visit. `body_comes` says that its body has not arrived yet; then those who wait for the permit hurry it.
    ///
    /// # Errors
    /// No answer: for the visitor, and counted.
    pub(super) async fn forward(
        &self,
        mut request: Request<Body>,
        answering: Answering,
        permit: VisitPermit,
        body_comes: bool,
    ) -> Result<Forwarded, Rejection> {
        let Answering {
            mut serving,
            visit,
            mut woke,
        } = answering;
        let pressure = body_comes.then(|| permit.pressure());
        let reports = Arc::clone(self.error_reports);
        let mut guard = VisitGuard::new(Arc::clone(self.space), reports, visit, permit);
        let hop = &self.facts.hop;
        let asks = hop.upgrade.is_some();
        let (kind, leave) = match &serving.upstream {
            Upstream::Service(service) if hop.is_websocket() && !service.upgrades() => {
                return Err(Rejection::Upgrade);
            }
            Upstream::Service(service) => (RequestKind::Inside, asks && service.upgrades()),
            Upstream::Tcp(_) => (RequestKind::Outside, asks),
        };
        match kind {
            RequestKind::Outside => hop.apply_to_request(request.headers_mut()),
            _ if leave => hop.set_upgrade_headers(request.headers_mut()),
            _ => {}
        }
        let client = leave.then(|| hyper::upgrade::on(&mut request));
        let again = match kind {
            RequestKind::Outside if !leave => send::copy(&request),
            _ => None,
        };
        let (idle, most) = (self.config.idle_timeout, self.config.body_bytes);
        let mut answer = send::send(&serving, request, leave, most, idle, pressure).await;
        let notice = match &answer {
            Err(error) => error.of_one_that_died(),
            Ok(_) => None,
        };
        if let (Some(notice), Some(request)) = (notice, again) {
            let patience = self.config.wake_timeout;
            let next = activation::successor(self.space, &serving, notice, patience);
            if let Some(next) = Box::pin(next).await {
                guard.move_to(next.visit);
                (serving, woke) = (next.serving, next.woke);
                answer = send::send(&serving, request, leave, most, idle, None).await;
            }
        }
        let answer = answer.map_err(|error| {
            let rejection = self.rejection_of(error);
            self.space.traffic.answered(rejection.status());
            rejection
        })?;
        let mut response = match (answer, client) {
            (Upgrade::Switched(head, stream, early), Some(client)) => {
                let far = tunnel::Far { stream, early };
                self.leave_http(head, far, client, guard)
            }
            (Upgrade::Switched(..), None) => return Err(Rejection::Unreachable),
            (Upgrade::Declined(mut response), _) => {
                hop.sanitize_response(response.headers_mut());
                let guard = self.settle(&response, guard);
                response_body::hold(response, guard, idle)
            }
        };
        for (name, value) in &serving.headers {
            response.headers_mut().insert(name, value.clone());
        }
        Ok(Forwarded {
            response,
            kind,
            woke,
        })
    }

    /// What is held while this response is passed on.
    fn settle(&self, response: &Response<Body>, mut guard: VisitGuard) -> VisitGuard {
        // What a guest in this process tells ends at its deadline: no tab keeps it open.
        if visit_guard::is_event_stream(response.headers())
            && !self.facts.is_probe
            && guard.is_outside()
        {
            let permit = self.admission.admit_watcher(self.space, guard.visitor());
            guard.become_stream(permit.ok(), self.facts.is_job);
        }
        guard
    }

    /// Tells the visitor that HTTP is left, and opens the tunnel.
    fn leave_http(
        &self,
        head: Response<()>,
        far: tunnel::Far,
        client: OnUpgrade,
        guard: VisitGuard,
    ) -> Response<Body> {
        let hop = &self.facts.hop;
        let mut response = head.map(|()| Body::empty());
        hop.sanitize_response(response.headers_mut());
        hop.set_upgrade_headers(response.headers_mut());
        let link = self.facts.client.as_ref().map(|client| client.link.clone());
        let idle = self.config.idle_timeout;
        tunnel::start(client, far, guard, link, idle, hop.is_websocket());
        response
    }

    fn rejection_of(&self, error: ForwardError) -> Rejection {
        let rejection = match error {
            ForwardError::GivenUp(GivenUp::TooLarge) => return Rejection::TooLarge,
            ForwardError::GivenUp(GivenUp::TooSlow) => return Rejection::TooSlow,
            ForwardError::Call(CallError::Upload(_)) => return Rejection::Ambiguous(BROKEN_OFF),
            ForwardError::Call(CallError::Late) => Rejection::Late,
            ForwardError::Call(_) | ForwardError::Switched => Rejection::Unreachable,
        };
        self.error_reports.say(self.space, &error);
        rejection
    }
}
