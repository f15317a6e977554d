//! From an artifact to a container that answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::{CreateContainerOptions, StartContainerOptions};
use parking_lot::Mutex;

use super::super::{InstanceSpec, RuntimeError};
use super::cpu_activity::Work;
use super::inspect::{address_of, inspect, thawed};
use super::proxy::{self, Proxy};
use super::{
    Inner, Running, accounts, cache, cpu, host_config, internal, limit_report, name_of, probe,
    temporary, watch,
};
use crate::docker::{Elsewhere, HUB_PORT, Network, PROXY_PORT, Reach, is_missing_mount, status};
use crate::domain::ArtifactKind;
use crate::runtime::egress::EgressPolicy;
use crate::upstream::Upstream;

/// What a start is told by its artifact.
struct Image<'a> {
    id: &'a str,
    port: u16,
}

/// How often a container that runs is looked at before it is given up.
const ADOPTION_TRIES: u32 = 4;
/// Between two looks.
const ADOPTION_PAUSE: Duration = Duration::from_secs(2);

// === impl Inner ===

impl Inner {
    /// Starts a container and waits until it answers. What comes of a start that fails is removed.
    pub(super) async fn start(
        self: &Arc<Self>,
        spec: InstanceSpec,
    ) -> Result<Upstream, RuntimeError> {
        let id = spec.id;
        let started = self.bring_up(spec).await;
        if started.is_err() {
            self.stop(id).await;
        }
        started
    }

    async fn bring_up(self: &Arc<Self>, spec: InstanceSpec) -> Result<Upstream, RuntimeError> {
        let image = image_of(&spec)?;
        let docker = self.engine.connect().await.map_err(internal)?;
        let running = self.take_care(&spec);
        let network = self
            .network_of(&spec)
            .await
            .context("its network")
            .map_err(RuntimeError::Server)?;
        let exposed = self.exposed_on(&network).await;
        if let Some(why) = &exposed
            && self.settings.isolation_required
        {
            let text = not_isolated(why);
            tracing::error!("{text}");
            return Err(RuntimeError::Exposed(text));
        }
        let hub = self.open_hub(&network, &running).await;
        let proxy = self.open_proxy(&network, &spec, &running).await;
        self.create(&docker, &spec, &image, &network, hub, proxy.is_some())
            .await?;
        let name = name_of(spec.id);
        accounts::check(&docker, &name, &spec).await?;
        running.say(&format!("Starting {} at {}.", spec.name, spec.revision));
        if let Err(error) = temporary::make(&docker, &name).await {
            // Most images have one.
            tracing::warn!(container = %name, "{error:#}");
        }
        if let Err(error) = cache::fill(&docker, &spec, image.id, &name).await {
            // The files are there all the same, under the names below.
            tracing::warn!(container = %name, "{error:#}");
        }
        for told in spec.repositories.told() {
            running.say(&told);
        }
        let started = docker
            .start_container(&name, None::<StartContainerOptions>)
            .await;
        started.map_err(|error| self.not_started(error))?;
        watch::follow_log(docker.clone(), Arc::clone(&running), None);
        let inspected = inspect(&docker, &name)
            .await
            .map_err(RuntimeError::Server)?;
        let host = self.host.get_or_try_init(|| docker.info()).await;
        let host = host.map_err(internal)?;
        *running.limits.lock() =
            limit_report::read_back(&inspected, host, &spec, &self.settings, exposed.as_deref());
        let Some(address) = address_of(&inspected, &network.name, image.port) else {
            // What has ended already has none.
            probe::still_runs(&docker, &running).await?;
            return Err(RuntimeError::Server(anyhow::anyhow!("it has no address")));
        };
        self.admit(proxy, address, &spec, &running);
        let patience = spec
            .artifact
            .settings
            .startup_timeout
            .unwrap_or(self.settings.startup_timeout);
        self.until_it_answers(&docker, &running, address, patience)
            .await?;
        watch::watch(Arc::clone(self), docker, Arc::clone(&running));
        probe::follow(Arc::clone(self), running, address);
        Ok(Upstream::Tcp(address))
    }

