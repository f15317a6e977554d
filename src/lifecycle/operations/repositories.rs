//! Repositories of every kind. What is asked of a Space goes its own way; models and datasets have no supervisor, so
//! their operations are done when they return.

use std::sync::Arc;

use super::first_commit::FirstCommit;
use super::to_the_end;
use crate::auth::Principal;
use crate::domain::{
    AccountId, RepoKind, RepoName, RepoUid, Repository, Resource, Sdk, SleepAfter, Space,
    Visibility,
};
use crate::ledger::{DiskUse, Refused, Tier};
use crate::lifecycle::{Landing, Lifecycle, LifecycleError, Parts};
use crate::store::{Actor, NewRepository, NewSpace};

/// A copy of a repository.
#[derive(Debug, Clone)]
pub struct NewCopy {
    /// The account that will own it.
    pub owner: AccountId,
    /// Its full name.
    pub name: RepoName,
    /// Who will see it.
    pub visibility: Visibility,
    /// The hardware of a Space's copy; `None` takes the SDK's default.
    pub hardware: Option<String>,
    /// Idle time until a Space's copy sleeps; `None` takes the server's default.
    pub sleep_after: SleepAfter,
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Creates a model or dataset.
    ///
    /// # Errors
    /// A name that is taken, and a quota that is used up.
    pub async fn create_repository(
        &self,
        new: NewRepository,
        first: Option<FirstCommit>,
    ) -> Result<Repository, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let store = &this.parts.store;
            // One after the other, so that many at once are no more than there may be.
            let account = this.parts.ledger.owner(new.owner);
            let _turn = account.creating.lock().await;
            this.check_quota(new.owner, new.kind).await?;
            // What takes disk comes first: without room for it there is no row either.
            let room = this.disk_room(new.owner).await?;
            if first.is_some() {
                room.check(FirstCommit::ROOM)
                    .map_err(LifecycleError::Over)?;
            }
            let prepared = this.parts.repos.prepare(room).await?;
            let made = store.create_repository(new).await?;
            // A crash before this line leaves a row without files, which the next start mends.
            if let Err(error) = this.parts.repos.create(made.id, prepared).await {
                store.remove_repository(&made, Actor::Server).await?;
                store.finish_removal(made.id).await?;
                return Err(error.into());
            }
            match first {
                Some(first) => this.begin_repository(made, first).await,
                None => Ok(made),
            }
        })
        .await
    }

    /// Acts on a commit to `main`: a Space is published, of anything else the new head is remembered. As
    /// with [`Self::publish`], a failure of ours is made up for later.
    ///
    /// # Errors
    /// When the repository is gone.
    pub async fn landed(
        &self,
        kind: RepoKind,
        id: RepoUid,
        landing: Landing,
    ) -> Result<(), LifecycleError> {
        if kind == RepoKind::Space {
            return self.publish(id.space(), landing).await;
        }
        let this = self.clone();
        to_the_end(async move {
            let recorded = this.record_head(kind, id).await;
            this.or_unrecorded(kind, id, landing, recorded)
        })
        .await
    }

    pub(in crate::lifecycle) async fn record_head(
        &self,
        kind: RepoKind,
        id: RepoUid,
    ) -> Result<(), LifecycleError> {
        self.parts.remember_head(id).await?;
        if let Some(stored) = self.parts.store.repository_by_id(kind, id).await? {
            self.parts.measure(kind, id, stored.owner).await;
        }
        Ok(())
    }

    /// Removes a repository with everything it has.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn delete_repository(
        &self,
        repository: Repository,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let id = repository.id;
        // Of what was sent in chunks there is another copy only while that is to be kept.
        self.parts.free_sent(repository.owner, true).await;
        if let Actor::Account(sender) = actor
            && sender != repository.owner
        {
            self.parts.free_sent(sender, true).await;
        }
        if repository.kind == RepoKind::Space {
            return self.delete(id.space(), actor).await;
        }
        let this = self.clone();
        to_the_end(async move {
            let store = &this.parts.store;
            store.remove_repository(&repository, actor).await?;
            this.parts.finish_removal(id).await?;
            this.parts.forget_disk(id);
            let parts = Arc::clone(&this.parts);
            // An engine may take its time to say what is in use.
            tokio::spawn(async move {
                parts.sweep_checkouts().await;
                // What of it is laid out for a Space, and stays, is that one's owner's now.
                for account in parts.ledger.owners() {
                    parts.measure_account(account.owner).await;
                }
            });
            Ok(())
        })
        .await
    }

    /// Sets who sees a repository, from the next request on.
    ///
    /// # Errors
    /// When it is gone; `protected` for anything but a Space.
    pub async fn set_repository_visibility(
        &self,
        repository: &Repository,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        if repository.kind == RepoKind::Space {
            let space = repository.id.space();
            return self.set_visibility(space, visibility, actor).await;
        }
        check_visibility(repository.kind, visibility)?;
        let store = &self.parts.store;
        store
            .set_repository_visibility(repository, visibility, actor)
            .await?;
        if visibility != Visibility::Public {
            self.unmount_elsewhere(repository).await?;
        }
        Ok(())
    }

    /// Gives a repository another name, perhaps another owner. Its old name leads to it from then on.
    ///
    /// # Errors
    /// A name that is taken, or that cannot be an address; the new owner's quota; a repository that is gone.
    pub async fn rename(
        &self,
        repository: Repository,
        owner: AccountId,
        to: RepoName,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let (id, kind) = (repository.id, repository.kind);
            // Room where it is to be, until it was measured there.
            let mut room = this.disk_room(owner).await?;
            if owner != repository.owner {
                this.check_quota(owner, kind).await?;
                this.parts.disk_known(repository.owner).await?;
                let ledger = &this.parts.ledger;
                let stored = ledger.disk(DiskUse::Storage(id.space().into()));
                let moved = ledger.disk(DiskUse::Repository(id)) + stored;
                room.grow(moved).map_err(LifecycleError::Over)?;
            }
            if kind == RepoKind::Space {
                this.rename_space(id, owner, &to, actor).await?;
            } else {
                let store = &this.parts.store;
                store
                    .rename_repository(&repository, owner, &to, actor)
                    .await?;
            }
            if owner != repository.owner {
                this.parts.measure(kind, id, owner).await;
            }
            Ok(())
        })
        .await
    }

    /// Copies a repository: branches, tags, history, and a Space's variables. Secrets are never copied.
    ///
    /// # Errors
    /// As its creation.
    pub async fn duplicate(
        &self,
        from: Repository,
        new: NewCopy,
        by: Principal,
    ) -> Result<Repository, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let made = this.create_copy(&from, new).await?;
            if let Err(error) = this.fill_copy(&from, &made, by).await {
                // Half a copy is of no use to anybody. The first error is the one to report.
                let _ = this.delete_repository(made, Actor::Server).await;
                return Err(error);
            }
            Ok(made)
        })
        .await
    }

    async fn create_copy(
        &self,
        from: &Repository,
        new: NewCopy,
    ) -> Result<Repository, LifecycleError> {
        check_visibility(from.kind, new.visibility)?;
        if from.kind == RepoKind::Space {
            let new = NewSpace {
                owner: new.owner,
                name: new.name,
                visibility: new.visibility,
                hardware: new.hardware,
                sleep_after: new.sleep_after,
            };
            return Ok(Repository::from(&self.create(new, None).await?));
        }
        let new = NewRepository {
            kind: from.kind,
            owner: new.owner,
            name: new.name,
            visibility: new.visibility,
        };
        self.create_repository(new, None).await
    }

    async fn fill_copy(
        &self,
        from: &Repository,
        made: &Repository,
        by: Principal,
    ) -> Result<(), LifecycleError> {
        if from.kind == RepoKind::Space {
            for variable in self.parts.store.list_variables(from.id.space()).await? {
                let (key, value) = (&variable.key, &variable.value);
                self.set_variable(made.id.space(), key, value, variable.description.as_deref())
                    .await?;
            }
        }
        let room = self.disk_room(made.owner).await?;
        match self.parts.repos.copy(from.id, made.id, room).await? {
            Some(head) => {
                let landing = Landing {
                    head,
                    before: None,
                    by: Some(by),
                    copy_of: (from.kind == RepoKind::Space).then(|| from.id.space()),
                };
                self.landed(made.kind, made.id, landing).await
            }
            None => Ok(()),
        }
    }

    pub(in crate::lifecycle) async fn check_quota(
        &self,
        owner: AccountId,
        kind: RepoKind,
    ) -> Result<(), LifecycleError> {
        let resource = match kind {
            RepoKind::Space => Resource::Spaces,
            RepoKind::Model => Resource::Models,
            RepoKind::Dataset => Resource::Datasets,
        };
        let limit = self.parts.ledger.owner(owner).quota().of(resource);
        let used = self.parts.store.count_repositories(owner, kind).await?;
        let used = u64::try_from(used).unwrap_or(0);
        if used < limit {
            return Ok(());
        }
        Err(LifecycleError::Over(Refused {
            resource,
            tier: Tier::Owner,
            wanted: 1,
            used,
            limit,
        }))
    }

    async fn rename_space(
        &self,
        id: RepoUid,
        owner: AccountId,
        to: &RepoName,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        // Whoever publishes or sets the visibility meanwhile waits, and so finds the new address.
        let _turn = self.supervisors.publishing(id.space()).lock_owned().await;
        let before: Space = self
            .parts
            .store
            .space_by_id(id.space())
            .await?
            .ok_or(LifecycleError::NotFound)?;
        let renamed = self
            .parts
            .store
            .rename_space(&before, owner, to, actor)
            .await?;
        let route = self.parts.entry(&before).map(|entry| entry.route());
        if renamed.subdomain != before.subdomain {
            self.parts.routes.remove(before.id, &before.subdomain);
        }
        let entry = self.parts.place(&renamed);
        let place = renamed.subdomain.clone();
        self.parts.routes.lead(&before.name, before.id, place);
        // What runs goes on serving under the new address until its successor is up.
        if let Some(route) = route {
            entry.set(route);
        }
        self.supervisors.nudge(before.id);
        Ok(())
    }
}

