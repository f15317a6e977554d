//! Builds container images: commands in containers of our own, and the Docker API's classic builder for the rest.
//!
//! ```text
//!  Dockerfile ── dockerfile/: read into instructions, what is not allowed refused ──────────┐
//!  or runtimes/SDK/Dockerfile + lists of packages (recipe.rs) ──────────────────────────────┤
//!  base.rs: each image found, fetched, and allowed to this author ──────────────────────────┤
//!                                in parts: commands, and pieces written anew (piece.rs)    ▼
//!  the revision's files ── context.rs: a tar stream, .dockerignore honoured ─────────► POST /build ──► image, checked
//!                              run_step.rs: a container for each command, its layer ───┤ │
//!            path_check.rs: what the engine opens of an image, before each part ──────┤ │
//!                                                   watch.rs: what is written, the disk ──┘ │
//!                                              log, line by line (follow.rs, progress.rs) ◄┘
//! ```
//!
//! Every build has a network of its own, so that its containers are known by it. Dropping a build closes its connection,
//! and the engine ends what it was doing.

mod base;
mod build_input;
mod constraints;
mod container;
mod context;
mod context_filter;
mod dockerfile;
mod failure;
mod follow;
mod ignore;
mod image_cache;
mod layer;
mod mounts;
mod network;
mod path_check;
mod patterns;
mod preinstalled;
mod progress;
mod recipe;
mod record;
mod reference;
mod run_build;
mod run_step;
mod sweep;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ImageInspect;

use super::holds::Hold;
use super::{BuildPlan, BuildRequest, Inner, disk_error};
use crate::docker::{Engine, Networks, Reach, free};
use crate::domain::{ArtifactKind, BuildError, bytes_text};
use crate::journal::Log;
use crate::ledger::Lane;
use base::Finder;
pub(super) use base::PublicImages;
use build_input::Order;
use failure::{engine_error, internal};
use image_cache::made_image;
pub(super) use path_check::SoundImages;
use preinstalled::Asking;
pub(super) use preinstalled::Failures;
use record::{Record, Recorder};
use run_build::Making;
use watch::{Watch, too_large};

/// What one build of an image may take, and what may come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLimits {
    /// Memory of each of its containers, in bytes; no swap.
    pub memory_bytes: u64,
    /// CPU in thousandths of a core.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Wall-clock time, fetching of base images included.
    pub wall: Duration,
    /// Bytes of the image, its base image included.
    pub image_bytes: u64,
    /// Bytes it may print.
    pub output_bytes: u64,
    /// Bytes that stay free on the engine's disk.
    pub free_bytes: u64,
    /// Where connections of its containers lead.
    pub reach: Reach,
    /// Whether nothing is built where containers cannot be kept off the host.
    pub isolation_required: bool,
}

/// What Spaces of an SDK are built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Its name, with `{python_version}` for the card's.
    pub name: String,
    /// Whether what apps of the SDK expect is installed on it first.
    pub preinstall: bool,
}

/// What is needed to build images.
#[derive(Debug)]
pub struct ImageConfig {
    /// The engine.
    pub engine: Engine,
    /// The networks of builds.
    pub networks: Networks,
    /// The limits of each build.
    pub limits: ImageLimits,
    /// The base image of each SDK that has one, by its word.
    pub base_images: BTreeMap<String, BaseImage>,
    /// Patterns of the names of images that authors may build on although no registry gives them to everybody; `*`
    /// stands for anything.
    pub listed: Vec<String>,
}

// === impl Inner ===

impl Inner {
    pub(super) async fn image(
        self: &Arc<Self>,
        request: &BuildRequest,
        hold: &Hold,
        plan: &BuildPlan,
    ) -> Result<ArtifactKind, BuildError> {
        let (images, log) = (&self.config.images, &request.log);
        let limits = &images.limits;
        let docker = images
            .engine
            .connect_to_make()
            .await
            .map_err(engine_error)?;
        let order = self.order(
            request.space,
            &request.revision,
            request.before.variables.clone(),
            plan,
        );
        let order = order.await?;
        for artifact in &request.before.artifacts {
            if let ArtifactKind::Image { id, .. } = &artifact.kind {
                hold.add(id);
            }
        }
        if request.cached
            && let Some(image) =
                made_image(&docker, &request.before.artifacts, &order.made_of).await
        {
            log.line("An earlier build made an image from the same files; it is reused.");
            return self.use_again(image, request, plan);
        }
        self.say_limits(log);
        let _permit = self
            .turn(request, Lane::Images, limits.memory_bytes)
            .await?;
        let building = self.image_in_time(&docker, request, hold, plan, order);
        let built = tokio::time::timeout(limits.wall, building).await;
        built.unwrap_or_else(|_| {
            Err(BuildError::author(format!(
                "The build was stopped because it took more than {} s, the limit on this server.",
                limits.wall.as_secs()
            )))
        })
    }