    /// Waits until it answers, as long as something keeps it in.
    async fn until_it_answers(
        &self,
        docker: &Docker,
        running: &Running,
        address: SocketAddr,
        patience: Duration,
    ) -> Result<(), RuntimeError> {
        tokio::select! {
            answers = probe::until_it_answers(docker, running, address, patience) => answers,
            exposed = self.exposed() => Err(RuntimeError::Exposed(exposed)),
        }
    }

    /// Takes a container that runs already into care.
    pub(super) async fn adopt(
        self: &Arc<Self>,
        spec: InstanceSpec,
    ) -> Result<Upstream, RuntimeError> {
        let image = image_of(&spec)?;
        let docker = self.engine.connect().await.map_err(internal)?;
        let running = self.take_care(&spec);
        let name = name_of(spec.id);
        let mut tries = 1;
        let inspected = loop {
            match thawed(&docker, &name).await {
                Ok(inspected) => break inspected,
                // What runs is not given up because the engine, which has just started too, is slow for once.
                Err(error) if tries < ADOPTION_TRIES => {
                    tracing::warn!(container = name, "not adopted yet: {error:#}");
                    tries += 1;
                    tokio::time::sleep(ADOPTION_PAUSE).await;
                }
                Err(error) => return Err(RuntimeError::Server(error)),
            }
        };
        let network = self.network_of(&spec).await.map_err(RuntimeError::Server)?;
        let exposed = self.exposed_on(&network).await;
        let host = self.host.get_or_try_init(|| docker.info()).await;
        let host = host.map_err(internal)?;
        *running.limits.lock() =
            limit_report::read_back(&inspected, host, &spec, &self.settings, exposed.as_deref());
        self.open_hub(&network, &running).await;
        let proxy = self.open_proxy(&network, &spec, &running).await;
        let address = address_of(&inspected, &network.name, image.port)
            .context("its address")
            .map_err(RuntimeError::Server)?;
        self.admit(proxy, address, &spec, &running);
        let last = running.log.tail(1).pop().map(|line| line.at);
        running.say("The server was restarted; this container kept running.");
        watch::follow_log(docker.clone(), Arc::clone(&running), last);
        // What it used before is in the books of the process before this one.
        if let Some(sample) = cpu::cpu(&docker, &name).await {
            running.charged_already(sample);
        }
        let patience = self.settings.startup_timeout;
        self.until_it_answers(&docker, &running, address, patience)
            .await?;
        watch::watch(Arc::clone(self), docker, Arc::clone(&running));
        probe::follow(Arc::clone(self), running, address);
        Ok(Upstream::Tcp(address))
    }

    fn take_care(&self, spec: &InstanceSpec) -> Arc<Running> {
        let running = Arc::new(Running {
            instance: spec.id,
            workload: spec.workload,
            log: spec.log.clone(),
            account: Arc::clone(&spec.account),
            storage_bytes: spec.artifact.settings.storage_bytes,
            memory_bytes: spec.limits.memory_bytes,
            reservation: Mutex::new(spec.reservation.clone()),
            hub: OnceLock::new(),
            egress: OnceLock::new(),
            limits: Mutex::default(),
            log_tail: Mutex::default(),
            stopping: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            told_of_memory: AtomicBool::new(false),
            work: Work::new(spec.limits.cpu_millis),
            notice: Mutex::default(),
            charged: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        });
        self.running.lock().insert(spec.id, Arc::clone(&running));
        running
    }

    /// Why what is connected to that network is not kept off this host; `None` when it is.
    async fn exposed_on(&self, network: &Network) -> Option<String> {
        let here = network.is_here();
        let isolated = match here {
            Ok(()) => self.networks.isolated().await,
            elsewhere => elsewhere,
        };
        isolated.err().map(|error| format!("{error:#}"))
    }

    async fn network_of(&self, spec: &InstanceSpec) -> anyhow::Result<Network> {
        let whose = spec.workload.file_stem();
        self.networks.ensure(&whose, self.reach(spec)).await
    }

    /// Where the hub answers those on the network. Without it an app runs all the same, and is told nothing of a hub.
    async fn open_hub(&self, network: &Network, running: &Running) -> Option<SocketAddr> {
        let address = SocketAddr::from((network.host?, HUB_PORT));
        match self.door.open(address).await {
            Ok(open) => {
                running.hub.get_or_init(|| open);
                Some(address)
            }
            Err(error) => {
                tracing::error!(workload = %running.workload, "the hub cannot answer at {address}: {error:#}");
                running.say(
                    "The hub cannot be reached from inside the container: this server could not listen on its network.",
                );
                None
            }
        }
    }

