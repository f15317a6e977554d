//! The composition root: opens, wires, serves and stops everything, in order. The only room that sees them all.

mod examples;
mod first_start;
mod front;
mod health;

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::body::Body;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState};
use crate::auth::Auth;
use crate::builder::{
    self, Builder, BuilderConfig, CompileLimits, ContainerOffer, ImageConfig, ImageLimits,
};
use crate::config::{Config, EgressPolicy, Isolation};
use crate::docker::{Engine, Networks, Reach};
use crate::engine::seal::{SealKey, open_key};
use crate::gateway::Gateway;
use crate::journal::{Journal, JournalLimits};
use crate::ledger::{Ledger, LedgerLimits};
use crate::lifecycle::{Lifecycle, LifecycleSettings, Parts};
use crate::repo::{CheckoutLimits, RepoLimits, Repos};
use crate::routes::RouteTable;
use crate::runtime::container::{ContainerRuntime, ContainerSettings};
use crate::runtime::wasm::{WasmRuntime, WasmSettings};
use crate::runtime::{Runtimes, SiteRuntime};
use crate::server;
use crate::store::{Sealer, Store};
use crate::telemetry::{self, Metrics};
use crate::web::{self, WebParts, WebState};

use front::FrontDoor;
use health::Health;

/// Runs a server until it is told to stop (SIGINT or SIGTERM).
///
/// Prints `listening on ADDRESS` to standard output once visitors are let in, and an address for each example Space.
///
/// # Errors
/// Whatever keeps it from starting, with its cause.
pub async fn run(mut config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    let data = open_data(&config.data)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    // From here on the configuration says the port that was really given.
    config.listen = listener.local_addr()?;
    let config = Arc::new(config);
    let house = House::build(&config).await?;
    first_start::announce(&config)?;

    let closing = CancellationToken::new();
    let metrics = serve_metrics(&config, &house, &closing).await?;
    let front = house.front.clone();
    let serving = tokio::spawn(server::serve(
        listener,
        &config,
        move |request| {
            let front = front.clone();
            async move { front.answer(request).await }
        },
        closing.clone(),
    ));
    say(&format!("listening on {}", config.hub_url()));
    if config.examples {
        let trouble = house.health.runtimes.containers().trouble().await;
        examples::publish(
            &house.store,
            &house.repos,
            &house.lifecycle,
            &config,
            trouble,
        )
        .await?;
    }
    wait_for_a_signal().await?;
    tracing::info!("stopping: no new visitors, those who are here may finish");
    closing.cancel();
    serving.await?;
    if let Some(metrics) = metrics {
        metrics.await?;
    }
    house.lifecycle.stop().await;
    house.store.close().await;
    drop(data);
    Ok(())
}

/// The body of the process that compiles one guest: reads it from standard input, under limits it sets itself before it
/// reads a byte. Must be called before any thread is started.
pub fn compile_worker() -> ExitCode {
    builder::worker::main()
}

/// Everything a server is made of.
struct House {
    store: Store,
    repos: Repos,
    lifecycle: Lifecycle,
    health: Health,
    front: FrontDoor,
}

// === impl House ===

