//! Builds container images: the Docker API's classic builder, between limits it has no words for.
//!
//! ```text
//!  Dockerfile ── dockerfile/: read into instructions, what is not allowed refused ──────────┐
//!  or runtimes/SDK/Dockerfile + lists of packages (recipe.rs) ──────────────────────────────┤
//!  base.rs: each image found, fetched, and allowed to this author ──────────────────────────┤
//!                                                            written anew, images by id     ▼
//!  the revision's files ── context.rs: a tar stream, .dockerignore honoured ─────────► POST /build ──► image, checked
//!                                                        watch.rs: pids, size, disk ──────┘ │
//!                                              log, line by line (follow.rs, progress.rs) ◄─┘
//! ```
//!
//! Every build has a network of its own, so that its containers are known by it. Dropping a build closes its connection,
//! and the engine ends what it was doing.

mod base;
mod context;
mod dockerfile;
mod failure;
mod follow;
mod ignore;
mod made;
mod network;
mod order;
mod progress;
mod recipe;
mod record;
mod reference;
mod sweep;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ImageInspect;
use bollard::query_parameters::BuildImageOptions;
use tokio::sync::Notify;

use super::holds::Hold;
use super::{BuildPlan, BuildRequest, Inner, disk_error, repo_error};
use crate::docker::{
    BUILD, DATA, Engine, MADE_OF, Networks, REVISION, Reach, SPACE, SPACE_ID, free,
};
use crate::domain::{ArtifactKind, BuildError, bytes_text};
use crate::journal::Log;
use crate::ledger::Lane;
use crate::repo::RepoError;
use base::Finder;
pub(super) use base::PublicImages;
use failure::{Failed, build_error, engine_error, ours};
use made::made_image;
use order::Order;
use progress::Progress;
use record::Recorder;
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
    pub base_images: BTreeMap<String, String>,
    /// Patterns of the names of images that authors may build on although no registry gives them to everybody; `*`
    /// stands for anything.
    pub listed: Vec<String>,
}

/// A Dockerfile as the engine gets it.
struct Prepared {
    text: String,
    /// Whether layers of earlier builds will do.
    cached: bool,
    /// Notes what it leaves.
    recorder: Recorder,
}

