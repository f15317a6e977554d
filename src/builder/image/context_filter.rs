//! What of a build context the engine is sent: a piece of a build gets what it copies, and no more.

use super::dockerfile::Sent;

impl Sent {
    /// Whether a path of the context is.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|sent| {
            let below = path.strip_prefix(sent.as_str());
            sent.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }
}
