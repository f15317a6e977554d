//! The composition root: opens, wires, serves and stops everything, in order. The only room that sees them all.

mod examples;
mod first_start;
mod front;
mod handover;
mod health;
mod hub_listener;
pub mod maintenance;
#[cfg(test)]
mod other_runtime_tests;
mod settings;
mod signals;
pub mod threads;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use tokio::net::TcpListener;

use crate::api::{self, ApiState};
use crate::auth::{Auth, IdTokenSigner};
use crate::builder::{self, Builder};
use crate::config::Config;
use crate::docker::{Engine, EngineError};
use crate::gateway::Gateway;
use crate::journal::Journal;
use crate::keys::{SealKey, SigningKey, open_key};
use crate::ledger::Ledger;
use crate::lifecycle::{Lifecycle, LifecycleSettings, Parts};
use crate::repo::Repos;
use crate::routes::RouteTable;
use crate::runtime::container::ContainerRuntime;
use crate::runtime::wasm::WasmRuntime;
use crate::runtime::{self, Runtime, Runtimes, SiteRuntime};
use crate::server::{self, Stop};
use crate::store::{Sealer, Store};
use crate::telemetry::{self, Metrics};
use crate::web::{self, WebParts, WebState};

use front::FrontDoor;
use handover::{DataFolder, Inherited};
use health::Health;
use hub_listener::HubListener;
use settings::{
    builder_config, container_settings, engine, journal_limits, ledger_limits, provider,
    repo_limits, wasm_settings,
};
use signals::{SignalRequest, Signals};

pub use handover::Successor;

/// How long a start waits for the engine to say whose its containers are.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a server until it is told to stop (SIGINT or SIGTERM; a second one hastens it), or to let a newer program take
/// its place (SIGUSR2), which is returned. It listens on what systemd or the server before it has handed over, where that
/// is so.
///
/// Prints `listening on ADDRESS` to standard output once visitors are let in, and an address for each example Space.
///
/// # Errors
/// Whatever keeps it from starting, with its cause.
pub async fn run(mut config: Config) -> anyhow::Result<Option<Successor>> {
    let mut inherited = Inherited::take()?;
    let mut signals = Signals::new()?;
    // Looked up while the file still has this name.
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    telemetry::init(&config.log)?;
    keep_connections_within_files(&mut config);
    let data = DataFolder::open(&config.data, inherited.lock.take())?;
    data.say("starting");
    let listener = listen(
        config.listen,
        inherited.listener.take(),
        inherited.from_a_server,
    )
    .await?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => {
            let inherited = inherited.metrics.take();
            Some(
                listen(address, inherited, true)
                    .await
                    .context("the listener for metrics")?,
            )
        }
        None => None,
    };
    // From here on the configuration says the port that was really given.
    config.listen = listener.local_addr()?;
    let config = Arc::new(config);
    let house = House::build(&config).await?;
    first_start::announce(&config)?;

    let stop = Stop::default();
    let metrics = metrics_listener.as_ref();
    let metrics = metrics.map(|listener| serve_metrics(listener, &config, &house, &stop));
    let metrics = metrics.transpose()?;
    let front = house.front.clone();
    let serving = tokio::spawn(server::serve(
        TcpListener::from_std(listener.try_clone()?)?,
        &config,
        move |request| {
            let front = front.clone();
            async move { front.answer(request).await }
        },
        stop.clone(),
    ));
    data.say("serving");
    say(&format!("listening on {}", config.hub_url()));
    if house.is_new {
        say(&first_start::welcome(&config));
    }
    if config.examples {
        let trouble = house.containers.trouble().await;
        examples::publish(
            &house.store,
            &house.repos,
            &house.lifecycle,
            &config,
            trouble,
        )
        .await?;
    }
    let mut successor = until_told(&mut signals, &program, &data).await;
    tracing::info!("stopping: requests in progress may finish, new ones are refused");
    let listeners = std::iter::once((listener, false));
    let listeners = listeners.chain(metrics_listener.map(|listener| (listener, true)));
    match &mut successor {
        Some(successor) => listeners.for_each(|(listener, is_metrics)| {
            successor.listens_on(listener, is_metrics);
        }),
        None => drop(listeners.collect::<Vec<_>>()),
    }
    stop.closing.cancel();
    let stop_containers = config.server.stop_containers && successor.is_none();
    let rest = async {
        serving.await?;
        if let Some(metrics) = metrics {
            metrics.await?;
        }
        house.lifecycle.stop(stop_containers, &stop.hurry).await;
        house.store.close().await;
        anyhow::Ok(())
    };
    tokio::pin!(rest);
    tokio::select! {
        ended = rest.as_mut() => ended?,
        () = signals.end() => {
            tracing::info!("stopping immediately");
            stop.hurry.cancel();
            successor = None;
            rest.await?;
        }
    }
    if let Some(successor) = &mut successor {
        successor.has(data);
    }
    Ok(successor)
}

/// Waits for a signal; what is to follow this process, if it is to be followed.
async fn until_told(signals: &mut Signals, program: &Path, data: &DataFolder) -> Option<Successor> {
    loop {
        if signals.next().await == SignalRequest::End {
            return None;
        }
        match Successor::find(program.to_owned()).await {
            Ok(successor) => return Some(successor),
            Err(error) => {
                tracing::error!("the newly installed program cannot replace this one: {error:#}");
                data.say(&format!(
                    "kept: {}",
                    format!("{error:#}").replace('\n', " ")
                ));
            }
        }
    }
}

