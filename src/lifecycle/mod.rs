//! The control plane: what owners ask for, and one supervisor for each Space that sees to it.
//!
//! ```text
//!  operations ──► store ──► reconcile ──► placement ──► runtime
//!  one verb each   rows      load, decide,  room for it,   metering: what is used,
//!                            do, again      its files      and what owners may have
//! ```
//!
//! Every operation (`operations`) writes the store in one transaction, nudges the Space's supervisor and returns. The
//! supervisor (`reconcile`) gathers the facts, asks [`decide`](crate::domain::decide), does what it says and begins again.
//! `artifacts` and `sweep` remove what nobody uses any more; `view` and `problems` are what the outside is told.

mod artifacts;
mod garbage_collection;
mod metering;
mod operations;
mod placement;
mod problems;
mod reconcile;
mod view;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::auth::Auth;
use crate::builder::Builder;
use crate::config::Addresses;
use crate::domain::{
    Card, CardError, Hardware, Limits, RepoName, Revision, Sdk, SleepAfter, Space, SpaceId, now,
};
use crate::journal::{Journal, Log};
use crate::ledger::{Ledger, Refused, WorkloadAccount};
use crate::repo::{RepoError, Repos};
use crate::routes::{EntrySettings, Nudges, RouteTable};
use crate::runtime::{Endings, Runtimes};
use crate::store::{Store, StoreError, Taken};
use crate::telemetry::Metrics;

pub use crate::runtime::{LimitReport, LimitState};
pub use metering::{Capacity, QuotaLine, QuotaView};
pub use operations::{FirstCommit, Landing, NewCopy};
pub use problems::{DiskSpace, Problems};
pub use view::{SpaceView, UsageView, Waits};

use metering::usage;
use placement::admission;
use reconcile::supervisors::Supervisors;
use reconcile::{adopt, unrecorded};

/// Most bytes of a README that is read for its card.
const README_BYTES: u64 = 1 << 20;

/// What the control plane is told by the operator.
#[derive(Debug, Clone)]
pub struct LifecycleSettings {
    /// Every size on offer; never empty.
    pub hardware: Vec<Hardware>,
    /// The size of a wasi Space whose owner chose none.
    pub wasi_hardware: String,
    /// The size of a container Space whose owner chose none.
    pub container_hardware: String,
    /// Idle time until an instance is frozen that can be.
    pub freeze_after: Duration,
    /// Idle time until a Space sleeps when its owner said nothing; `None` never.
    pub sleep_after: SleepAfter,
    /// Where Spaces answer, for the `SPACE_HOST` that they see.
    pub addresses: Addresses,
}

