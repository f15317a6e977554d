//! What owners ask of their Spaces alone; what they ask of any repository is in `repositories`. Each operation writes the store in one transaction, nudges the supervisor, and returns.

use super::to_the_end;
use crate::domain::SecretValue;
use crate::domain::{Revision, Sdk, SleepAfter, SpaceId, Volume};
use crate::lifecycle::{Landing, Lifecycle, LifecycleError, Parts, now};
use crate::store::{Actor, NewSetting, Store, StoreError};

impl Lifecycle {
    /// Stores what is asked of a Space and tells its supervisor, whether or not anybody still waits for it.
    async fn change<T: Send + 'static, F>(
        &self,
        space: SpaceId,
        change: impl FnOnce(Store) -> F,
    ) -> Result<T, LifecycleError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let this = self.clone();
        let change = change(this.parts.store.clone());
        to_the_end(async move {
            let done = change.await?;
            this.supervisors.nudge(space);
            Ok(done)
        })
        .await
    }

    /// Publishes the newest commit of `main`. `landing` is the one just committed; when another has come since, it is that
    /// one, so that publishes that overtake each other end with the newest.
    pub(in crate::lifecycle) async fn record_publish(
        &self,
        space: SpaceId,
        landing: &Landing,
    ) -> Result<(), LifecycleError> {
        let _turn = self.supervisors.publishing(space).lock_owned().await;
        let head = self.parts.repos.read(space, |repo| repo.head()).await?;
        let head = head.unwrap_or_else(|| landing.head.clone());
        if let Some(stored) = self.parts.store.space_by_id(space).await? {
            if stored.head.as_ref() == Some(&head) {
                return Ok(());
            }
            self.parts.deny_unseen(&stored, &head, landing).await?;
        }
        self.build_anew(space, &head, true).await
    }

    async fn build_anew(
        &self,
        space: SpaceId,
        revision: &Revision,
        cached: bool,
    ) -> Result<(), LifecycleError> {
        self.parts.publish(space, revision, cached).await?;
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
            store.pause_space(space, actor).await?;
            this.supervisors.nudge(space);
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
        self.change(space, move |store| async move {
            store.set_sleep_after(space, after).await.map(drop)
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
        let key = key.to_owned();
        self.change(space, move |store| async move {
            store.delete_secret(space, &key, now()).await
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
        let key = key.to_owned();
        let value = value.to_owned();
        let description = description.map(str::to_owned);
        self.change(space, move |store| async move {
            store
                .set_variable(space, &key, &value, description.as_deref(), now())
                .await
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
        self.change(space, move |store| async move {
            store.set_all(space, &settings, now()).await
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
        self.change(space, move |store| async move {
            store.set_volumes(space, &volumes, now()).await
        })
        .await
    }

    /// Deletes a variable, which restarts the Space; whether there was one.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn delete_variable(&self, space: SpaceId, key: &str) -> Result<bool, LifecycleError> {
        let key = key.to_owned();
        self.change(space, move |store| async move {
            store.delete_variable(space, &key, now()).await
        })
        .await
    }
}

// === impl Parts ===

impl Parts {
    /// Has a Space run what is at `revision`, once that is built.
    pub(in crate::lifecycle) async fn publish(
        &self,
        space: SpaceId,
        revision: &Revision,
        cached: bool,
    ) -> Result<(), StoreError> {
        let sdk = self.sdk_at(space, revision).await;
        let sdk = sdk.map(Sdk::as_str);
        self.store.publish(space, revision, sdk, cached).await?;
        Ok(())
    }
}
