//! What owners ask of repositories of every kind. A Space's supervisor is told; models and datasets have none, so what is
//! asked of them is done when it returns.

use std::sync::Arc;
use std::time::Duration;

use super::first_commit::FirstCommit;
use super::to_the_end;
use crate::auth::Principal;
use crate::domain::{AccountId, RepoKind, RepoName, RepoUid, Repository, Resource, Visibility};
use crate::ledger::{DiskUse, Refused, Tier};
use crate::lifecycle::{Landing, Lifecycle, LifecycleError, Parts};
use crate::store::{Actor, NewRepository, SpaceSettings};

/// How long the end of a Space is waited for. Past it, the Space is still being removed, and out of reach all the same.
const DELETE_PATIENCE: Duration = Duration::from_secs(10);

/// A copy of a repository.
#[derive(Debug, Clone)]
pub struct NewCopy {
    /// The account that will own it.
    pub owner: AccountId,
    /// Its full name.
    pub name: RepoName,
    /// Who will see it.
    pub visibility: Visibility,
    /// What a Space's copy runs with; where nothing is said, the defaults of its SDK and of the server.
    pub settings: SpaceSettings,
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Creates a repository: its row, its files, a Space's address. What is in a Space's first commit is not built: nobody
    /// has published anything yet. `None` is for who commits at once.
    ///
    /// # Errors
    /// A name that is taken, or that cannot be a Space's address; what only a Space can be; a quota that is used up.
    pub async fn create(
        &self,
        mut new: NewRepository,
        first: Option<FirstCommit>,
    ) -> Result<Repository, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            check_visibility(new.kind, new.visibility)?;
            if new.kind == RepoKind::Space {
                this.check_space(&mut new)?;
            }
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
                store.finish_removal(made.id).await?;
                return Err(error.into());
            }
            if made.kind == RepoKind::Space {
                this.take_into_care(&made).await?;
            }
            match first {
                Some(first) => this.begin(made, first).await,
                None => Ok(made),
            }
        })
        .await
    }

    /// Removes a repository with everything it has. Returns when its name, and a Space's address, are free again; what a
    /// Space leaves may go a little later.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn delete(&self, repository: Repository, actor: Actor) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let parts = &this.parts;
            // Of what was sent in chunks there is another copy only while that is to be kept.
            parts.free_sent(repository.owner, true).await;
            if let Actor::Account(sender) = actor
                && sender != repository.owner
            {
                parts.free_sent(sender, true).await;
            }
            let going = parts.store.begin_removal(repository.id, actor).await?;
            match going.kind {
                RepoKind::Space => this.end_space(&going).await,
                RepoKind::Model | RepoKind::Dataset => parts.finish_removal(going.id).await?,
            }
            // What of it is laid out for a Space of the owner's is counted at once, and what of others' soon.
            parts.measure_account(going.owner).await;
            let parts = Arc::clone(parts);
            // An engine may take its time to say what is in use.
            tokio::spawn(async move {
                parts.sweep_checkouts().await;
                match parts.repos.laid_out_for(going.id).await {
                    Ok(owners) => {
                        for owner in owners {
                            parts.measure_account(owner).await;
                        }
                    }
                    Err(error) => {
                        let id = going.id;
                        tracing::warn!(repository = %id, "who has {id} laid out is not known: {error}");
                    }
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
    pub async fn set_visibility(
        &self,
        repository: &Repository,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        check_visibility(repository.kind, visibility)?;
        let (this, id) = (self.clone(), repository.id);
        to_the_end(async move {
            // One after the other, so that what is stored last is also what holds.
            let turn = this.supervisors.publishing(id.space()).lock_owned().await;
            let store = &this.parts.store;
            let changed = store.set_visibility(id, visibility, actor).await?;
            if changed.kind == RepoKind::Space
                && let Some(space) = store.space_by_id(id.space()).await?
            {
                this.parts.place(&space);
            }
            // The others take turns of their own, and may be waiting for this one.
            drop(turn);
            if visibility != Visibility::Public {
                this.unmount_elsewhere(&changed).await?;
            }
            Ok(())
        })
        .await
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
            let account = this.parts.ledger.owner(owner);
            let mut turn = None;
            // Room where it is to be, until it was measured there.
            let mut room = this.disk_room(owner).await?;
            if owner != repository.owner {
                // As of what is created, many at once are no more than there may be.
                turn = Some(account.creating.lock().await);
                this.check_quota(owner, kind).await?;
                this.parts.disk_known(repository.owner).await?;
                let ledger = &this.parts.ledger;
                let stored = ledger.disk(DiskUse::Storage(id.space().into()));
                let moved = ledger.disk(DiskUse::Repository(id)) + stored;
                room.grow(moved).map_err(LifecycleError::Over)?;
            }
            match kind {
                RepoKind::Space => this.rename_space(id, owner, &to, actor).await?,
                RepoKind::Model | RepoKind::Dataset => {
                    let store = &this.parts.store;
                    store.rename_repository(id, owner, &to, actor).await?;
                }
            }
            drop(turn);
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
            let new = NewRepository {
                kind: from.kind,
                owner: new.owner,
                name: new.name,
                visibility: new.visibility,
                settings: new.settings,
            };
            let made = this.create(new, None).await?;
            if let Err(error) = this.fill_copy(&from, &made, by).await {
                // Half a copy is of no use to anybody. The first error is the one to report.
                let _ = this.delete(made, Actor::Server).await;
                return Err(error);
            }
            Ok(made)
        })
        .await
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

    /// What a Space needs besides what every repository needs: an address, hardware that is on offer, a sleep time.
    fn check_space(&self, new: &mut NewRepository) -> Result<(), LifecycleError> {
        let after = &mut new.settings.sleep_after;
        *after = after.or(self.parts.settings.sleep_after);
        new.name
            .subdomain()
            .map_err(|error| LifecycleError::Refused(error.to_string()))?;
        self.check_hardware(new.settings.hardware.as_deref())
    }

    /// Gives a new Space its address and its supervisor.
    async fn take_into_care(&self, made: &Repository) -> Result<(), LifecycleError> {
        let id = made.id.space();
        let space = self.parts.store.space_by_id(id).await?;
        self.parts.place(&space.ok_or(LifecycleError::NotFound)?);
        self.supervisors.supervise(id);
        Ok(())
    }

    /// Has a Space that is being removed end, and waits for that.
    async fn end_space(&self, going: &Repository) {
        let id = going.id.space();
        if let Ok(subdomain) = going.name.subdomain() {
            self.parts.routes.remove(id, &subdomain);
        }
        let ended = self.supervisors.ended(id);
        self.supervisors.nudge(id);
        // Slow removals go on without us.
        let _ = tokio::time::timeout(DELETE_PATIENCE, ended).await;
    }

    async fn rename_space(
        &self,
        id: RepoUid,
        owner: AccountId,
        to: &RepoName,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let (parts, id) = (&self.parts, id.space());
        // Whoever publishes or sets the visibility meanwhile waits, and so finds the new address.
        let _turn = self.supervisors.publishing(id).lock_owned().await;
        let before = parts.store.space_by_id(id).await?;
        let before = before.ok_or(LifecycleError::NotFound)?;
        parts
            .store
            .rename_repository(id.into(), owner, to, actor)
            .await?;
        let renamed = parts.store.space_by_id(id).await?;
        let renamed = renamed.ok_or(LifecycleError::NotFound)?;
        let route = parts.entry(&before).map(|entry| entry.route());
        if renamed.subdomain != before.subdomain {
            parts.routes.remove(id, &before.subdomain);
        }
        let entry = parts.place(&renamed);
        parts.routes.lead(&before.name, id, renamed.subdomain);
        // What runs goes on serving under the new address until its successor is up.
        if let Some(route) = route {
            entry.set(route);
        }
        self.supervisors.nudge(id);
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
    /// Removes what is left of a repository that is being removed. The row goes last: while it is there, a restart comes
    /// back to this.
    pub(in crate::lifecycle) async fn finish_removal(
        &self,
        id: RepoUid,
    ) -> Result<(), LifecycleError> {
        self.repos.delete(id).await?;
        self.forget_disk(id);
        Ok(self.store.finish_removal(id).await?)
    }
}
