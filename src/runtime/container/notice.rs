//! What an author should know of an instance that has not ended: where an app listens that does not answer where it should,
//! and that one that answers says it has failed.

use super::Running;

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
        *self.notice.lock() = notice;
    }

    /// For its author; `None` while all is well.
    pub(super) fn notice(&self) -> Option<String> {
        match self.notice.lock().clone()? {
            Notice::Unreachable(advice) => Some(format!("It does not answer yet. {advice}")),
            Notice::Failing(status) => {
                let mut text = format!(
                    "It is running, but answers `GET /` with {status}: visitors see the app's own error."
                );
                let words = self.log_tail();
                if !words.is_empty() {
                    text += "\nIts last output:\n";
                    text += &words.join("\n");
                }
                Some(text)
            }
        }
    }
}
