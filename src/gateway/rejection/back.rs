//! What a page of ours leads back to, and what it adds for those who may change the Space.

use super::LogKind;
use crate::domain::RepoName;

/// Where a page of ours leads back to.
#[derive(Default)]
pub(in crate::gateway) struct ErrorPageContext {
    /// The hub's own address, without a slash at its end; empty below it.
    pub(in crate::gateway) hub: String,
    /// The Space that answers here, as far as this visitor may know of it.
    pub(in crate::gateway) space: Option<RepoName>,
    /// How long the Space takes as a rule for what it is at; empty while nobody knows.
    pub(in crate::gateway) usual: String,
    /// The log in which it stands what is wrong; whoever may not read it is told so by the hub.
    pub(in crate::gateway) log: Option<LogKind>,
    /// The end of that log, for those who may change the Space.
    pub(in crate::gateway) lines: Vec<String>,
}

// === impl ErrorPageContext ===

impl ErrorPageContext {
    /// The address of the log, below the hub's; empty where no log has more to say.
    pub(in crate::gateway) fn log_page(&self) -> String {
        match (&self.space, self.log) {
            (Some(space), Some(log)) => {
                format!("{}/spaces/{space}/logs?which={}", self.hub, log.word())
            }
            _ => String::new(),
        }
    }
}
