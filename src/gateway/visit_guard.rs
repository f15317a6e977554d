//! What lasts as long as a visit does: its place, and the word to the control plane that it is there.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, header};

use super::admission::VisitPermit;
use super::client_key::ClientKey;
use super::error_reports::ErrorReports;
use super::forward::HoldsVisit;
use super::sse::Events;
use crate::routes::{Entry, Route, Visit};
use crate::upstream::Upstream;

/// Held until the body or the tunnel ends.
pub(super) struct VisitGuard {
    pub(super) space: Arc<Entry>,
    pub(super) error_reports: Arc<ErrorReports>,
    visit: Visit,
    events: Option<Box<Events>>,
    place: VisitPermit,
}

/// What a look at a tunnel came to.
pub(super) struct Passed {
    /// Bytes to the Space.
    pub(super) up: u64,
    /// Bytes to the visitor.
    pub(super) down: u64,
    /// Whether the visitor said something.
    pub(super) asked: bool,
    /// Whether the Space did.
    pub(super) answered: bool,
}

// === impl VisitGuard ===

impl VisitGuard {
    pub(super) fn new(
        space: Arc<Entry>,
        error_reports: Arc<ErrorReports>,
        visit: Visit,
        place: VisitPermit,
    ) -> Self {
        Self {
            space,
            error_reports,
            visit,
            events: None,
            place,
        }
    }

    /// It is an event stream, which gives its place back to those who only want an answer. One that a page subscribed to is
    /// kept open for as long as a tab is, so that it is use when it carries something; one that answers a `job` is the
    /// answer, and use until it ends, as any other is.
    pub(super) fn become_stream(&mut self, place: Option<VisitPermit>, job: bool) {
        if !job {
            self.visit.watch();
            self.events = Some(Box::new(Events::new()));
        }
        if let Some(place) = place {
            self.place = place;
        }
    }

    /// Another instance answers in the place of the one that did not.
    pub(super) fn move_to(&mut self, visit: Visit) {
        self.visit = visit;
    }

    /// Whose visit it is.
    pub(super) fn visitor(&self) -> ClientKey {
        self.place.visitor()
    }

    /// It is a tunnel, of which the same is true.
    pub(super) fn become_tunnel(&mut self) {
        self.visit.watch();
    }

    /// It carried something.
    pub(super) fn used(&self) {
        // An instance may have been frozen, or replaced, under a tunnel: what is said to it is a wish for the Space.
        if self.visit.used() && !self.is_routed() {
            self.space.demand();
        }
    }

    /// The tunnel carried something. Who said something there waits for an answer, for `patience` at most: as long as any
    /// request does.
    pub(super) fn passed(&self, passed: Passed, patience: Duration) {
        self.space.traffic.received(passed.up);
        self.space.traffic.sent(passed.down);
        if passed.asked {
            let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
            self.visit.waits(patience);
        } else if passed.answered {
            self.visit.waits(0);
        }
        if passed.asked || passed.answered {
            self.used();
        }
    }

    /// Whether the Space is behind an address, where who stays costs this process next to nothing.
    pub(super) fn is_outside(&self) -> bool {
        matches!(self.visit.serving().upstream, Upstream::Tcp(_))
    }

    fn is_routed(&self) -> bool {
        matches!(self.space.route(), Route::Serving(serving) if Arc::ptr_eq(&serving, self.visit.serving()))
    }
}

impl HoldsVisit for VisitGuard {
    fn passing(&mut self, data: &Bytes) {
        self.space.traffic.sent(data.len() as u64);
        if let Some(events) = &mut self.events
            && events.carry(data)
        {
            self.used();
        }
    }

    fn broke(&self, error: &axum::Error) {
        // One inside this process has said it already, and one that is being stopped is to break off.
        if self.is_outside() && self.is_routed() {
            self.error_reports.say(&self.space, error);
        }
    }
}

/// Whether a response with these headers is an event stream.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.as_bytes().get(..17));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}