impl House {
    async fn build(config: &Arc<Config>) -> anyhow::Result<Self> {
        let data = &config.data;
        let seal =
            SealKey::open(&data.join("keys/seal")).context("the key that seals artifacts")?;
        let secrets = open_key(&data.join("keys/secrets")).context("the key that seals secrets")?;
        let url = format!("sqlite://{}", data.join("glasshouse.db").display());
        let store = Store::connect(&url, Sealer::new(&secrets))
            .await
            .context("the database")?;
        first_start::accounts(&store, data).await?;
        let repos =
            Repos::new(data.join("repos"), repo_limits(config)).context("the repositories")?;
        let journal =
            Journal::open(data.join("logs"), journal_limits(config)).context("the logs")?;
        let ledger = Ledger::new(ledger_limits(config));
        let wasm = WasmRuntime::start(wasm_settings(config), seal.clone());
        let wasm = wasm.map_err(|error| anyhow::anyhow!("the WebAssembly engine: {error:#}"))?;
        let engine = engine(config, data)?;
        let builder = builder_config(config, seal, wasm.profile(), engine.clone())?;
        let builder = Builder::new(builder, repos.clone()).context("the folder of artifacts")?;
        let (containers, endings) = ContainerRuntime::new(engine, container_settings(config)?);
        let sites = SiteRuntime::new(data.join("artifacts/sites"));
        let runtimes = Runtimes::new(sites, wasm, containers);
        let (routes, nudges) = RouteTable::new();
        let metrics = Arc::new(Metrics::new());
        let parts = Parts {
            store: store.clone(),
            repos: repos.clone(),
            ledger: ledger.clone(),
            builder,
            runtimes: runtimes.clone(),
            routes: routes.clone(),
            journal: journal.clone(),
            metrics: Arc::clone(&metrics),
            settings: LifecycleSettings {
                hardware: config.hardware(),
                wasi_hardware: config.wasm.default_hardware.clone(),
                container_hardware: config.docker.default_hardware.clone(),
                freeze_after: config.docker.freeze_after,
                spaces_per_owner: config.quota.spaces_per_owner,
                repositories_per_owner: config.quota.repositories_per_owner,
                sleep_after: Some(config.sleep.after).filter(|after| !after.is_zero()),
                addresses: config.addresses(config.listen.port()),
            },
        };
        let lifecycle = Lifecycle::start(parts, nudges, endings).await?;
        let auth = Auth::new(store.clone());
        let state = ApiState {
            store: store.clone(),
            repos: repos.clone(),
            auth: auth.clone(),
            lifecycle: lifecycle.clone(),
            config: Arc::clone(config),
        };
        let health = Health {
            store: store.clone(),
            runtimes,
            routes: routes.clone(),
            ledger: ledger.clone(),
            auth: auth.clone(),
            metrics: Arc::clone(&metrics),
            exported_cpu_nanos: Arc::default(),
            own_listener: config.metrics_listen.is_some(),
        };
        let pages = WebState::new(WebParts {
            store: store.clone(),
            repos: repos.clone(),
            auth: auth.clone(),
            lifecycle: lifecycle.clone(),
            ledger: ledger.clone(),
            config: Arc::clone(config),
            starters: examples::starters(),
        });
        let hub = health::routes(health.clone())
            .merge(api::router(state))
            .merge(web::router(pages));
        let gateway = Gateway::new(routes, auth, journal, config, Arc::clone(&metrics));
        Ok(Self {
            store,
            repos,
            lifecycle,
            health,
            front: FrontDoor::new(hub, gateway, metrics),
        })
    }
}

/// The folder of everything that is kept; its drop lets another server have it.
struct DataFolder {
    _lock: File,
}

fn open_data(data: &Path) -> anyhow::Result<DataFolder> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let lock = File::create(data.join("lock")).context("the data folder cannot be written to")?;
    if lock.try_lock().is_err() {
        bail!("another server is using the data folder {}", data.display());
    }
    Ok(DataFolder { _lock: lock })
}

async fn serve_metrics(
    config: &Config,
    house: &House,
    closing: &CancellationToken,
) -> anyhow::Result<Option<tokio::task::JoinHandle<()>>> {
    let Some(address) = config.metrics_listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} for metrics"))?;
    let health = house.health.clone();
    let answer = move |_: http::Request<Body>| {
        let health = health.clone();
        async move { health.encode() }
    };
    let serving = server::serve(listener, config, answer, closing.clone());
    Ok(Some(tokio::spawn(serving)))
}

async fn wait_for_a_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// One line to whoever started the server. A closed standard output is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

// === configuration, room by room ===

fn repo_limits(config: &Config) -> RepoLimits {
    RepoLimits {
        file_bytes: config.repo.file_bytes,
        commit_bytes: config.repo.commit_bytes,
        operations: config.repo.files,
        files: config.repo.tree_files,
        ..RepoLimits::default()
    }
}

fn journal_limits(config: &Config) -> JournalLimits {
    JournalLimits {
        bytes_per_log: config.journal.bytes_per_log,
        line_bytes: usize::try_from(config.journal.line_bytes).unwrap_or(usize::MAX),
        lines_per_second: config.journal.lines_per_second,
    }
}

fn ledger_limits(config: &Config) -> LedgerLimits {
    LedgerLimits {
        host_memory: host_memory(config),
        owner_memory: config.quota.memory_per_owner,
        cpu_burst: u64::try_from(config.wasm.cpu_burst.as_nanos()).unwrap_or(u64::MAX),
        builds: config.build.at_once,
    }
}

/// What all Spaces may hold: three quarters of the machine's, unless the operator says otherwise.
fn host_memory(config: &Config) -> u64 {
    config.host.memory.unwrap_or_else(|| {
        let system = rustix::system::sysinfo();
        (system.totalram * u64::from(system.mem_unit)) / 4 * 3
    })
}