/// What an engine is asked within: a build gets its answer when its context was read.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The time a share of the CPU is counted over, in microseconds.
const CPU_PERIOD: i32 = 100_000;
/// Weight of a build against what runs, which has 1024.
const CPU_SHARES: i32 = 512;

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
            log.line("An earlier build made an image of the same files; it is used again.");
            return self.use_again(image, request, plan);
        }
        self.say_limits(log);
        let _permit = self
            .turn(request, Lane::Images, limits.memory_bytes)
            .await?;
        let building = self.image_in_time(&docker, request, plan, order);
        let built = tokio::time::timeout(limits.wall, building).await;
        built.unwrap_or_else(|_| {
            Err(BuildError::author(format!(
                "The build took more than {} s, the most a build may take on this server, and was stopped.",
                limits.wall.as_secs()
            )))
        })
    }

    async fn image_in_time(
        self: &Arc<Self>,
        docker: &Docker,
        request: &BuildRequest,
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
        let text = order.dockerfile.written(&found, &cache);
        let text = text.map_err(|problem| problem.in_file(&order.file))?;
        let prepared = Prepared {
            text,
            cached: request.cached && !found.iter().any(|image| image.has_triggers),
            recorder: Recorder::new(&self.images(), request.build, request.space)
                .map_err(disk_error)?,
        };
        let network = self.network(request).await?;
        let root = self.engine_folder(docker).await?;
        let id = {
            let look = Notify::new();
            let watch = Watch {
                docker,
                network: &network.name,
                limits,
                turns: &request.turns,
                steps: prepared.recorder.steps(),
                bases: found.iter().map(|image| image.id.clone()).collect(),
                root,
                look: &look,
            };
            let building = self.build_image(docker, request, order, prepared, &network.name, &look);
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
            .map_err(|error| ours(&error))?;
        let port = plan.card.port;
        check(&image, port, limits, log)?;
        let id = image.id.unwrap_or(id);
        Ok(ArtifactKind::Image { id, port })
    }

    fn say_limits(&self, log: &Log) {
        let limits = &self.config.images.limits;
        log.line(&format!(
            "Limits of this build: {} of memory, {} CPU, {} processes, {} s, {} of image; the network reaches {}.",
            bytes_text(limits.memory_bytes),
            f64::from(limits.cpu_millis) / 1000.0,
            limits.pids,
            limits.wall.as_secs(),
            bytes_text(limits.image_bytes),
            match limits.reach {
                Reach::Nothing => "nothing",
                Reach::Internet => "the internet",
                Reach::Private => "the internet and private networks",
            }
        ));
    }

    /// Where the engine keeps its images, if that is on this machine. Builds nothing where the disk is full.
    async fn engine_folder(&self, docker: &Docker) -> Result<Option<PathBuf>, BuildError> {
        let info = docker.info().await.map_err(|error| ours(&error))?;
        let root = info.docker_root_dir.map(PathBuf::from);
        let free = root.as_deref().and_then(free);
        let least = self.config.images.limits.free_bytes;
        if free.is_some_and(|free| free < least) {
            tracing::warn!(
                "the disk of the container engine has less than {} left",
                bytes_text(least)
            );
            return Err(BuildError::server(format!(
                "the disk of this server's container engine has less than {} left, which builds do not use",
                bytes_text(least)
            )));
        }
        Ok(root.filter(|_| free.is_some()))
    }

    async fn build_image(
        &self,
        docker: &Docker,
        request: &BuildRequest,
        order: Order,
        prepared: Prepared,
        network: &str,
        look: &Notify,
    ) -> Result<String, BuildError> {
        let ImageConfig { limits, engine, .. } = &self.config.images;
        let Order {
            context,
            dockerfile,
            file,
            theirs,
            args,
            made_of,
            ..
        } = order;
        // The client's numbers end at two gigabytes; the watch sets what was meant.
        let memory = i32::try_from(limits.memory_bytes).unwrap_or(i32::MAX);
        let quota = i64::from(limits.cpu_millis) * i64::from(CPU_PERIOD) / 1000;
        let labels = [
            (DATA, engine.data().to_owned()),
            (SPACE, request.name.to_string()),
            (SPACE_ID, request.space.to_string()),
            (REVISION, request.revision.to_string()),
            (BUILD, request.build.to_string()),
            (MADE_OF, made_of),
        ];
        let options = BuildImageOptions {
            dockerfile: context::DOCKERFILE.to_owned(),
            // A name keeps it from being tidied away as nobody's.
            t: Some(sweep::tag(engine.data(), request.build)),
            nocache: !prepared.cached,
            rm: true,
            forcerm: true,
            memory: Some(memory),
            memswap: Some(memory),
            cpushares: Some(CPU_SHARES),
            cpuperiod: Some(CPU_PERIOD),
            cpuquota: Some(i32::try_from(quota).unwrap_or(i32::MAX)),
            buildargs: Some(args.into_iter().collect::<HashMap<_, _>>()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
            networkmode: Some(network.to_owned()),
            ..BuildImageOptions::default()
        };
        let turns = request.turns.clone();
        let (tar, reading) = context.send(
            prepared.text,
            &self.repos,
            request.space,
            request.revision.clone(),
            move |amount| turns.reserve_disk(amount),
        );
        let docker = docker.clone().with_timeout(PATIENCE);
        let steps = docker.build_image(options, None, Some(bollard::body_try_stream(tar)));
        let mut recorder = prepared.recorder;
        let mut progress = Progress::new(&file, dockerfile.steps());
        let log = &request.log;
        let built = follow::follow(steps, log, limits, look, &mut recorder, &mut progress).await;
        match built {
            Ok(id) => {
                let id = id?;
                recorder.image(&id);
                Ok(id)
            }
            Err(error) => match reading.await {
                // What went wrong first is what is said; the engine only saw half an archive.
                Ok(Err(cause)) if !is_closed(&cause) => Err(repo_error(cause)),
                _ => Err(build_error(
                    &error,
                    &Failed {
                        file: &file,
                        theirs,
                        progress: &progress,
                        memory: &bytes_text(limits.memory_bytes),
                    },
                )),
            },
        }
    }
}

/// The engine hung up.
fn is_closed(error: &RepoError) -> bool {
    matches!(error, RepoError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
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
        return Err(BuildError::author("The image is not for Linux."));
    }
    let config = image.config.clone().unwrap_or_default();
    let says_nothing = |words: &Option<Vec<String>>| words.as_ref().is_none_or(Vec::is_empty);
    if says_nothing(&config.cmd) && says_nothing(&config.entrypoint) {
        return Err(BuildError::author(
            "The image does not say what to run: end the Dockerfile with a `CMD`.",
        ));
    }
    let exposed = config.exposed_ports.unwrap_or_default();
    let ours = |exposed: &String| exposed.split('/').next() == Some(port.to_string().as_str());
    if !exposed.is_empty() && !exposed.iter().any(ours) {
        log.line(&format!(
            "Note: the image exposes {}, but visitors are sent to port {port}; `app_port` in README.md says which.",
            exposed.join(", ")
        ));
    }
    Ok(())
}
