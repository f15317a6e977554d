//! Commits, whoever makes them.

use super::operations::to_the_end;
use super::{Lifecycle, LifecycleError};
use crate::domain::{RepoId, RepoKind, Revision};
use crate::repo::{CommitRequest, MAIN};

// === impl Lifecycle ===

impl Lifecycle {
    /// Makes a commit, and acts on it if it is one to `main`. It goes on to its end when nobody waits for it any more, so
    /// that what landed is published.
    ///
    /// # Errors
    /// What the repository refuses, before anything is written; a repository that is gone.
    pub async fn commit(
        &self,
        kind: RepoKind,
        id: RepoId,
        request: CommitRequest,
    ) -> Result<Revision, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let lands = request.branch == MAIN;
            if lands {
                this.parts.store.check_writable().await?;
            }
            let head = this.parts.repos.commit(id, request).await?;
            if lands {
                this.landed(kind, id, &head).await?;
            }
            Ok(head)
        })
        .await
    }
}
