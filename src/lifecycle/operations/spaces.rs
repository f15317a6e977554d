//! What owners ask for. Each operation writes the store in one transaction, nudges the supervisor, and returns.

use std::time::Duration;

use super::first_commit::FirstCommit;
use super::to_the_end;
use crate::domain::{
    Desired, RepoKind, Repository, Revision, Sdk, SleepAfter, Space, SpaceId, Visibility, Volume,
};
use crate::lifecycle::{Landing, Lifecycle, LifecycleError, now};
use crate::store::{Actor, NewSetting, NewSpace, SecretValue};

/// How long a deletion is waited for. Past it, the Space is still being removed, and out of reach all the same.
const DELETE_PATIENCE: Duration = Duration::from_secs(10);

impl Lifecycle {
    /// Creates a Space: its name, its repository, its address. What is in its first commit is not built: nobody has
    /// published anything yet. `None` is for who commits at once.
    ///
    /// # Errors
    /// Names that are taken or too long, and a quota that is used up.
    pub async fn create(
        &self,
        mut new: NewSpace,
        first: Option<FirstCommit>,
    ) -> Result<Space, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            new.sleep_after = new.sleep_after.or(this.parts.settings.sleep_after);
            new.name
                .subdomain()
                .map_err(|error| LifecycleError::Refused(error.to_string()))?;
            this.check_hardware(new.hardware.as_deref())?;
            let owner = this.parts.ledger.owner(new.owner);
            // One after the other, so that many at once are no more than there may be.
            let _turn = owner.creating.lock().await;
            this.check_quota(new.owner, RepoKind::Space).await?;
            // What takes disk comes first: without room for it there is no row either.
            let room = this.disk_room(new.owner).await?;
            if first.is_some() {
                room.check(FirstCommit::ROOM)
                    .map_err(LifecycleError::Over)?;
            }
            let prepared = this.parts.repos.prepare(room).await?;
            let space = this.parts.store.create_space(new).await?;
            // A crash before this line leaves a row without a repository, which `adopt` mends.
            if let Err(error) = this.parts.repos.create(space.id, prepared).await {
                this.parts.store.remove_space(space.id).await?;
                return Err(error.into());
            }
            this.parts.place(&space);
            this.supervisors.supervise(space.id);
            match first {
                Some(first) => this.begin_space(space, first).await,
                None => Ok(space),
            }
        })
        .await
    }

    /// Makes the newest commit of `main` what the Space is to run. `landing` is the one just committed; when another
    /// has come since, it is that one, so that publishes that overtake each other end with the newest.
    ///
    /// A branch that has moved stays where it is, so a failure of ours, such as a busy database, is no error here: what
    /// could not be recorded is recorded as soon as it can be (`unrecorded`).
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn publish(&self, space: SpaceId, landing: Landing) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let published = this.record_publish(space, &landing).await;
            this.or_unrecorded(RepoKind::Space, space.into(), landing, published)
        })
        .await
    }

    pub(in crate::lifecycle) async fn record_publish(
        &self,
        space: SpaceId,
        landing: &Landing,
    ) -> Result<(), LifecycleError> {
        let _turn = self.supervisors.publishing(space).lock_owned().await;
        let head = self.parts.repos.read(space, |repo| repo.head()).await?;
        let head = head.unwrap_or_else(|| landing.head.clone());
        let stored = self.parts.store.space_by_id(space).await?;
        if let Some(stored) = &stored {
            if stored.head.as_ref() == Some(&head) {
                return Ok(());
            }
            self.parts.deny_unseen(stored, &head, landing).await?;
        }
        self.build_anew(space, &head, true).await?;
        if let Some(stored) = stored {
            self.parts
                .measure(RepoKind::Space, space.into(), stored.owner)
                .await;
        }
        Ok(())
    }

    async fn build_anew(
        &self,
        space: SpaceId,
        revision: &Revision,
        cached: bool,
    ) -> Result<(), LifecycleError> {
        let sdk = self.parts.sdk_at(space, revision).await;
        let sdk = sdk.map(Sdk::as_str);
        self.parts
            .store
            .publish(space, revision, sdk, cached)
            .await?;
        self.supervisors.wake(space);
        self.supervisors.nudge(space);
        Ok(())
    }

    /// Starts the Space anew, from whatever state; with `factory` after a build that uses nothing made before.
    ///
    /// # Errors
    /// When an operator has stopped it, or the Space is gone.
    pub async fn restart(&self, space: SpaceId, factory: bool) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            // Before the head is read: a commit on its way must not be undone by a restart of what was before it.
            let _turn = this.supervisors.publishing(space).lock_owned().await;
            let disabled = this.parts.store.space_by_id(space).await?;
            if let Some(reason) = disabled.and_then(|stored| stored.disabled) {
                return Err(LifecycleError::Disabled(reason));
            }
            let stored = this.parts.store.restart_space(space).await?;
            this.supervisors.wake(space);
            match stored.head {
                Some(head) if factory || this.needs_build(space).await? => {
                    this.build_anew(space, &head, !factory).await
                }
                _ => {
                    this.supervisors.nudge(space);
                    Ok(())
                }
            }
        })
        .await
    }

    /// A restart of what never came to run is another try at building it.
    async fn needs_build(&self, space: SpaceId) -> Result<bool, LifecycleError> {
        let newest = self.parts.store.newest_build(space).await?;
        Ok(newest.is_none_or(|build| build.error.is_some()))
    }

    /// Stops the Space until its owner restarts it.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn pause(&self, space: SpaceId, actor: Actor) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let store = &this.parts.store;
            store.set_desired(space, Desired::Paused, actor).await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Removes the Space with everything it has. Returns when its name and address are free again, as a rule.
    ///
    /// # Errors
    /// When the Space is gone already.
    pub async fn delete(&self, space: SpaceId, actor: Actor) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let stored = this
                .parts
                .store
                .set_desired(space, Desired::Deleted, actor)
                .await?;
            this.parts.routes.remove(space, &stored.subdomain);
            let ended = this.supervisors.ended(space);
            this.supervisors.nudge(space);
            // Slow removals go on without us.
            let _ = tokio::time::timeout(DELETE_PATIENCE, ended).await;
            Ok(())
        })
        .await
    }

    /// Gives the Space another size; `None` its SDK's own.
    ///
    /// # Errors
    /// A size that is not on offer; a Space that is gone.
    pub async fn set_hardware(
        &self,
        space: SpaceId,
        hardware: Option<&str>,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        let hardware = hardware.map(str::to_owned);
        to_the_end(async move {
            this.check_hardware(hardware.as_deref())?;
            this.check_size(space, hardware.as_deref()).await?;
            this.parts
                .store
                .set_hardware(space, hardware.as_deref())
                .await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Sets the idle time until the Space sleeps.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_sleep_after(
        &self,
        space: SpaceId,
        after: SleepAfter,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            this.parts.store.set_sleep_after(space, after).await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Sets who sees the Space, from the next request on.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_visibility(
        &self,
        space: SpaceId,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            // One after the other, so that what is stored last is also what holds.
            let turn = this.supervisors.publishing(space).lock_owned().await;
            let store = &this.parts.store;
            let stored = store.set_visibility(space, visibility, actor).await?;
            this.parts.place(&stored);
            // The others take turns of their own, and may be waiting for this one.
            drop(turn);
            if visibility != Visibility::Public {
                this.unmount_elsewhere(&Repository::from(&stored)).await?;
            }
            Ok(())
        })
        .await
    }

    /// Sets a secret, which restarts the Space.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_secret(
        &self,
        space: SpaceId,
        key: &str,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        let key = key.to_owned();
        let value = value.to_owned();
        let description = description.map(str::to_owned);
        to_the_end(async move {
            let value = SecretValue::new(&value);
            this.parts
                .store
                .set_secret(space, &key, &value, description.as_deref(), now())
                .await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Deletes a secret, which restarts the Space; whether there was one.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn delete_secret(&self, space: SpaceId, key: &str) -> Result<bool, LifecycleError> {
        let this = self.clone();
        let key = key.to_owned();
        to_the_end(async move {
            let deleted = this.parts.store.delete_secret(space, &key, now()).await?;
            this.supervisors.nudge(space);
            Ok(deleted)
        })
        .await
    }

    /// Sets a variable, which restarts the Space.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_variable(
        &self,
        space: SpaceId,
        key: &str,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        let key = key.to_owned();
        let value = value.to_owned();
        let description = description.map(str::to_owned);
        to_the_end(async move {
            this.parts
                .store
                .set_variable(space, &key, &value, description.as_deref(), now())
                .await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Sets variables and secrets, all or none, which restarts the Space once.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_all(
        &self,
        space: SpaceId,
        settings: Vec<NewSetting>,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            this.parts.store.set_all(space, &settings, now()).await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Sets all volumes, which restarts the Space.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn set_volumes(
        &self,
        space: SpaceId,
        volumes: Vec<Volume>,
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            this.parts.store.set_volumes(space, &volumes, now()).await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Deletes a variable, which restarts the Space; whether there was one.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn delete_variable(&self, space: SpaceId, key: &str) -> Result<bool, LifecycleError> {
        let this = self.clone();
        let key = key.to_owned();
        to_the_end(async move {
            let deleted = this.parts.store.delete_variable(space, &key, now()).await?;
            this.supervisors.nudge(space);
            Ok(deleted)
        })
        .await
    }
}
