//! How a Space that wakes is followed live: an event stream of ours, at an address within the Space's own origin.
//!
//! Below `/.glasshouse/` nothing reaches the Space. The stream says `stage` whenever there is something new, `ready` when
//! the Space answers, `failed` when it will not; to those who may read its logs it says each `line` of them as well.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::gateway::admission::VisitPermit;
use crate::gateway::rejection::Progress;
use crate::journal::{Follow, Journal};
use crate::routes::{Entry, Route};
use crate::telemetry::Metrics;

/// Between two tries of what waits for room, for one who watches.
const RETRY: Duration = Duration::from_secs(5);

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A browser connects again when the stream ends; one that nobody looks at does not have to.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Lines of a log that are shown of what was said before.
const LINES_BEFORE: usize = 5;

/// Somebody who waits for a Space to answer.
struct Watcher {
    space: Arc<Entry>,
    changes: watch::Receiver<Route>,
    /// For those who may read logs.
    journal: Option<Journal>,
    lines: Option<Follow>,
    metrics: Arc<Metrics>,
    began: Instant,
    /// What was said last.
    sent: Option<String>,
    waited: bool,
    done: bool,
    _place: VisitPermit,
}

/// The stream, until the Space answers.
pub(in crate::gateway) fn follow(
    space: Arc<Entry>,
    journal: Option<Journal>,
    metrics: Arc<Metrics>,
    place: VisitPermit,
) -> Response<Body> {
    let watcher = Watcher {
        changes: space.watch(),
        space,
        journal,
        lines: None,
        metrics,
        began: Instant::now(),
        sent: None,
        waited: false,
        done: false,
        _place: place,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), watcher))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(crate::server::Unending);
    response
}

// === impl Watcher ===

impl Watcher {
    async fn next(&mut self) -> Option<Bytes> {
        let until = self.began + LONGEST;
        let beat = Instant::now() + HEARTBEAT;
        loop {
            if self.done || Instant::now() >= until {
                return None;
            }
            if let Some(event) = self.look() {
                return Some(event);
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                Some(line) = next_line(&mut self.lines) => {
                    return Some(event("line", &json!({ "text": line })));
                }
                () = tokio::time::sleep(RETRY), if matches!(self.space.route(), Route::Blocked { .. }) => {
                    self.space.demand();
                }
                () = tokio::time::sleep_until(beat) => return Some(Bytes::from_static(b":\n\n")),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// What is new since it last looked.
    fn look(&mut self) -> Option<Bytes> {
        let route = self.changes.borrow_and_update().clone();
        let (name, title, message, usual) = match &route {
            Route::Serving(_) => {
                self.done = true;
                if self.waited {
                    let waited = self.began.elapsed();
                    self.metrics.wakes.inc();
                    self.metrics.wake_seconds.observe(waited.as_secs_f64());
                    self.space.traffic.woke(waited);
                }
                return Some(event("ready", &json!({})));
            }
            Route::Refused(refusal) => (
                "failed",
                refusal.stage.as_str(),
                Cow::Borrowed(refusal.message.as_str()),
                String::new(),
            ),
            route => {
                if matches!(route, Route::Asleep) {
                    self.space.demand();
                }
                self.waited = true;
                let progress = Progress::of(route);
                (
                    "stage",
                    progress.title(),
                    progress.message(),
                    progress.usual(&self.space),
                )
            }
        };
        let sent = format!("{title}: {message}");
        if self.sent.replace(sent.clone()) == Some(sent) {
            return None;
        }
        self.lines = self.log_of(&route);
        let title = match &route {
            Route::Refused(_) => "Not available",
            _ => title,
        };
        Some(event(
            name,
            &json!({ "title": title, "message": message, "usual": usual }),
        ))
    }

    /// The log in which one can see how it goes on.
    fn log_of(&self, route: &Route) -> Option<Follow> {
        let journal = self.journal.as_ref()?;
        let log = match route {
            Route::Building => journal.build(self.space.id),
            _ => journal.run(self.space.id),
        };
        Some(log.follow(Some(LINES_BEFORE)))
    }
}

async fn next_line(lines: &mut Option<Follow>) -> Option<String> {
    Some(lines.as_mut()?.next().await?.plain())
}

fn event(name: &str, data: &serde_json::Value) -> Bytes {
    // JSON has no line breaks of its own, so that it is one line of data.
    format!("event: {name}\ndata: {data}\n\n").into()
}
