//! What a visitor is told who does not reach a Space: why, where to go from there, and what its log says to those who may read it.

use axum::body::Body;
use http::{HeaderMap, Response};

use super::rejection::{ErrorPageContext, LogKind, Rejection};
use super::request::{Facts, Target};
use super::{Inner, access};
use crate::routes::Entry;

/// Lines of a log at the foot of a page.
const LINES: usize = 15;

// === impl Inner ===

impl Inner {
    /// The answer to a visitor who does not reach a Space.
    pub(super) async fn explain(
        &self,
        rejection: &Rejection,
        facts: &Facts,
        credentials: Option<&HeaderMap>,
    ) -> Response<Body> {
        tracing::debug!(
            request = facts.caller.id(),
            status = rejection.status().as_u16(),
            target = ?facts.target,
            "no visit: {}",
            rejection.message()
        );
        let back = Box::pin(self.back_of(rejection, &facts.target, credentials)).await;
        let prefix = facts.prefix.as_deref().unwrap_or_default();
        facts.caller.answer(rejection, prefix, &back)
    }

    /// Where a page about this Space leads back to. One that this visitor may not know of is not named. `credentials` are
    /// those of somebody who looks at a page.
    async fn back_of(
        &self,
        rejection: &Rejection,
        target: &Target,
        credentials: Option<&HeaderMap>,
    ) -> ErrorPageContext {
        let hub = match target.is_path_form() {
            true => String::new(),
            false => self.addresses.hub(),
        };
        let Some(space) = self.resolve(target).filter(|_| rejection.is_of_a_space()) else {
            return ErrorPageContext {
                hub,
                ..ErrorPageContext::default()
            };
        };
        let log = rejection.log();
        let lines = match (rejection, log, credentials) {
            // There the log is followed live.
            (Rejection::Waking(_), ..) => Vec::new(),
            (_, Some(log), Some(credentials)) => self.lines(&space, log, credentials).await,
            _ => Vec::new(),
        };
        ErrorPageContext {
            hub,
            usual: match rejection {
                Rejection::Waking(progress) => progress.usual(&space),
                _ => String::new(),
            },
            space: Some(space.settings().name.clone()),
            log,
            lines,
        }
    }

    /// The end of a Space's log, for those who may read it.
    async fn lines(&self, space: &Entry, log: LogKind, credentials: &HeaderMap) -> Vec<String> {
        if !access::may_write(&self.auth, space, credentials).await {
            return Vec::new();
        }
        let log = match log {
            LogKind::Build => self.journal.build(space.id),
            LogKind::Run => self.journal.run(space.id),
        };
        let lines = log.tail(LINES);
        lines.iter().map(|line| line.plain()).collect()
    }
}