    /// The proxy on the network, for containers that may not reach the internet by themselves.
    async fn open_proxy(
        &self,
        network: &Network,
        spec: &InstanceSpec,
        running: &Running,
    ) -> Option<Arc<Proxy>> {
        if self.reach(spec) != Reach::Nothing {
            return None;
        }
        let address = SocketAddr::from((network.host?, PROXY_PORT));
        match self.proxies.open(address).await {
            Ok(proxy) => Some(proxy),
            Err(error) => {
                tracing::error!(workload = %running.workload, "no proxy can stand at {address}: {error}");
                if !spec.artifact.settings.egress.is_empty() {
                    running.say(
                        "The hosts of the card's `egress` cannot be reached: this server could not start the proxy \
                         for them.",
                    );
                }
                None
            }
        }
    }

    /// Lets a container that has an address now reach what its card lists.
    fn admit(
        &self,
        proxy: Option<Arc<Proxy>>,
        address: SocketAddr,
        spec: &InstanceSpec,
        running: &Running,
    ) {
        if let Some(proxy) = proxy {
            let card = &spec.artifact.settings;
            let offer = (self.settings.egress, self.settings.egress_private);
            let policy = EgressPolicy::new(card, offer, running.log.clone(), proxy::CONNECTIONS);
            running
                .egress
                .get_or_init(|| proxy.admit(address.ip(), policy));
        }
    }

    fn reach(&self, spec: &InstanceSpec) -> Reach {
        match self.settings.egress.internet(&spec.artifact.settings) {
            false => Reach::Nothing,
            true if self.settings.egress_private => Reach::Private,
            true => Reach::Internet,
        }
    }

    async fn create(
        &self,
        docker: &Docker,
        spec: &InstanceSpec,
        image: &Image<'_>,
        network: &Network,
        hub: Option<SocketAddr>,
        proxied: bool,
    ) -> Result<(), RuntimeError> {
        let storage = match spec.artifact.settings.storage_bytes {
            Some(_) => Some(
                self.storage_folder(spec.workload)
                    .await
                    .map_err(RuntimeError::Server)?,
            ),
            None => None,
        };
        let body = host_config::create_body(
            spec,
            image.id,
            &self.settings,
            self.engine.data(),
            &host_config::Surroundings {
                network: &network.name,
                proxy: network.host.filter(|_| proxied),
                reaches_names: self.reach(spec) != Reach::Nothing,
                hub,
                storage,
            },
        );
        let options = CreateContainerOptions {
            name: Some(name_of(spec.id)),
            ..CreateContainerOptions::default()
        };
        match docker.create_container(Some(options), body).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) && error.to_string().contains("image") => {
                Err(RuntimeError::ArtifactLost)
            }
            Err(error) if is_missing_mount(&error) => {
                let error = anyhow::Error::from(error).context(Elsewhere::Folders.advice());
                Err(RuntimeError::Server(error))
            }
            Err(error) => Err(self.not_started(error)),
        }
    }

    /// What the engine says when a program cannot be run is the author's to read; all else is ours.
    fn not_started(&self, error: bollard::errors::Error) -> RuntimeError {
        match status(&error) {
            // No command, or one that is not there, or may not be run.
            Some(400 | 404) => {
                RuntimeError::Author(format!("Its container does not start: {error}"))
            }
            _ => internal(error),
        }
    }
}

/// The refusal to run a container that nothing keeps in, for its author.
pub(super) fn not_isolated(why: &str) -> String {
    format!(
        "This server does not run containers, because it cannot keep them off its own network: {why}. Its operator \
         can fix that, or allow it with `docker.isolation`."
    )
}

fn image_of(spec: &InstanceSpec) -> Result<Image<'_>, RuntimeError> {
    match &spec.artifact.kind {
        ArtifactKind::Image { id, port } => Ok(Image { id, port: *port }),
        _ => Err(RuntimeError::Server(anyhow::anyhow!("not an image"))),
    }
}
