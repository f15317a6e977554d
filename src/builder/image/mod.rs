//! Builds container images: the Docker API's classic builder, between limits it has no words for.
//!
//! ```text
//!  Dockerfile ── read: base images, ADD, what needs BuildKit ─► base.rs fetches and checks ─┐
//!  or runtimes/SDK/Dockerfile + lists of packages (recipe.rs) ──────────────────────────────┤
//!                                                                                           ▼
//!  the revision's files ── context.rs: a tar stream, .dockerignore honoured ─────────► POST /build ──► image, checked
//!                                                        watch.rs: pids, size, disk ──────┘ │
//!                                                        log, line by line  ◄───────────────┘
//! ```
//!
//! Every build has a network of its own, so that its containers are known by it. Dropping a build closes its connection,
//! and the engine ends what it was doing.

mod base;
mod context;
mod dockerfile;
mod failure;
mod ignore;
mod recipe;
mod record;
mod sweep;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::{BuildInfo, ImageInspect};
use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt;
use tokio::sync::Notify;

use super::{BuildPlan, BuildRequest, Inner, disk_error, repo_error, size_text};
use crate::docker::{BUILD, DATA, Engine, Networks, REVISION, Reach, SPACE, SPACE_ID};
use crate::domain::{ArtifactKind, BuildError, BuildId, Sdk};
use crate::journal::Log;
use crate::ledger::MemoryHold;
use crate::repo::{CheckoutLimits, RepoError};
use context::Context;
use dockerfile::Needs;
use failure::{build_error, engine_error, ours};
use ignore::Ignore;
use recipe::Recipe;
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
}

/// A build as the engine is asked for it.
struct Order {
    context: Context,
    /// Path of the Dockerfile in the context.
    dockerfile: String,
    args: Vec<(String, String)>,
    /// Each with whether the author chose it.
    base_images: Vec<(String, bool)>,
}

/// What an engine is asked within: a build gets its answer when its context was read.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a build waits for memory before it is tried again later.
const FOR_MEMORY: Duration = Duration::from_secs(60);
/// A Dockerfile is read whole; the largest, in bytes.
const MAX_DOCKERFILE: u64 = 1 << 20;
/// The time a share of the CPU is counted over, in microseconds.
const CPU_PERIOD: i32 = 100_000;
/// Weight of a build against what runs, which has 1024.
const CPU_SHARES: i32 = 512;

// === impl Inner ===

impl Inner {
    pub(super) async fn image(
        self: &Arc<Self>,
        request: &BuildRequest,
        plan: &BuildPlan,
    ) -> Result<ArtifactKind, BuildError> {
        let limits = &self.config.images.limits;
        let built = tokio::time::timeout(limits.wall, self.image_in_time(request, plan)).await;
        built.unwrap_or_else(|_| {
            Err(BuildError::author(format!(
                "The build took more than {} s, the most a build may take on this server, and was stopped.",
                limits.wall.as_secs()
            )))
        })
    }