/// Everything the control plane works with.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Who is asking.
    pub auth: Auth,
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
    /// Branches that have moved and whose move is not recorded yet.
    unrecorded: Arc<unrecorded::Unrecorded>,
    /// Puts changes of quotas in a row, so that each says truly what it changed.
    quotas: Arc<tokio::sync::Mutex<()>>,
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The request is wrong; the text says how.
    #[error("{0}")]
    Refused(String),
    /// The owner has all it may have.
    #[error("{}", .0.explain())]
    Over(Refused),
    /// An operator has disabled the Space; the text is the reason.
    #[error("an operator of this server has disabled this Space: {0}")]
    Disabled(String),
    /// There is no such repository, or it is being removed.
    #[error("there is no such repository")]
    NotFound,
    /// Whoever asked might do it when they began, and may not any more.
    #[error("what you may do here has changed meanwhile; nothing was done")]
    NoLonger,
    /// Another repository has the name, or another Space the address.
    #[error("{existing} already has that name or address")]
    Taken {
        /// The one that has it.
        existing: RepoName,
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
                what: Taken::Subdomain(existing) | Taken::Repository(existing),
            } => Self::Taken { existing },
            StoreError::Name(error) => Self::Refused(error.to_string()),
            other => Self::Store(other),
        }
    }
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Takes every stored Space into care and begins to listen to what the gateway says through `nudges` and the runtimes
    /// through `endings`. Visitors can be let in at once; what an earlier process left, running instances too, is looked at
    /// meanwhile.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: Parts, nudges: Nudges, endings: Endings) -> anyhow::Result<Self> {
        let parts = Arc::new(parts);
        let supervisors = Supervisors::new(Arc::clone(&parts));
        let lifecycle = Self {
            parts,
            supervisors,
            unrecorded: Arc::default(),
            quotas: Arc::default(),
        };
        usage::remember(&lifecycle.parts)
            .await
            .context("quotas and use could not be read")?;
        let admitted = adopt::admit(&lifecycle.parts, &lifecycle.supervisors)
            .await
            .context("stored Spaces could not be taken into care")?;
        lifecycle.supervisors.listen(nudges);
        lifecycle.supervisors.hear_of_ends(endings);
        let runtimes = lifecycle.parts.runtimes.clone();
        lifecycle
            .supervisors
            .spawn(async move { runtimes.guard().await });
        let parts = Arc::clone(&lifecycle.parts);
        let supervisors = Arc::clone(&lifecycle.supervisors);
        let artifacts = Arc::clone(supervisors.artifacts());
        lifecycle.supervisors.spawn(async move {
            adopt::look(Arc::clone(&parts), supervisors, admitted).await;
            // What nobody knows is removed only after everything has been looked at.
            garbage_collection::run(parts, artifacts).await;
        });
        lifecycle
            .supervisors
            .spawn(usage::run(Arc::clone(&lifecycle.parts)));
        lifecycle
            .supervisors
            .spawn(unrecorded::run(lifecycle.clone()));
        lifecycle.supervisors.spawn(admission::run_queue(
            Arc::clone(&lifecycle.parts),
            Arc::clone(lifecycle.supervisors.registry()),
        ));
        Ok(lifecycle)
    }

    /// Ends all supervisors, and stops what would outlive this process if that is wished for; else the next start takes it
    /// into care as it is. `hurry` lets it be all the same. Instances in this process end with it; builds under way are
    /// begun again at the next start.
    pub async fn stop(&self, instances: bool, hurry: &CancellationToken) {
        self.supervisors.stop().await;
        if instances {
            tokio::select! {
                () = self.parts.runtimes.stop_all() => {}
                () = hurry.cancelled() => {}
            }
        }
        if let Err(error) = usage::store(&self.parts).await {
            tracing::error!("what was used last could not be stored: {error}");
        }
        self.parts.journal.flush();
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

    /// Reads the card of a Space as a build would.
    ///
    /// # Errors
    /// Whatever a build would say of it.
    pub fn check_card(&self, readme: &str) -> Result<Card, CardError> {
        self.parts.builder.check_card(readme)
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
            "this server has no hardware `{name}`; choose one of {}",
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
        let entry = self.routes.put(space.id, space.subdomain.clone(), settings);
        let account = self.account(space);
        account.count(&entry.traffic);
        usage::bar(self, &account);
        entry
    }

    /// The Space's page in the ledger.
    fn account(&self, space: &Space) -> Arc<WorkloadAccount> {
        let limits = self.limits_of(space);
        let account = self.ledger.workload(space.id, space.owner, limits);
        account.set_name(&space.name);
        account
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
        let sdk = space.sdk.as_deref().and_then(Sdk::from_word);
        let container = sdk.is_some_and(Sdk::is_container);
        asked.or_else(|| {
            self.hardware(if container {
                &self.settings.container_hardware
            } else {
                &self.settings.wasi_hardware
            })
        })
    }

    /// The limits of a Space; those of what takes no compute are never reached.
    fn limits_of(&self, space: &Space) -> Limits {
        let unlimited = Limits {
            cpu_millis: 0,
            memory_bytes: u64::from(u32::MAX),
        };
        self.hardware_of(space)
            .map_or(unlimited, |hardware| hardware.limits)
    }

    /// The SDK that the card of a revision asks for, if it can be read.
    async fn sdk_at(&self, space: SpaceId, revision: &Revision) -> Option<Sdk> {
        let revision = revision.clone();
        let read = move |repo: &crate::repo::Repo| {
            let readme = match repo.read(&revision, "README.md", README_BYTES) {
                Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(RepoError::EntryNotFound(_)) => None,
                Err(error) => return Err(error),
            };
            let told = Card::of_files(readme.as_deref(), None, |path| {
                repo.file(&revision, path).is_ok()
            });
            Ok(match told {
                Some((card, _)) => Some(card.sdk),
                None => readme.and_then(|text| Card::parse(&text).ok().map(|card| card.sdk)),
            })
        };
        self.repos.read(space, read).await.ok()?
    }
}
