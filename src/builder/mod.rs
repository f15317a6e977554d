//! Makes artifacts: from a revision to something that can be started.
//!
//! ```text
//!  README.md ──plan──► BuildPlan ──┬─ sdk: static ─► checkout ──────────────────────────► sites/<tree id>/
//!  (pure; the author's line)       ├─ sdk: wasi ───► worker process compiles ─► seal ───► components/<digest>.cwasm
//!                                  └─ containers ──► the engine builds, within limits ──► an image of the engine's
//! ```
//!
//! Artifacts are named by what they are made of, made in a folder of their own under `scratch/`, and moved into place
//! last: what is in place is whole. Killed anywhere, a build leaves only scratch, which the next start clears.

mod component;
mod config;
mod guest;
mod holds;
mod image;
mod plan;
mod process;
mod request;
mod site;
mod size;
mod sweep;
pub mod worker;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::domain::{
    Artifact, BuildError, BuildId, Card, CardError, Fault, Revision, Sdk, SpaceId, bytes_text,
};
use crate::ledger::{BuildPermit, Lane, Refused, Tier};
use crate::repo::{RepoError, Repos};
use holds::Holds;
use plan::check_card;
use size::Layer;

pub use config::{BuilderConfig, CompileLimits};
pub use holds::Hold;
pub use image::{BaseImage, ImageConfig, ImageLimits};
pub use plan::{BuildPlan, ContainerOffer, Offer, plan};
pub use request::{Before, BuildRequest, Built};
pub use sweep::{InUse, Sweep};

/// Makes artifacts. Cheap to clone; all clones are the same builder.
#[derive(Clone)]
pub struct Builder {
    inner: Arc<Inner>,
}

struct Inner {
    config: BuilderConfig,
    repos: Repos,
    /// Held while an artifact is put in place, said to be of use still, or removed.
    places: Mutex<()>,
    /// Attempts to build images that the engine may be working on.
    underway: Mutex<HashSet<BuildId>>,
    /// What authors may build on without anybody having listed it.
    public_images: image::PublicImages,
    sound_images: image::SoundImages,
    preinstall_failures: image::Failures,
    /// What images by id, or steps of builds, are made of, as far as anybody asked.
    layers: Mutex<HashMap<String, Arc<[Layer]>>>,
    /// What builds have and nobody has recorded yet.
    holds: Arc<Holds>,
    /// Held by a sweep.
    sweeping: Arc<tokio::sync::Mutex<()>>,
}

// === impl Builder ===

impl Builder {
    /// Makes the folders of artifacts where they are missing, and removes what builds of an earlier process left half
    /// done: one process may have them open. Blocks.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn new(config: BuilderConfig, repos: Repos) -> io::Result<Self> {
        let inner = Inner {
            places: Mutex::default(),
            underway: Mutex::default(),
            public_images: image::PublicImages::default(),
            sound_images: image::SoundImages::default(),
            preinstall_failures: image::Failures::default(),
            layers: Mutex::default(),
            holds: Arc::default(),
            sweeping: Arc::default(),
            config,
            repos,
        };
        match fs::remove_dir_all(inner.scratch()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in [
            inner.scratch(),
            inner.components(),
            inner.sites(),
            inner.images(),
        ] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let inner = Arc::new(inner);
        Ok(Self { inner })
    }

    /// The file of a component's native code, to be opened with [`open_sealed`](crate::wasm_engine::seal::open_sealed).
    pub fn component_path(artifacts: &Path, digest: &str) -> PathBuf {
        artifacts.join("components").join(format!("{digest}.cwasm"))
    }

    /// The folder of a site's files.
    pub fn site_path(artifacts: &Path, digest: &str) -> PathBuf {
        artifacts.join("sites").join(digest)
    }

    /// Reads a card as a build would.
    ///
    /// # Errors
    /// Whatever a build would say of it.
    pub fn check_card(&self, readme: &str) -> Result<Card, CardError> {
        check_card(readme, &self.inner.config.offer())
    }

    /// Builds a revision. The card is read at once; for what takes longer it waits for its turn. Dropping the future, or
    /// cancelling, stops it and kills the compiler.
    ///
    /// # Errors
    /// Says whose move it is. Everything the author should know is also in the log.
    pub async fn build(
        &self,
        request: BuildRequest,
        cancel: CancellationToken,
    ) -> Result<Built, BuildError> {
        let log = request.log.clone();
        let began = Instant::now();
        let hold = self.inner.holds.hold();
        hold.add(&request.build.to_string());
        let built = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(BuildError::server("the build was stopped")),
            built = self.inner.build(request, &hold) => built,
        };
        match &built {
            Ok(_) => log.line(&format!("Built in {:.1} s.", began.elapsed().as_secs_f64())),
            Err(error) => error
                .message
                .lines()
                .for_each(|line| log.line(&format!("Error: {line}"))),
        }
        built.map(|artifact| Built { artifact, hold })
    }

    /// Whether a build of that revision would find made already what it is to make, and so take a moment only.
    ///
    /// # Errors
    /// What such a build would say of the card, or of the app's file.
    pub async fn is_made(
        &self,
        space: SpaceId,
        revision: &Revision,
        before: Before,
    ) -> Result<bool, BuildError> {
        let inner = &self.inner;
        let plan = inner.plan(space, revision, before.sdk).await?;
        let (artifacts, app_file) = (&inner.config.artifacts, &plan.card.app_file);
        match plan.card.sdk {
            Sdk::Static => {
                let digest = inner.tree_id(space, revision).await?;
                Ok(Self::site_path(artifacts, &digest).is_dir())
            }
            Sdk::Wasi => {
                let source = inner.source(space, revision, app_file).await??;
                Ok(Self::component_path(artifacts, &source.digest).is_file())
            }
            Sdk::Gradio | Sdk::Streamlit | Sdk::Docker => {
                inner.has_image(space, revision, before, &plan).await
            }
        }
    }
}