    async fn image_in_time(
        self: &Arc<Self>,
        request: &BuildRequest,
        plan: &BuildPlan,
    ) -> Result<ArtifactKind, BuildError> {
        let (images, log) = (&self.config.images, &request.log);
        let limits = &images.limits;
        let docker = images.engine.connect().await.map_err(engine_error)?;
        let order = match plan.card.sdk {
            Sdk::Docker => self.order(request, &plan.card.app_file).await?,
            _ => self.recipe_order(request, plan).await?,
        };
        self.say_limits(log);
        let _memory = self.memory(request).await?;
        for (name, theirs) in &order.base_images {
            base::ensure(&docker, name, *theirs, limits.image_bytes, log).await?;
        }
        let network = self.network(request).await?;
        let root = self.engine_folder(&docker).await?;
        let id = {
            let look = Notify::new();
            let watch = Watch {
                docker: &docker,
                network: &network.name,
                limits,
                root,
                look: &look,
            };
            let building = self.build_image(&docker, request, order, &network.name, &look);
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

    /// A Dockerfile of the author's.
    async fn order(
        self: &Arc<Self>,
        request: &BuildRequest,
        path: &str,
    ) -> Result<Order, BuildError> {
        let (revision, file, variables) = (
            request.revision.clone(),
            path.to_owned(),
            request.variables.clone(),
        );
        let limits = self.context_limits();
        let read = self.repos.read(request.space, move |repo| {
            let text = repo.read(&revision, &file, MAX_DOCKERFILE)?;
            let Ok(text) = String::from_utf8(text) else {
                let message = format!("{file}: the file is not text in UTF-8");
                return Ok(Err(BuildError::author(message)));
            };
            let about = |problem: dockerfile::Problem| {
                BuildError::author(format!("{file}:{}: {}", problem.line, problem.message))
            };
            let needs = match dockerfile::read(&text, &variables) {
                Ok(needs) => needs,
                Err(problem) => return Ok(Err(about(problem))),
            };
            if let Some(problem) = packed(repo, &revision, &needs)? {
                return Ok(Err(about(problem)));
            }
            let ignored = match repo.read(&revision, ".dockerignore", MAX_DOCKERFILE) {
                Ok(text) => String::from_utf8_lossy(&text).into_owned(),
                Err(RepoError::EntryNotFound(_)) => String::new(),
                Err(error) => return Err(error),
            };
            let declared = |(name, _): &(String, String)| needs.arguments.contains(name);
            Ok(Ok(Order {
                context: Context {
                    folder: "",
                    beside: Vec::new(),
                    ignore: Ignore::parse(&ignored),
                    // As Docker's own command does: the engine reads both.
                    keep: vec![file.clone(), ".dockerignore".to_owned()],
                    limits,
                },
                dockerfile: file,
                args: variables.into_iter().filter(declared).collect(),
                base_images: needs
                    .images
                    .iter()
                    .map(|image| (image.name.clone(), true))
                    .collect(),
            }))
        });
        read.await.map_err(repo_error)?
    }

    /// The Dockerfile of an SDK.
    async fn recipe_order(
        self: &Arc<Self>,
        request: &BuildRequest,
        plan: &BuildPlan,
    ) -> Result<Order, BuildError> {
        let sdk = plan.card.sdk.as_str();
        let Some(base_image) = self.config.images.base_images.get(sdk).cloned() else {
            return Err(BuildError::server(format!(
                "the configuration names no base image for `{sdk}`"
            )));
        };
        let theirs = base_image.contains("{python_version}") && plan.card.python_version.is_some();
        let (revision, card) = (request.revision.clone(), plan.card.clone());
        let read = self.repos.read(request.space, move |repo| {
            recipe::recipe(repo, &revision, &card, &base_image)
        });
        let Recipe {
            dockerfile,
            args,
            setup,
            base_image,
        } = read.await.map_err(repo_error)??;
        let mut beside = vec![("Dockerfile".to_owned(), dockerfile)];
        beside.extend(setup);
        Ok(Order {
            context: Context {
                folder: "app/",
                beside,
                ignore: Ignore::default(),
                keep: Vec::new(),
                limits: self.context_limits(),
            },
            dockerfile: "Dockerfile".to_owned(),
            args,
            base_images: vec![(base_image, theirs)],
        })
    }

    fn context_limits(&self) -> CheckoutLimits {
        CheckoutLimits {
            bytes: self.config.images.limits.image_bytes,
            ..self.config.site
        }
    }

    fn say_limits(&self, log: &Log) {
        let limits = &self.config.images.limits;
        log.line(&format!(
            "Limits of this build: {} of memory, {} CPU, {} processes, {} s, {} of image; the network reaches {}.",
            size_text(limits.memory_bytes),
            f64::from(limits.cpu_millis) / 1000.0,
            limits.pids,
            limits.wall.as_secs(),
            size_text(limits.image_bytes),
            match limits.reach {
                Reach::Nothing => "nothing",
                Reach::Internet => "the internet",
                Reach::Private => "the internet and private networks",
            }
        ));
    }

    /// Holds the memory of a build, in every tier above the Space.
    async fn memory(&self, request: &BuildRequest) -> Result<MemoryHold, BuildError> {
        let bytes = self.config.images.limits.memory_bytes;
        let mut hold = request.memory.hold();
        let began = Instant::now();
        while let Err(refused) = hold.grow(bytes) {
            if began.elapsed() > FOR_MEMORY || bytes > refused.limit {
                return Err(BuildError::server(format!(
                    "there is no room for the {} of memory that a build may take: {} of {} are held ({:?})",
                    size_text(bytes),
                    size_text(refused.used),
                    size_text(refused.limit),
                    refused.tier
                )));
            }
            if began.elapsed() < Duration::from_secs(1) {
                request.log.line("Waiting for memory to become free.");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(hold)
    }

    /// The network of a build, and of nothing else.
    async fn network(self: &Arc<Self>, request: &BuildRequest) -> Result<Network, BuildError> {
        let ImageConfig {
            networks, limits, ..
        } = &self.config.images;
        if let Err(error) = networks.isolated().await {
            if limits.isolation_required {
                tracing::warn!("builds cannot be kept off this host: {error:#}");
                return Err(BuildError::server(
                    "builds cannot be kept off this server's own network, so nothing is built (see `isolation` under \
                     [docker])",
                ));
            }
            request
                .log
                .line("Note: this build is not kept off the server's own network.");
        }
        let build = request.build;
        self.underway().insert(build);
        let build = build.to_string();
        // From here on there may be one to remove.
        let network = Network {
            inner: Arc::clone(self),
            build: request.build,
            name: networks.name(&build, limits.reach),
        };
        networks
            .ensure(&build, limits.reach)
            .await
            .map_err(|error| {
                tracing::warn!("the network of a build could not be made: {error:#}");
                BuildError::server("the container engine could not make a network for the build")
            })?;
        Ok(network)
    }

    /// Where the engine keeps its images, if that is on this machine. Builds nothing where the disk is full.
    async fn engine_folder(&self, docker: &Docker) -> Result<Option<PathBuf>, BuildError> {
        let info = docker.info().await.map_err(|error| ours(&error))?;
        let root = info.docker_root_dir.map(PathBuf::from);
        let free = root.as_deref().and_then(watch::free);
        let least = self.config.images.limits.free_bytes;
        if free.is_some_and(|free| free < least) {
            tracing::warn!(
                "the disk of the container engine has less than {} left",
                size_text(least)
            );
            return Err(BuildError::server(format!(
                "the disk of this server's container engine has less than {} left, which builds do not use",
                size_text(least)
            )));
        }
        Ok(root.filter(|_| free.is_some()))
    }

    async fn build_image(
        &self,
        docker: &Docker,
        request: &BuildRequest,
        order: Order,
        network: &str,
        look: &Notify,
    ) -> Result<String, BuildError> {
        let ImageConfig { limits, engine, .. } = &self.config.images;
        let Order {
            context,
            dockerfile,
            args,
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
        ];
        let options = BuildImageOptions {
            dockerfile: dockerfile.clone(),
            // A name keeps it from being tidied away as nobody's.
            t: Some(sweep::tag(engine.data(), request.build)),
            nocache: !request.cached,
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
        let (tar, reading) = context.send(&self.repos, request.space, request.revision.clone());
        let docker = docker.clone().with_timeout(PATIENCE);
        let steps = docker.build_image(options, None, Some(bollard::body_try_stream(tar)));
        let mut recorder = Recorder::new(&self.images(), request.build).map_err(disk_error)?;
        let built = follow(steps, &request.log, limits, look, &mut recorder).await;
        let memory = size_text(limits.memory_bytes);
        match built {
            Ok(id) => {
                let id = id?;
                recorder.image(&id);
                Ok(id)
            }
            Err(error) => match reading.await {
                // What went wrong first is what is said; the engine only saw half an archive.
                Ok(Err(cause)) if !is_closed(&cause) => Err(repo_error(cause)),
                _ => Err(build_error(&error, &dockerfile, &memory)),
            },
        }
    }
}

/// The engine hung up.
fn is_closed(error: &RepoError) -> bool {
    matches!(error, RepoError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Writes the build's log until the engine names the image. The inner error is ours to say, the outer the engine's.
async fn follow(
    steps: impl futures_util::Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
    log: &Log,
    limits: &ImageLimits,
    look: &Notify,
    recorder: &mut Recorder,
) -> Result<Result<String, BuildError>, bollard::errors::Error> {
    let mut steps = std::pin::pin!(steps);
    let mut writer = log.writer();
    let (mut printed, mut id) = (0_u64, None);
    while let Some(step) = steps.next().await {
        let step = step?;
        if let Some(text) = step.stream {
            if text.starts_with(" ---> Running in ") {
                look.notify_one();
            }
            printed = printed.saturating_add(text.len() as u64);
            if printed > limits.output_bytes {
                return Ok(Err(BuildError::author(format!(
                    "The build printed more than {} and was stopped.",
                    size_text(limits.output_bytes)
                ))));
            }
            recorder.line(&text);
            // Writing to a log cannot fail.
            let _ = writer.write_all(plain(&text).as_bytes());
        }
        if let (Some(status), None) = (step.status, step.progress_detail) {
            log.line(&status);
        }
        // What a build prints cannot come in this way.
        id = step.aux.and_then(|aux| aux.id).or(id);
    }
    Ok(id.ok_or_else(|| {
        tracing::warn!("the container engine ended a build without naming an image");
        BuildError::server("the container engine ended the build without an image")
    }))
}

/// Without the colour that the engine gives to what is written to standard error.
fn plain(text: &str) -> &str {
    let text = text.strip_prefix("\u{1b}[91m").unwrap_or(text);
    text.strip_suffix("\u{1b}[0m").unwrap_or(text)
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

/// The first archive among what `ADD` names: the engine would unpack it itself, however large it gets.
fn packed(
    repo: &crate::repo::Repo,
    revision: &crate::domain::Revision,
    needs: &Needs,
) -> Result<Option<dockerfile::Problem>, RepoError> {
    use std::io::Read;
    for added in &needs.added {
        let facts = match added.path.as_str() {
            "" => continue,
            path => match repo.file(revision, path) {
                Ok(facts) => facts,
                // A folder is copied as it is, and what is not there the engine will say.
                Err(RepoError::EntryNotFound(_)) => continue,
                Err(error) => return Err(error),
            },
        };
        let mut head = Vec::new();
        repo.blob(&facts.oid)?.take(512).read_to_end(&mut head)?;
        if is_archive(&head) {
            let message = format!(
                "`ADD` of the archive {} is not supported, since the engine would unpack it outside the limits of this \
                 build; use `COPY`, and `RUN tar`",
                added.path
            );
            let line = added.line;
            return Ok(Some(dockerfile::Problem { line, message }));
        }
    }
    Ok(None)
}

/// Whether a file that begins like this is one the engine unpacks: compressed, or a tar.
fn is_archive(head: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [
        &[0x1f, 0x8b],
        b"BZh",
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        &[0x28, 0xb5, 0x2f, 0xfd],
        // A frame that zstd skips comes before one that it does not.
        &[0x50, 0x2a, 0x4d, 0x18],
    ];
    let skippable =
        head.len() >= 4 && (0x50..=0x5f).contains(&head[0]) && head[1..4] == marks[4][1..];
    if skippable || marks.iter().any(|mark| head.starts_with(mark)) {
        return true;
    }
    let Ok(block) = <&[u8; 512]>::try_from(head) else {
        return false;
    };
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    let said = header.cksum().ok();
    header.set_cksum();
    said.is_some() && said == header.cksum().ok()
}

/// The network of a build. Its drop removes it, and whatever the engine still runs in it.
struct Network {
    inner: Arc<Inner>,
    build: BuildId,
    name: String,
}

/// How long the engine has to end a build by itself.
const ENDING: Duration = Duration::from_secs(10);

impl Drop for Network {
    fn drop(&mut self) {
        self.inner.underway().remove(&self.build);
        let (inner, build) = (Arc::clone(&self.inner), self.build);
        // Without a runtime the process is ending, and the next start clears it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let began = Instant::now();
                while began.elapsed() < ENDING && !inner.network_is_free(build).await {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                inner.remove_network(build).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_how_they_begin() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(1);
        tar.append_data(&mut header, "a", [0_u8; 1].as_slice())
            .expect("in memory");
        let tar = tar.into_inner().expect("in memory");
        assert!(is_archive(&tar[..512]));
        assert!(is_archive(&[0x1f, 0x8b, 8]));
        assert!(is_archive(b"BZh9"));
        assert!(is_archive(&[0x5a, 0x2a, 0x4d, 0x18, 0]));
        for plain in [b"".as_slice(), b"print(1)", &[0; 512], &[b'a'; 512]] {
            assert!(!is_archive(plain));
        }
    }

    #[test]
    fn the_engines_colours_are_left_out() {
        assert_eq!(plain("\u{1b}[91mwarning\n\u{1b}[0m"), "warning\n");
        assert_eq!(plain("plain"), "plain");
    }
}
