//! What an author should know of an instance that has not ended: where an app listens that does not answer where it should,
//! and that one that answers says it has failed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::{Inner, Running, lock, probe};

/// Until an app that answered with an error is asked again; then later and later.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What there is to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// It listens where nobody can reach it: where, and what to do.
    Unreachable(String),
    /// It answers `GET /` with this status, which is one of failure.
    Failing(u16),
}

// === impl Running ===

impl Running {
    pub(super) fn note(&self, notice: Option<Notice>) {
        *lock(&self.notice) = notice;
    }

    /// For its author; `None` while all is well.
    pub(super) fn notice(&self) -> Option<String> {
        match lock(&self.notice).clone()? {
            Notice::Unreachable(advice) => Some(format!("It does not answer yet. {advice}")),
            Notice::Failing(status) => {
                let mut text = format!(
                    "It runs, and answers `GET /` with {status}: visitors are shown an error of its own."
                );
                let words = self.log_tail();
                if !words.is_empty() {
                    text += "\nThe last it printed:\n";
                    text += &words.join("\n");
                }
                Some(text)
            }
        }
    }
}

/// Asks an app whose first answer was one of failure again, until another comes.
pub(super) fn follow(inner: Arc<Inner>, running: Arc<Running>, address: SocketAddr) {
    if !matches!(*lock(&running.notice), Some(Notice::Failing(_))) {
        return;
    }
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if !lock(&inner.running).contains_key(&running.instance) {
                return;
            }
            if running.frozen.load(Ordering::Acquire) {
                // Thawed, it is asked soon.
                pause = FIRST_PAUSE;
                continue;
            }
            match probe::ask(address).await {
                Ok(status) if status < 500 => {
                    running.say(&format!("It answers `GET /` with {status} by now."));
                    running.note(None);
                    return;
                }
                Ok(status) => running.note(Some(Notice::Failing(status))),
                Err(_) => {}
            }
        }
    });
}