// === impl Inner ===

impl Inner {
    async fn build(
        self: &Arc<Self>,
        request: BuildRequest,
        hold: &Hold,
    ) -> Result<Artifact, BuildError> {
        let BuildRequest {
            name,
            revision,
            log,
            ..
        } = &request;
        log.line(&format!("Building {name} at {revision}."));
        let plan = self
            .plan(request.space, revision, request.before.sdk)
            .await?;
        log.line(&format!(
            "sdk: {}, app_file: {}",
            plan.card.sdk.as_str(),
            plan.card.app_file
        ));
        plan.notes
            .iter()
            .for_each(|note| log.line(&format!("Note: {note}")));
        let kind = match plan.card.sdk {
            Sdk::Static => self.site(&request, hold, &plan.card.app_file).await,
            Sdk::Wasi => self.component(&request, hold, &plan.card.app_file).await,
            Sdk::Gradio | Sdk::Streamlit | Sdk::Docker => self.image(&request, hold, &plan).await,
        }?;
        Ok(Artifact {
            kind,
            settings: plan.settings(),
        })
    }

    async fn plan(
        &self,
        space: SpaceId,
        revision: &Revision,
        known: Option<Sdk>,
    ) -> Result<BuildPlan, BuildError> {
        let revision = revision.clone();
        let offer = self.config.offer();
        let planned = self.repos.read(space, move |repo| {
            let readme = match repo.read(&revision, "README.md", MAX_README) {
                Ok(bytes) => Some(bytes),
                Err(RepoError::EntryNotFound(_)) => None,
                Err(RepoError::TooLarge(text)) => return Ok(Err(card_error(text))),
                Err(error) => return Err(error),
            };
            let readme = match readme.map(String::from_utf8).transpose() {
                Ok(readme) => readme,
                Err(_) => {
                    return Ok(Err(card_error(
                        "README.md: the file is not valid UTF-8".into(),
                    )));
                }
            };
            let failure = RefCell::new(None);
            let planned = plan(readme.as_deref(), known, &offer, |path| {
                match repo.file(&revision, path) {
                    Ok(_) => true,
                    Err(RepoError::EntryNotFound(_)) => false,
                    Err(error) => {
                        failure.replace(Some(error));
                        false
                    }
                }
            });
            match failure.into_inner() {
                Some(error) => Err(error),
                None => Ok(planned),
            }
        });
        planned.await.map_err(repo_error)?
    }

    async fn tree_id(&self, space: SpaceId, revision: &Revision) -> Result<String, BuildError> {
        let revision = revision.clone();
        let read = self.repos.read(space, move |repo| repo.tree_id(&revision));
        read.await.map_err(repo_error)
    }

    /// The right to build, in its turn.
    async fn turn(
        &self,
        request: &BuildRequest,
        lane: Lane,
        memory: u64,
    ) -> Result<BuildPermit, BuildError> {
        let permit = request.turns.take(lane, memory).await;
        permit.map_err(|refused: Refused| {
            BuildError::server(format!(
                "the build needs {} of memory, and {} has {} in total",
                bytes_text(refused.wanted),
                match refused.tier {
                    Tier::Owner => "its owner",
                    Tier::Space | Tier::Host => "this server",
                },
                bytes_text(refused.limit)
            ))
        })
    }

    fn scratch(&self) -> PathBuf {
        self.config.artifacts.join("scratch")
    }

    fn components(&self) -> PathBuf {
        self.config.artifacts.join("components")
    }

    fn sites(&self) -> PathBuf {
        self.config.artifacts.join("sites")
    }

    /// Records of what builds of images left on the engine.
    fn images(&self) -> PathBuf {
        self.config.artifacts.join("images")
    }

    fn underway(&self) -> MutexGuard<'_, HashSet<BuildId>> {
        self.underway.lock()
    }

    /// A new folder for one build; its drop removes it.
    fn scratch_folder(&self) -> io::Result<TempDir> {
        TempDir::new_in(self.scratch())
    }

    fn places(&self) -> MutexGuard<'_, ()> {
        self.places.lock()
    }
}

/// A card is read whole; the largest that is read at all, in bytes.
const MAX_README: u64 = 1 << 20;

fn card_error(message: String) -> BuildError {
    BuildError {
        fault: Fault::Card,
        message,
    }
}

/// What the repository refuses is in the author's files; all else is ours.
fn repo_error(error: RepoError) -> BuildError {
    match error {
        RepoError::Refused(text) | RepoError::TooLarge(text) => BuildError::author(text),
        RepoError::EntryNotFound(_) => BuildError::author(error.to_string()),
        RepoError::OverQuota(refused) => BuildError::author(format!(
            "there is no disk space for the result of the build: {}",
            refused.explain()
        )),
        error => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "A build could not read its repository."
            );
            BuildError::server(error.to_string())
        }
    }
}

fn disk_error(error: io::Error) -> BuildError {
    tracing::error!(%error, "A build could not write its artifact.");
    BuildError::server(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the server's disk is full".into()
        }
        _ => format!("the artifact could not be written: {error}"),
    })
}