fn wasm_settings(config: &Config) -> WasmSettings {
    let wasm = &config.wasm;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    WasmSettings {
        components: config.data.join("artifacts/components"),
        guest_threads: wasm.guest_threads.unwrap_or(cores),
        tick: wasm.tick,
        request_timeout: wasm.request_timeout,
        max_request_timeout: wasm.max_request_timeout,
        instances: wasm.instances,
        instances_per_space: config.gateway.concurrency_per_space,
        memory_per_instance: usize::try_from(wasm.memory_per_instance).unwrap_or(usize::MAX),
        unload_after: wasm.unload_after,
        reuse_count: wasm.reuse_count,
        response_bytes: wasm.response_bytes,
        egress_private: wasm.egress_private,
    }
}

/// The container engine, for whoever has the data folder `data`.
fn engine(config: &Config, data: &Path) -> anyhow::Result<Engine> {
    let id = open_key(&data.join("keys/engine")).context("the data folder's name")?;
    // Enough to tell folders apart, and short enough to read.
    let id = hex::encode(&id[..8]);
    Ok(match config.docker.enabled {
        true => Engine::new(config.docker.host.as_deref(), &id),
        false => Engine::off(&id),
    })
}

fn container_settings(config: &Config) -> anyhow::Result<ContainerSettings> {
    let docker = &config.docker;
    Ok(ContainerSettings {
        storage: config.data.join("storage"),
        runtime: docker.runtime.clone(),
        pool: docker.pool().context("`docker.network_pool`")?,
        isolation_required: docker.isolation == Isolation::Required,
        egress_private: docker.egress_private,
        pids: docker.pids,
        tmp_bytes: docker.tmp,
        disk_bytes: docker.disk,
        startup_timeout: docker.startup_timeout,
        stop_grace: docker.stop_grace,
        measure_every: docker.measure_every,
    })
}

fn builder_config(
    config: &Config,
    seal: SealKey,
    profile: &str,
    engine: Engine,
) -> anyhow::Result<BuilderConfig> {
    let docker = &config.docker;
    let offer = ContainerOffer {
        startup_timeout: docker.startup_timeout,
        storage_bytes: docker.storage,
        internet: docker.egress == EgressPolicy::Internet,
    };
    let build = &config.build;
    Ok(BuilderConfig {
        artifacts: config.data.join("artifacts"),
        seal,
        profile: profile.to_owned(),
        worker: std::env::current_exe().context("this program's own file")?,
        compile: CompileLimits {
            cpu_seconds: build.compile_cpu.as_secs().max(1),
            memory_bytes: build.compile_memory,
            wall: build.compile_wall,
            output_bytes: build.artifact_bytes,
            module_bytes: config.wasm.module_bytes,
            guest_memory_bytes: config.wasm.memory_per_instance,
        },
        site: CheckoutLimits {
            files: config.repo.tree_files,
            bytes: build.artifact_bytes,
        },
        permits: build.at_once,
        hardware: config
            .hardware()
            .into_iter()
            .map(|hardware| hardware.name)
            .collect(),
        max_request_timeout: config.wasm.max_request_timeout,
        containers: docker.enabled.then_some(offer),
        images: image_config(config, engine)?,
    })
}

fn image_config(config: &Config, engine: Engine) -> anyhow::Result<ImageConfig> {
    let (docker, build) = (&config.docker, &config.build);
    let pool = docker.pool().context("`docker.network_pool`")?;
    let base_images = config.runtimes.iter();
    Ok(ImageConfig {
        networks: Networks::of_builds(engine.clone(), pool),
        engine,
        limits: ImageLimits {
            memory_bytes: build
                .container_memory
                .unwrap_or_else(|| (host_memory(config) / 2).min(4 << 30)),
            cpu_millis: build.container_cpu_millis(),
            pids: build.container_pids,
            wall: build.container_wall,
            image_bytes: build.image_bytes,
            output_bytes: build.container_output,
            free_bytes: build.free_disk,
            reach: match (build.network, build.egress_private) {
                (false, _) => Reach::Nothing,
                (true, false) => Reach::Internet,
                (true, true) => Reach::Private,
            },
            isolation_required: docker.isolation == Isolation::Required,
        },
        base_images: base_images
            .map(|(sdk, runtime)| (sdk.clone(), runtime.base_image.clone()))
            .collect(),
    })
}
