//! Containers, by the Docker API.
//!
//! ```text
//!  start ─► reserve memory ─► network ─► create, hardened ─► start ─► probe until it answers ─► watch
//!           ledger            one per      host_config.rs:            probe.rs                   watch.rs: its end,
//!           all tiers         Space        the only place                                        its log, its use
//! ```
//!
//! A container's name follows from its instance, so that whoever knows the one can stop the other: nothing is lost
//! with the memory of this process. What runs is asked of the engine, by label.

mod accounts;
mod cache;
mod cpu;
mod cpu_activity;
mod exit_reason;
mod find;
mod guard;
mod host_config;
mod inspect;
mod limit_report;
mod listeners;
mod notice;
mod probe;
mod proxy;
mod start;
mod stop;
mod storage;
mod temporary;
mod watch;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bollard::models::SystemInfo;
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use tokio::sync::{OnceCell, mpsc, watch::Sender};

use super::{Ended, Found, InstanceSpec, LimitReport, ListenForGuests, Runtime, RuntimeError};
use crate::docker::{Elsewhere, Engine, Networks};
use crate::domain::{ArtifactKind, DiskAmount, EgressOffer, InstanceId, Millis, WorkloadId};
use crate::journal::Log;
use crate::ledger::{ContainerSlot, WorkloadAccount};
use crate::upstream::Upstream;

/// What the runtime is told by the operator.
#[derive(Debug, Clone)]
pub struct ContainerSettings {
    /// The data folder: whatever is mounted lies in it.
    pub data: PathBuf,
    /// The folder of durable storage, one folder in it for each Space that asks.
    pub storage: PathBuf,
    /// OCI runtime; `None` takes the engine's own.
    pub runtime: Option<String>,
    /// First address and bits of the network from which each Space's is taken.
    pub pool: (Ipv4Addr, u8),
    /// Whether a container is started at all where it cannot be kept off the host.
    pub isolation_required: bool,
    /// Whether what may reach the internet may reach private networks.
    pub egress_private: bool,
    /// Where containers may connect to at most, whatever cards say.
    pub egress: EgressOffer,
    /// Processes and threads.
    pub pids: u32,
    /// Bytes that may be written, `/tmp` included, durable storage not.
    pub disk_bytes: u64,
    /// Until it must answer, when its card does not say.
    pub startup_timeout: Duration,
    /// From the request to end until it is killed.
    pub stop_grace: Duration,
    /// Between two looks at what it uses.
    pub measure_every: Duration,
}

/// Runs images. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct ContainerRuntime(Arc<Inner>);

struct Inner {
    engine: Engine,
    networks: Networks,
    settings: ContainerSettings,
    door: Arc<dyn ListenForGuests>,
    proxies: proxy::Proxies,
    /// What the engine says of its host, which it takes its time to say.
    host: OnceCell<SystemInfo>,
    running: Mutex<HashMap<InstanceId, Arc<Running>>>,
    endings: mpsc::UnboundedSender<Ended>,
    /// Why containers are not kept off this host, while they are not.
    exposed: Sender<Option<String>>,
    /// What of the engine's is not this server's own.
    elsewhere: Mutex<Vec<Elsewhere>>,
}

/// A container in care, from before it is created until it is removed.
struct Running {
    instance: InstanceId,
    workload: WorkloadId,
    log: Log,
    account: Arc<WorkloadAccount>,
    /// What its card lets it store under `/data`, in bytes.
    storage_bytes: Option<u64>,
    /// What its hardware lets it hold in memory, in bytes.
    memory_bytes: u64,
    /// Its right to run, until it is removed.
    reservation: Mutex<Option<Arc<ContainerSlot>>>,
    /// The hub on its network, for as long as somebody is there.
    hub: OnceLock<Arc<dyn Send + Sync>>,
    /// What it may reach by the proxy on its network.
    egress: OnceLock<proxy::Lease>,
    limits: Mutex<Vec<LimitReport>>,
    log_tail: Mutex<VecDeque<String>>,
    /// It was asked to end, so its end is no news.
    stopping: AtomicBool,
    frozen: AtomicBool,
    /// Its author was told that one of its processes was ended for want of memory.
    told_of_memory: AtomicBool,
    /// Whether it computes.
    work: cpu_activity::Work,
    /// What its author should know while it runs.
    notice: Mutex<Option<notice::Notice>>,
    /// CPU time in nanoseconds that is in the ledger.
    charged: AtomicU64,
    /// Throttled time in nanoseconds that is.
    throttled: AtomicU64,
}

/// Everybody in a container is this user, whatever its image says: the Hub's convention.
const USER: u32 = 1000;

/// How long a healthy engine takes to say so.
const PING: Duration = Duration::from_secs(2);

/// Lines kept for whoever asks why it ended.
const LAST_WORDS: usize = 12;

// === impl ContainerRuntime ===

impl ContainerRuntime {
    /// A runtime on that engine, which says to `endings` which of its containers have ended though nobody asked for it.
    pub fn new(
        engine: Engine,
        settings: ContainerSettings,
        door: Arc<dyn ListenForGuests>,
        endings: mpsc::UnboundedSender<Ended>,
    ) -> Self {
        Self(Arc::new(Inner {
            networks: Networks::new(engine.clone(), settings.pool),
            engine,
            settings,
            door,
            proxies: proxy::Proxies::default(),
            host: OnceCell::new(),
            running: Mutex::default(),
            endings,
            exposed: Sender::new(None),
            elsewhere: Mutex::default(),
        }))
    }