/// Refuses what only Spaces can be.
fn check_visibility(kind: RepoKind, visibility: Visibility) -> Result<(), LifecycleError> {
    if kind != RepoKind::Space && visibility == Visibility::Protected {
        return Err(LifecycleError::Refused(format!(
            "a {} is `public` or `private`; only a Space can be `protected`",
            kind.noun()
        )));
    }
    Ok(())
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
            self.store.set_repository_head(id, head.as_ref()).await?;
            if self.repos.read(id, |repo| repo.head()).await? == head {
                return Ok(());
            }
        }
    }

    /// Removes what is left of a model or dataset whose row is gone.
    async fn finish_removal(&self, id: RepoUid) -> Result<(), LifecycleError> {
        self.repos.delete(id).await?;
        Ok(self.store.finish_removal(id).await?)
    }

    /// Puts right what a crash left of models and datasets: removals half done, rows without files, and commits that
    /// were not remembered.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::lifecycle) async fn mend_repositories(&self) -> anyhow::Result<()> {
        for id in self.store.removals().await? {
            self.finish_removal(id).await?;
        }
        for id in self.store.repository_ids().await? {
            // One broken repository keeps no other from coming up.
            if let Err(error) = self.mend_repository(id).await {
                tracing::error!(repository = %id, "the repository {id} could not be put right: {error:#}");
            }
        }
        Ok(())
    }

    async fn mend_repository(&self, id: RepoUid) -> anyhow::Result<()> {
        self.repos.restore(id).await?;
        let mut stored = None;
        for kind in [RepoKind::Model, RepoKind::Dataset] {
            stored = stored.or(self.store.repository_by_id(kind, id).await?);
        }
        let mut head = self.repos.read(id, |repo| repo.head()).await?;
        if let (Some(stored), None) = (&stored, &head) {
            let first = FirstCommit {
                author: stored.name.owner.to_string(),
                sdk: Sdk::Static,
            };
            let room = self.ledger.reserve_disk(stored.owner);
            let made = self.first_commit(stored.kind, id, &stored.name, first, room);
            head = Some(made.await?);
        }
        if stored.is_some_and(|stored| stored.head != head) {
            self.remember_head(id).await?;
        }
        Ok(())
    }
}
