//! The control plane: what owners ask for, and one supervisor for each Space that sees to it.
//!
//! Every operation here writes the store in one transaction, nudges the Space's supervisor and returns. The supervisor
//! (`supervisor`) gathers the facts (`snapshot`), asks [`decide`](crate::domain::decide), does what it says (`actions`)
//! and begins again. `sweep` starts the supervisors when the server starts, and removes what nobody uses any more.

mod actions;
mod environment;
mod observed;
mod snapshot;
mod supervisor;
mod sweep;
mod view;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::builder::Builder;
use crate::config::Addresses;
use crate::domain::{
    Card, Desired, Hardware, Limits, Revision, Sdk, SleepAfter, Space, SpaceId, SpaceName,
    Visibility,
};
use crate::journal::{Journal, Log};
use crate::ledger::Ledger;
use crate::repo::{RepoError, Repos};
use crate::routes::{EntrySettings, Nudges, RouteTable};
use crate::runtime::Runtimes;
use crate::store::{NewSpace, SecretValue, Store, StoreError, Taken};
use crate::telemetry::Metrics;

pub use crate::runtime::{LimitReport, LimitState};
pub use view::{SpaceView, UsageView};

use supervisor::Supervisors;

/// Most bytes of a README that is read for its card.
const README_BYTES: u64 = 1 << 20;

/// How long a deletion is waited for. Past it, the Space is still being removed, and out of reach all the same.
const DELETE_PATIENCE: Duration = Duration::from_secs(10);

/// What the control plane is told by the operator.
#[derive(Debug, Clone)]
pub struct LifecycleSettings {
    /// Every size on offer; never empty.
    pub hardware: Vec<Hardware>,
    /// The size of a wasi Space whose owner chose none.
    pub wasi_hardware: String,
    /// Spaces one owner may have.
    pub spaces_per_owner: u32,
    /// Idle time until a Space sleeps when its owner said nothing; `None` never.
    pub sleep_after: SleepAfter,
    /// Where Spaces answer, for the `SPACE_HOST` that they see.
    pub addresses: Addresses,
}

/// Everything the control plane works with.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Files.
    pub repos: Repos,
    /// Who holds what.
    pub ledger: Ledger,
    /// Makes artifacts.
    pub builder: Builder,
    /// Runs them.
    pub runtimes: Runtimes,
    /// Where visitors are sent.
    pub routes: RouteTable,
    /// What builds and instances say.
    pub journal: Journal,
    /// What happened, in numbers.
    pub metrics: Arc<Metrics>,
    /// What the operator says.
    pub settings: LifecycleSettings,
}

/// The control plane. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Lifecycle {
    parts: Arc<Parts>,
    supervisors: Arc<Supervisors>,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The request is wrong; the text says how.
    #[error("{0}")]
    Refused(String),
    /// The account holds all it may.
    #[error("the quota of {what} is used up: {used} of {limit} in use")]
    Quota {
        /// Of what.
        what: &'static str,
        /// In use.
        used: u64,
        /// Allowed.
        limit: u64,
    },
    /// There is no such Space, or it is being removed.
    #[error("there is no such Space")]
    NotFound,
    /// Another Space has the name or the address.
    #[error("{existing} has that name or address")]
    Taken {
        /// The one that has it.
        existing: SpaceName,
    },
    /// Ours: the database.
    #[error(transparent)]
    Store(StoreError),
    /// The repository's, or ours.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

