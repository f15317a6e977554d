//! What a page of ours leads back to, and what it adds for those who may change the Space.

use http::HeaderMap;

use super::rejection::{LogKind, Rejection};
use super::target::Target;
use super::{Inner, access};
use crate::domain::RepoName;
use crate::routes::Entry;

/// Where a page of ours leads back to.
#[derive(Default)]
pub(super) struct Back {
    /// The hub's own address, without a slash at its end; empty below it.
    pub(super) hub: String,
    /// The Space that answers here, as far as this visitor may know of it.
    pub(super) space: Option<RepoName>,
    /// How long the Space takes as a rule for what it is at; empty while nobody knows.
    pub(super) usual: String,
    /// The log in which it stands what is wrong; whoever may not read it is told so by the hub.
    pub(super) log: Option<LogKind>,
    /// The end of that log, for those who may change the Space.
    pub(super) lines: Vec<String>,
}

/// Lines of a log at the foot of a page.
const LINES: usize = 15;

// === impl Inner ===

impl Inner {
    /// Where a page about this Space leads back to. One that this visitor may not know of is not named. `credentials` are
    /// those of somebody who looks at a page.
    pub(super) async fn back_of(
        &self,
        rejection: &Rejection,
        target: &Target,
        credentials: Option<&HeaderMap>,
    ) -> Back {
        let hub = match target.is_path_form() {
            true => String::new(),
            false => self.addresses.hub(),
        };
        let Some(space) = self.resolve(target).filter(|_| rejection.is_of_a_space()) else {
            return Back {
                hub,
                ..Back::default()
            };
        };
        let log = rejection.log();
        let lines = match (rejection, log, credentials) {
            // There the log is followed live.
            (Rejection::Waking(_), ..) => Vec::new(),
            (_, Some(log), Some(credentials)) => self.lines(&space, log, credentials).await,
            _ => Vec::new(),
        };
        Back {
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

// === impl Back ===

impl Back {
    /// The address of the log, below the hub's; empty where no log has more to say.
    pub(super) fn log_page(&self) -> String {
        match (&self.space, self.log) {
            (Some(space), Some(log)) => {
                format!("{}/spaces/{space}/logs?which={}", self.hub, log.word())
            }
            _ => String::new(),
        }
    }
}
