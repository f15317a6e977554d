//! Commits, whoever makes them.

use super::to_the_end;
use crate::auth::{Action, AuthError, Principal};
use crate::domain::{RepoKind, RepoUid, Revision, SpaceId};
use crate::lifecycle::{Lifecycle, LifecycleError, Parts};
use crate::repo::{CommitRequest, MAIN};

/// A commit that `main` has moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The commit.
    pub head: Revision,
    /// Where `main` was; `None` before the first commit, or where that is not known.
    pub before: Option<Revision>,
    /// Who moved it; `None` where that is not known.
    pub by: Option<Principal>,
    /// The Space that it was copied from, if it was.
    pub copy_of: Option<SpaceId>,
}

// === impl Landing ===

impl Landing {
    /// What somebody, after a crash perhaps nobody knows who, has left at the head of `main`.
    pub(in crate::lifecycle) fn of_somebody(head: Revision) -> Self {
        Self {
            head,
            before: None,
            by: None,
            copy_of: None,
        }
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Whoever was allowed to change a repository when they began to send, as they are now. What they send may take hours to
    /// come, and a token can be deleted meanwhile, a member leave.
    ///
    /// # Errors
    /// `NoLonger`; a repository that is gone.
    pub async fn still_writes(
        &self,
        id: RepoUid,
        by: &Principal,
    ) -> Result<Principal, LifecycleError> {
        let by = match self.parts.auth.renewed(by).await {
            Ok(by) => by,
            Err(AuthError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(LifecycleError::NoLonger),
        };
        let found = self.parts.store.repository_by_id(id).await?;
        let found = found.ok_or(LifecycleError::NotFound)?;
        match by.may(Action::Write, &found) {
            true => Ok(by),
            false => Err(LifecycleError::NoLonger),
        }
    }

    /// Makes a commit, and acts on it if it is one to `main`. It goes on to its end when nobody waits for it any more, so
    /// that what landed is published.
    ///
    /// # Errors
    /// As [`Lifecycle::still_writes`]; what the repository refuses, before anything is written.
    pub async fn commit(
        &self,
        kind: RepoKind,
        id: RepoUid,
        request: CommitRequest,
        by: Principal,
    ) -> Result<Revision, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let by = this.still_writes(id, &by).await?;
            let lands = request.branch == MAIN;
            if lands {
                this.parts.store.check_writable().await?;
            }
            let head = this.parts.repos.commit(id, request).await?;
            if lands {
                let of = head.clone();
                let before = this.parts.repos.read(id, move |repo| repo.parent(&of));
                let landing = Landing {
                    before: before.await?,
                    head: head.clone(),
                    by: Some(by),
                    copy_of: None,
                };
                this.landed(kind, id, landing).await?;
            }
            Ok(head)
        })
        .await
    }

    /// Acts on a commit to `main`: the newest one is recorded, and a Space runs it. When another has come since, it is that
    /// one, so that landings that overtake each other end with the newest.
    ///
    /// A branch that has moved stays where it is, so a failure of ours, such as a busy database, is no error here: what
    /// could not be recorded is recorded as soon as it can be (`unrecorded`).
    ///
    /// # Errors
    /// When the repository is gone.
    pub async fn landed(
        &self,
        kind: RepoKind,
        id: RepoUid,
        landing: Landing,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let recorded = this.record_landing(kind, id, &landing).await;
            this.or_unrecorded(kind, id, landing, recorded)
        })
        .await
    }

    pub(in crate::lifecycle) async fn record_landing(
        &self,
        kind: RepoKind,
        id: RepoUid,
        landing: &Landing,
    ) -> Result<(), LifecycleError> {
        match kind {
            RepoKind::Space => self.record_publish(id.space(), landing).await?,
            RepoKind::Model | RepoKind::Dataset => self.parts.remember_head(id).await?,
        }
        self.measure(id).await
    }
}

// === impl Parts ===

impl Parts {
    /// Stores where `main` of a model or dataset is. Of two that do so at once, the later one looks again.
    pub(in crate::lifecycle) async fn remember_head(
        &self,
        id: RepoUid,
    ) -> Result<(), LifecycleError> {
        loop {
            let head = self.repos.read(id, |repo| repo.head()).await?;
            self.store.set_head(id, head.as_ref()).await?;
            if self.repos.read(id, |repo| repo.head()).await? == head {
                return Ok(());
            }
        }
    }
}