impl From<StoreError> for LifecycleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Taken {
                what: Taken::Space(existing) | Taken::Subdomain(existing),
            } => Self::Taken { existing },
            StoreError::Name(error) => Self::Refused(error.to_string()),
            other => Self::Store(other),
        }
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Takes every stored Space into care, and begins to listen to what the gateway says through `nudges`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: Parts, nudges: Nudges) -> anyhow::Result<Self> {
        let parts = Arc::new(parts);
        let supervisors = Supervisors::new(Arc::clone(&parts));
        let lifecycle = Self { parts, supervisors };
        sweep::adopt(&lifecycle.parts, &lifecycle.supervisors)
            .await
            .context("stored Spaces could not be taken into care")?;
        lifecycle.supervisors.listen(nudges);
        lifecycle
            .supervisors
            .spawn(sweep::run(Arc::clone(&lifecycle.parts)));
        Ok(lifecycle)
    }

    /// Ends all supervisors. Instances in this process end with it; builds under way are begun again at the next start.
    pub async fn stop(&self) {
        self.supervisors.stop().await;
        self.parts.journal.flush();
    }

    /// Creates an empty Space: its name, its repository, its address.
    ///
    /// # Errors
    /// Names that are taken or too long, and a quota that is used up.
    pub async fn create(&self, mut new: NewSpace) -> Result<Space, LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            new.sleep_after = new.sleep_after.or(this.parts.settings.sleep_after);
            new.name
                .subdomain()
                .map_err(|error| LifecycleError::Refused(error.to_string()))?;
            this.check_hardware(new.hardware.as_deref())?;
            let limit = u64::from(this.parts.settings.spaces_per_owner);
            let used = u64::try_from(this.parts.store.count_spaces(new.owner).await?).unwrap_or(0);
            if used >= limit {
                let what = "Spaces";
                return Err(LifecycleError::Quota { what, used, limit });
            }
            let space = this.parts.store.create_space(new).await?;
            this.parts.place(&space);
            this.supervisors.supervise(space.id);
            // A crash before this line leaves a row without a repository, which `adopt` mends.
            this.parts.repos.create(space.id).await?;
            Ok(space)
        })
        .await
    }

    /// Makes the newest commit of `main` what the Space is to run. `revision` is the one just committed; when another
    /// has come since, it is that one, so that publishes that overtake each other end with the newest.
    ///
    /// # Errors
    /// When the Space is gone.
    pub async fn publish(&self, space: SpaceId, revision: &Revision) -> Result<(), LifecycleError> {
        let this = self.clone();
        let revision = revision.clone();
        to_the_end(async move {
            let _turn = this.supervisors.publishing(space).lock_owned().await;
            let head = this.parts.repos.read(space, |repo| repo.head()).await?;
            let head = head.unwrap_or(revision);
            let stored = this.parts.store.space_by_id(space).await?;
            if stored.is_some_and(|stored| stored.head.as_ref() == Some(&head)) {
                return Ok(());
            }
            this.build_anew(space, &head, true).await
        })
        .await
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
    /// When the Space is gone.
    pub async fn restart(&self, space: SpaceId, factory: bool) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            // Before the head is read: a commit on its way must not be undone by a restart of what was before it.
            let _turn = this.supervisors.publishing(space).lock_owned().await;
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
    pub async fn pause(&self, space: SpaceId) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            this.parts.store.set_desired(space, Desired::Paused).await?;
            this.supervisors.nudge(space);
            Ok(())
        })
        .await
    }

    /// Removes the Space with everything it has. Returns when its name and address are free again, as a rule.
    ///
    /// # Errors
    /// When the Space is gone already.
    pub async fn delete(&self, space: SpaceId) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            let stored = this
                .parts
                .store
                .set_desired(space, Desired::Deleted)
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
    ) -> Result<(), LifecycleError> {
        let this = self.clone();
        to_the_end(async move {
            // One after the other, so that what is stored last is also what holds.
            let _turn = this.supervisors.publishing(space).lock_owned().await;
            let stored = this.parts.store.set_visibility(space, visibility).await?;
            this.parts.place(&stored);
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

    /// All that the outside is told of how a Space is doing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn view(&self, space: &Space) -> Result<SpaceView, LifecycleError> {
        let observed = self.supervisors.observed(space.id);
        Ok(view::view(&self.parts, space, &observed).await?)
    }

    /// What the Space's instances print.
    pub fn run_log(&self, space: SpaceId) -> Log {
        self.parts.journal.run(space)
    }

    /// What its newest build printed.
    pub fn build_log(&self, space: SpaceId) -> Log {
        self.parts.journal.build(space)
    }

    /// Every size on offer.
    pub fn hardware(&self) -> &[Hardware] {
        &self.parts.settings.hardware
    }

    fn check_hardware(&self, name: Option<&str>) -> Result<(), LifecycleError> {
        let Some(name) = name else { return Ok(()) };
        if self.parts.hardware(name).is_some() {
            return Ok(());
        }
        let offered: Vec<_> = self
            .hardware()
            .iter()
            .map(|hardware| hardware.name.as_str())
            .collect();
        Err(LifecycleError::Refused(format!(
            "there is no hardware `{name}` here; choose one of {}",
            offered.join(", ")
        )))
    }
}

// === impl Parts ===

impl Parts {
    /// Puts a Space at its address.
    fn place(&self, space: &Space) -> Arc<crate::routes::Entry> {
        let settings = EntrySettings {
            name: space.name.clone(),
            owner: space.owner,
            visibility: space.visibility,
        };
        self.routes.put(space.id, space.subdomain.clone(), settings)
    }

    /// What the gateway knows of a Space, while it has an address.
    fn entry(&self, space: &Space) -> Option<Arc<crate::routes::Entry>> {
        let entry = self.routes.get(space.subdomain.as_str());
        entry.filter(|entry| entry.id == space.id)
    }

    /// The size of that name.
    fn hardware(&self, name: &str) -> Option<&Hardware> {
        self.settings
            .hardware
            .iter()
            .find(|hardware| hardware.name == name)
    }

    /// The size a Space runs on; `None` for what takes no compute.
    fn hardware_of(&self, space: &Space) -> Option<&Hardware> {
        if space.sdk.as_deref() == Some(Sdk::Static.as_str()) {
            return None;
        }
        let asked = space
            .hardware
            .as_deref()
            .and_then(|name| self.hardware(name));
        asked.or_else(|| self.hardware(&self.settings.wasi_hardware))
    }

    /// The limits of a Space; those of what takes no compute are never reached.
    fn limits_of(&self, space: &Space) -> Limits {
        let unlimited = Limits {
            cpu_millis: 1000,
            memory_bytes: u64::from(u32::MAX),
        };
        self.hardware_of(space)
            .map_or(unlimited, |hardware| hardware.limits)
    }

    /// The SDK that the card of a revision asks for, if it can be read.
    async fn sdk_at(&self, space: SpaceId, revision: &Revision) -> Option<Sdk> {
        let revision = revision.clone();
        let read = move |repo: &crate::repo::Repo| repo.read(&revision, "README.md", README_BYTES);
        let readme = self.repos.read(space, read).await.ok()?;
        Card::parse(&String::from_utf8_lossy(&readme))
            .ok()
            .map(|card| card.sdk)
    }
}

/// Does all of an operation even if whoever asked for it leaves in the middle: what is stored is also acted on.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, LifecycleError>> + Send + 'static,
) -> Result<T, LifecycleError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        // Nobody aborts the task, so it can only have panicked, which is this task's panic too.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The present, in the form in which it is stored.
fn now() -> crate::domain::Millis {
    jiff::Timestamp::now().as_millisecond()
}
