//! What is said of Spaces that do not answer as they should: to the operator in the log, to the author in the Space's.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::SpaceId;
use crate::journal::Journal;
use crate::routes::Entry;

/// Says the same of one Space once in a while, for visitors may come by the thousand.
pub(in crate::gateway) struct ErrorReports {
    journal: Journal,
    last: Mutex<HashMap<SpaceId, Instant>>,
}

const SILENCE: Duration = Duration::from_secs(60);

// === impl ErrorReports ===

impl ErrorReports {
    pub(in crate::gateway) fn new(journal: Journal) -> Self {
        Self {
            journal,
            last: Mutex::default(),
        }
    }

    /// A visitor could not be served, or not to the end, for this reason.
    pub(in crate::gateway) fn say(&self, space: &Entry, error: &(dyn Error + 'static)) {
        let settings = space.settings();
        let name = &settings.name;
        if !self.is_news(space.id) {
            tracing::debug!(space = %name, error, "{name} still does not answer properly");
            return;
        }
        tracing::warn!(space = %name, error, "{name} does not answer properly");
        let line = format!("A visitor's request failed: {}.", chain(error));
        self.journal.run(space.id).line(&line);
    }

    fn is_news(&self, space: SpaceId) -> bool {
        let mut last = self.last.lock();
        let now = Instant::now();
        if last.get(&space).is_some_and(|at| now - *at < SILENCE) {
            return false;
        }
        last.retain(|_, at| now - *at < SILENCE);
        last.insert(space, now);
        true
    }
}

/// The error and what caused it, innermost last.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    // Some errors repeat their cause's words as their own.
    texts.dedup();
    texts.join(": ")
}