    async fn image_in_time(
        self: &Arc<Self>,
        docker: &Docker,
        request: &BuildRequest,
        hold: &Hold,
        plan: &BuildPlan,
        order: Order,
    ) -> Result<ArtifactKind, BuildError> {
        let (images, log) = (&self.config.images, &request.log);
        let limits = &images.limits;
        let finder = Finder {
            docker,
            limits,
            listed: &images.listed,
            public: &self.public_images,
            log,
        };
        let mut found = Vec::new();
        for wanted in &order.images {
            found.push(finder.find(wanted).await?);
        }
        let cache = self.config.seal.mark(&format!("cache {}", request.owner));
        // Which server's a layer is, its sweep reads from this.
        let cache = format!("{}:{cache}", images.engine.data());
        let recorder = Recorder::new(&self.images(), request.build, request.space);
        let recorder = recorder.map_err(disk_error)?;
        let folder = self.images();
        let ran = tokio::task::spawn_blocking(move || Record::ran(&folder));
        let ran = ran.await.unwrap_or_default();
        let network = self.network(request).await?;
        let root = self.engine_folder(docker).await?;
        let base = images.base_images.get(plan.card.sdk.as_str());
        if base.is_some_and(|base| base.preinstall)
            && let [only] = found.as_mut_slice()
        {
            let asking = Asking {
                docker,
                request,
                hold,
                network: &network.name,
                root: root.clone(),
            };
            *only = self
                .preinstalled(&asking, plan.card.sdk, only.clone())
                .await?;
        }
        let id = {
            let watch = Watch {
                docker,
                network: &network.name,
                limits,
                turns: Some(&request.turns),
                steps: recorder.steps(),
                bases: found.iter().map(|image| image.id.clone()).collect(),
                root: root.clone(),
            };
            let making = Making {
                inner: self,
                docker,
                request,
                hold,
                order: &order,
                network: &network.name,
                root: root.as_deref(),
                printed: AtomicU64::new(0),
                cached: request.cached,
                reserved: Arc::default(),
                ran,
                name: None,
            };
            let building = making.run(&found, &cache, recorder);
            tokio::select! {
                biased;
                beyond = watch.run() => Err(beyond),
                built = building => built,
            }?
        };
        drop(network);
        let image = docker
            .inspect_image(&id)
            .await
            .map_err(|error| internal(&error))?;
        let port = plan.card.port;
        check(&image, port, limits, log)?;
        let id = image.id.unwrap_or(id);
        Ok(ArtifactKind::Image { id, port })
    }

    fn say_limits(&self, log: &Log) {
        let limits = &self.config.images.limits;
        log.line(&format!(
            "Limits of this build: {} of memory, {} CPU, {} processes, {} s, an image of {}; network access: {}.",
            bytes_text(limits.memory_bytes),
            f64::from(limits.cpu_millis) / 1000.0,
            limits.pids,
            limits.wall.as_secs(),
            bytes_text(limits.image_bytes),
            match limits.reach {
                Reach::Nothing => "none",
                Reach::Internet => "the internet",
                Reach::Private => "the internet and private networks",
            }
        ));
    }

    /// Where the engine keeps its images, if that is on this machine. Builds nothing where the disk is full.
    async fn engine_folder(&self, docker: &Docker) -> Result<Option<PathBuf>, BuildError> {
        let info = docker.info().await.map_err(|error| internal(&error))?;
        let root = info.docker_root_dir.map(PathBuf::from);
        let free = root.as_deref().and_then(free);
        let least = self.config.images.limits.free_bytes;
        if free.is_some_and(|free| free < least) {
            tracing::warn!(
                "the disk of the container engine has less than {} free",
                bytes_text(least)
            );
            return Err(BuildError::server(format!(
                "the disk of this server's container engine has less than {} free, which is reserved",
                bytes_text(least)
            )));
        }
        Ok(root.filter(|_| free.is_some()))
    }
}

/// Whether the image can be run, and what its author should know.
fn check(
    image: &ImageInspect,
    port: u16,
    limits: &ImageLimits,
    log: &Log,
) -> Result<(), BuildError> {
    if u64::try_from(image.size.unwrap_or(0)).unwrap_or(0) > limits.image_bytes {
        return Err(too_large(limits.image_bytes));
    }
    if image.os.as_deref().is_some_and(|os| os != "linux") {
        return Err(BuildError::author("The image is not a Linux image."));
    }
    let config = image.config.clone().unwrap_or_default();
    let says_nothing = |words: &Option<Vec<String>>| words.as_ref().is_none_or(Vec::is_empty);
    if says_nothing(&config.cmd) && says_nothing(&config.entrypoint) {
        return Err(BuildError::author(
            "The image has no command to run: end the Dockerfile with a `CMD`.",
        ));
    }
    let exposed = config.exposed_ports.unwrap_or_default();
    let internal = |exposed: &String| exposed.split('/').next() == Some(port.to_string().as_str());
    if !exposed.is_empty() && !exposed.iter().any(internal) {
        log.line(&format!(
            "Note: the image exposes {}, but visitors are sent to port {port}; set `app_port` in README.md to change \
             that.",
            exposed.join(", ")
        ));
    }
    Ok(())
}