/// A connection without a file is one that fails.
fn keep_connections_within_files(config: &mut Config) {
    let most = server::connections_within_file_limit();
    if config.server.max_connections > most {
        tracing::warn!(
            "the limit of open files (RLIMIT_NOFILE) allows only {most} connections, fewer than \
             `server.max_connections`"
        );
        config.server.max_connections = most;
    }
}

/// What was handed over, unless a server before this one was told another address.
async fn listen(
    address: SocketAddr,
    inherited: Option<std::net::TcpListener>,
    must_fit: bool,
) -> anyhow::Result<std::net::TcpListener> {
    if let Some(listener) = inherited {
        let has = listener.local_addr()?;
        if !must_fit || (has.ip() == address.ip() && [0, has.port()].contains(&address.port())) {
            listener.set_nonblocking(true)?;
            return Ok(listener);
        }
    }
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    Ok(listener.into_std()?)
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
    containers: ContainerRuntime,
    front: FrontDoor,
    /// Whether this start has made the first account's token.
    is_new: bool,
}

// === impl House ===

impl House {
    async fn build(config: &Arc<Config>) -> anyhow::Result<Self> {
        let data = &config.data;
        let seal = SealKey::open(&data.join("keys/seal"))
            .context("cannot read the key that seals artifacts")?;
        let secrets = open_key(&data.join("keys/secrets"))
            .context("cannot read the key that seals secrets")?;
        let url = format!("sqlite://{}", data.join("glasshouse.db").display());
        let store = Store::connect(&url, Sealer::new(&secrets))
            .await
            .context("cannot open the database")?;
        let is_new = first_start::accounts(&store, data).await?;
        let repos = Repos::new(data.join("repos"), repo_limits(config))
            .context("cannot open the repositories")?;
        let journal = Journal::open(data.join("logs"), journal_limits(config))
            .context("cannot open the logs")?;
        let ledger = Ledger::new(ledger_limits(config));
        let wasm = WasmRuntime::start(wasm_settings(config), seal.clone());
        let wasm = wasm
            .map_err(|error| anyhow::anyhow!("cannot start the WebAssembly engine: {error:#}"))?;
        let engine = engine(config, data)?;
        refuse_a_copy(&engine).await?;
        let builder = builder_config(config, seal, wasm.profile(), engine.clone())?;
        let builder =
            Builder::new(builder, repos.clone()).context("cannot open the folder of artifacts")?;
        let hub_listener = HubListener::new(config);
        let (ended, endings) = runtime::endings();
        let settings = container_settings(config)?;
        let containers = ContainerRuntime::new(engine, settings, hub_listener.clone(), ended);
        let wasm = Arc::new(wasm);
        let runtimes = Runtimes::new([
            Arc::new(SiteRuntime::new(data.join("artifacts/sites"))) as Arc<dyn Runtime>,
            wasm.clone(),
            Arc::new(containers.clone()),
        ]);
        let (routes, nudges) = RouteTable::new();
        let metrics = Arc::new(Metrics::new());
        let signing = SigningKey::open(&data.join("keys/sign-in"))
            .and_then(|key| IdTokenSigner::new(&key).map_err(std::io::Error::other))
            .context("cannot read the key that signs people in at Spaces")?;
        let auth = Auth::new(store.clone())
            .with_provider(provider(config)?)
            .with_id_tokens(signing);
        let parts = Parts {
            store: store.clone(),
            auth: auth.clone(),
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
                sleep_after: Some(config.sleep.after).filter(|after| !after.is_zero()),
                addresses: config.addresses(config.listen.port()),
            },
        };
        let lifecycle = Lifecycle::start(parts, nudges, endings).await?;
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
            wasm,
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
        hub_listener.admit_to(api::router(state.clone()));
        let hub = health::routes(health.clone())
            .merge(api::router(state))
            .merge(web::router(pages))
            .layer(axum::middleware::from_fn(server::drain_body));
        let gateway = Gateway::new(routes, auth, journal, config, Arc::clone(&metrics));
        Ok(Self {
            store,
            repos,
            lifecycle,
            health,
            containers,
            front: FrontDoor::new(hub, gateway, metrics),
            is_new,
        })
    }
}

/// Fails where the containers belong to a folder of which this one is a copy. An engine that does not answer soon is asked
/// again by whoever needs it, and gives nothing to a copy then either.
async fn refuse_a_copy(engine: &Engine) -> anyhow::Result<()> {
    match tokio::time::timeout(CLAIM_TIMEOUT, engine.connect()).await {
        Ok(Err(error @ EngineError::Claimed(_))) => Err(error.into()),
        _ => Ok(()),
    }
}

fn serve_metrics(
    listener: &std::net::TcpListener,
    config: &Config,
    house: &House,
    stop: &Stop,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let health = house.health.clone();
    let answer = move |_: http::Request<Body>| {
        let health = health.clone();
        async move { health.encode() }
    };
    let listener = TcpListener::from_std(listener.try_clone()?)?;
    let serving = server::serve(listener, config, answer, stop.clone());
    Ok(tokio::spawn(serving))
}

/// One line to whoever started the server. A closed standard output is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