    /// An engine that hangs is one that does not answer.
    async fn find_trouble(&self) -> Option<&'static str> {
        if !self.is_on() {
            return Some("turned off");
        }
        if self.is_away().await {
            return Some("no engine answers");
        }
        match self.0.is_elsewhere() {
            Some(Elsewhere::Folders) => {
                return Some("the engine does not find this server's folders");
            }
            Some(Elsewhere::Networks) => {
                return Some("the engine's networks are not this server's");
            }
            None => {}
        }
        let isolated =
            !self.0.settings.isolation_required || self.0.networks.isolated().await.is_ok();
        (!isolated).then_some("containers cannot be kept off this host's network")
    }

    /// Whether there is no engine that answers within a moment.
    async fn is_away(&self) -> bool {
        let answer = tokio::time::timeout(PING, self.0.engine.ping()).await;
        !matches!(answer, Ok(Ok(())))
    }

    fn known(&self, id: InstanceId) -> Option<Arc<Running>> {
        self.0.running.lock().get(&id).cloned()
    }
}

impl Runtime for ContainerRuntime {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn runs(&self, kind: &ArtifactKind) -> bool {
        matches!(kind, ArtifactKind::Image { .. })
    }

    fn is_in_process(&self) -> bool {
        false
    }

    fn reserves(&self) -> bool {
        true
    }

    fn can_freeze(&self) -> bool {
        true
    }

    fn is_on(&self) -> bool {
        self.0.engine.host().is_some()
    }

    fn trouble(&self) -> BoxFuture<'_, Option<&'static str>> {
        Box::pin(self.find_trouble())
    }

    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        Box::pin(self.0.start(spec))
    }

    fn stop(&self, id: InstanceId) -> BoxFuture<'_, ()> {
        Box::pin(self.0.stop(id))
    }

    fn limits(&self, id: InstanceId) -> Vec<LimitReport> {
        let running = self.known(id);
        running.map_or_else(Vec::new, |running| running.limits.lock().clone())
    }

    fn worked_at(&self, id: InstanceId) -> Option<Millis> {
        self.known(id)?.work.at()
    }

    fn is_working(&self, id: InstanceId) -> BoxFuture<'_, bool> {
        Box::pin(self.0.is_working(id))
    }

    fn notice(&self, id: InstanceId) -> Option<String> {
        self.known(id)?.notice()
    }

    fn freeze(&self, id: InstanceId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.0.freeze(id))
    }

    fn thaw(&self, id: InstanceId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.0.thaw(id))
    }

    fn stop_all(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let all: Vec<_> = self.0.running.lock().keys().copied().collect();
            join_all(all.into_iter().map(|id| self.0.stop(id))).await;
        })
    }

    fn list(&self) -> BoxFuture<'_, Vec<Found>> {
        Box::pin(self.find())
    }

    fn adopt(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        Box::pin(self.0.adopt(spec))
    }

    fn sweep(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.remove_unknown())
    }

    fn guard(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.watch_isolation())
    }

    fn forget(&self, workload: WorkloadId) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(self.remove_rest(workload))
    }

    fn stored(&self, workload: WorkloadId) -> BoxFuture<'_, DiskAmount> {
        let inner = Arc::clone(&self.0);
        let stored = tokio::task::spawn_blocking(move || inner.stored(workload));
        Box::pin(async { stored.await.unwrap_or_default() })
    }

    fn mounted(&self) -> BoxFuture<'_, Option<HashSet<PathBuf>>> {
        Box::pin(self.mounts())
    }
}

// === impl Running ===

impl Running {
    /// One line of its own, or of ours about it, into its log.
    fn say(&self, line: &str) {
        self.log.line(line);
    }

    fn keep_tail(&self, line: &str) {
        let mut words = self.log_tail.lock();
        if words.len() == LAST_WORDS {
            words.pop_front();
        }
        // Enough to recognise what it was; the log has the rest.
        words.push_back(line.chars().take(400).collect());
    }

    fn log_tail(&self) -> Vec<String> {
        self.log_tail.lock().iter().cloned().collect()
    }

    /// Puts what it has used since the last look into the ledger.
    fn charge(&self, now: cpu::Cpu) {
        self.work.sample(now.used);
        let before = self.charged.fetch_max(now.used, Ordering::AcqRel);
        self.account.charge(now.used.saturating_sub(before));
        let before = self.throttled.fetch_max(now.throttled, Ordering::AcqRel);
        let waited = now.throttled.saturating_sub(before);
        let total = &self.account.usage.throttled_nanos;
        total.fetch_add(waited, Ordering::Relaxed);
    }

    /// What it used before is in the ledger of another process.
    fn charged_already(&self, then: cpu::Cpu) {
        self.work.sample(then.used);
        self.charged.store(then.used, Ordering::Release);
        self.throttled.store(then.throttled, Ordering::Release);
    }

    /// It is removed: others may have its room.
    fn give_back(&self) {
        self.reservation.lock().take();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// The container of an instance.
fn name_of(id: InstanceId) -> String {
    format!("glasshouse-{id}")
}

fn internal(error: impl Into<anyhow::Error>) -> RuntimeError {
    RuntimeError::Server(error.into())
}
