//! What of a build context the engine is sent: a piece of a build gets what it copies, and no more.

use super::dockerfile::Sent;
use crate::domain::bytes_text;
use crate::repo::RepoError;

impl Sent {
    /// Whether a path of the context is.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|sent| {
            let below = path.strip_prefix(sent.as_str());
            sent.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    pub(super) fn may_have(&self, path: &str, size: u64) -> Result<(), RepoError> {
        match self.largest {
            Some(largest) if size > largest => Err(RepoError::TooLarge(format!(
                "{path} is larger than {}, the most that the base image's `ONBUILD COPY` may copy before its `ONBUILD \
                 RUN`",
                bytes_text(largest)
            ))),
            _ => Ok(()),
        }
    }
}
