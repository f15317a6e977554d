//! One Space's guests: its program in memory while it is used, its idle instances, and what each may take.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Linker, Module, Store, component};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use super::egress::CONNECTIONS;
use super::failure::Failure;
use super::host::{self, CommandHost, Environment, HttpHost, Tenancy, Tenant, bare_context, fence};
use super::limiter::Limiter;
use super::memory_reclaim::Room;
use super::programs::{Program, Programs};
use super::scheduler::Group;
use super::stdio::LogStream;
use crate::domain::{AccountId, ArtifactKind, GuestAbi, InstanceId, WorkloadId};
use crate::keys::SealKey;
use crate::ledger::{Refused, Tier};
use crate::runtime::InstanceSpec;
use crate::runtime::egress::EgressPolicy;
use crate::wasm_engine::seal::open_sealed;

/// What all Spaces' guests share.
pub(super) struct House {
    pub(super) engine: Engine,
    pub(super) profile: String,
    pub(super) key: SealKey,
    pub(super) settings: super::WasmSettings,
    pub(super) components: component::Linker<HttpHost>,
    pub(super) commands: Linker<CommandHost>,
    pub(super) programs: Programs,
    /// Everybody's guests, whose idle instances can make room in the pool.
    pub(super) guests: Weak<Guests>,
}

/// The guests of all instances that were started and not stopped.
pub(super) type Guests = Mutex<HashMap<InstanceId, Arc<Guest>>>;

/// An instance between two requests.
pub(super) struct Idle {
    pub(super) store: Store<HttpHost>,
    pub(super) proxy: Proxy,
    pub(super) uses: u32,
    pub(super) since: Instant,
}

/// A Space's guests.
pub(super) struct Guest {
    pub(super) spec: InstanceSpec,
    pub(super) house: Arc<House>,
    pub(super) group: Arc<Group>,
    pub(super) egress: Arc<EgressPolicy>,
    pub(super) timeout: Duration,
    /// One permit for each instance that may serve at once.
    pub(super) live: Arc<Semaphore>,
    program: Mutex<Option<Arc<Program>>>,
    idle: Mutex<Vec<Idle>>,
    /// Milliseconds since `born`.
    used_at: AtomicU64,
    born: Instant,
    /// Cancelled when the Space is to run no more: then guests under way end too.
    pub(super) stopped: CancellationToken,
}

/// How often a new instance asks for room, where others may be quicker to take what was made.
const TRIES: usize = 4;

// === impl House ===

impl House {
    /// Ends the idle instance, of whatever Space, that has waited longest: the pool is full. Whether there was one.
    fn evict(&self) -> bool {
        let oldest = self.oldest_idle(|_| Some(()));
        oldest.is_some_and(|guest| guest.end_oldest_idle().is_some())
    }

    /// Ends idle instances until what was refused to a workload is there, or none is left; whether there were any. Those of the
    /// same Space or owner go before others.
    fn evict_for(&self, workload: WorkloadId, owner: AccountId, refused: &Refused) -> bool {
        let mut missing = refused.missing();
        let mut evicted = false;
        while missing > 0 {
            let oldest = self.oldest_idle(|guest| {
                let own = guest.spec.account.owner.owner == owner;
                let near = match refused.tier {
                    Tier::Space => guest.spec.workload == workload,
                    Tier::Owner => own,
                    Tier::Host => true,
                };
                near.then_some(!own)
            });
            let Some(bytes) = oldest.and_then(|guest| guest.end_oldest_idle()) else {
                break;
            };
            missing = missing.saturating_sub(bytes);
            evicted = true;
        }
        evicted
    }

    /// Whose idle instance goes first: that of the least rank, and of those the one that has waited longest. Those without
    /// a rank do not.
    fn oldest_idle<R: Ord>(&self, rank: impl Fn(&Guest) -> Option<R>) -> Option<Arc<Guest>> {
        let guests = self.guests.upgrade()?;
        let all: Vec<_> = guests.lock().values().cloned().collect();
        let ranked = all.iter().filter_map(|guest| {
            let since = guest.idle.lock().first()?.since;
            Some(((rank(guest)?, since), guest))
        });
        let oldest = ranked.min_by(|(one, _), (other, _)| one.cmp(other));
        oldest.map(|(_, guest)| Arc::clone(guest))
    }
}

// === impl Guest ===

impl Guest {
    pub(super) fn new(spec: InstanceSpec, house: Arc<House>, group: Arc<Group>) -> Self {
        let settings = &spec.artifact.settings;
        let asked = settings
            .request_timeout
            .unwrap_or(house.settings.request_timeout);
        Self {
            timeout: asked.min(house.settings.max_request_timeout),
            egress: Arc::new(EgressPolicy::new(
                settings,
                (house.settings.egress, house.settings.egress_private),
                spec.log.clone(),
                CONNECTIONS,
            )),
            live: Arc::new(Semaphore::new(house.settings.instances_per_space)),
            group,
            house,
            spec,
            program: Mutex::default(),
            idle: Mutex::default(),
            used_at: AtomicU64::new(0),
            born: Instant::now(),
            stopped: CancellationToken::new(),
        }
    }

    /// The program, loaded if it is not in memory. Takes a moment when it is not: only ever called on a guest thread.
    pub(super) fn program(&self) -> Result<Arc<Program>, Failure> {
        self.used_at.store(self.age(), Ordering::Relaxed);
        let mut program = self.program.lock();
        if let Some(program) = &*program {
            return Ok(Arc::clone(program));
        }
        let ArtifactKind::Component { digest, abi, .. } = &self.spec.artifact.kind else {
            return Err(Failure::Load(wasmtime::format_err!("not WebAssembly")));
        };
        let loaded = self
            .house
            .programs
            .get(digest, *abi, || self.load())
            .map_err(Failure::Load)?;
        *program = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Whether the artifact is there, whole, ours, and of this engine.
    pub(super) fn check(&self) -> std::io::Result<()> {
        self.open().map(drop)
    }

    fn open(&self) -> std::io::Result<crate::wasm_engine::seal::VerifiedFile> {
        let ArtifactKind::Component { digest, .. } = &self.spec.artifact.kind else {
            return Err(std::io::Error::other("not WebAssembly"));
        };
        let path = self
            .house
            .settings
            .components
            .join(format!("{digest}.cwasm"));
        open_sealed(&self.house.key, &self.house.profile, &path)
    }

    #[expect(
        unsafe_code,
        reason = "native code can only be loaded by trusting it; the seal is why it can be trusted"
    )]
    fn load(&self) -> wasmtime::Result<Program> {
        let file = self.open()?;
        let engine = &self.house.engine;
        let ArtifactKind::Component { abi, .. } = self.spec.artifact.kind else {
            wasmtime::bail!("not WebAssembly");
        };
        Ok(match abi {
            GuestAbi::Http => {
                // SAFETY: the seal proves that our own compiler made these bytes for this engine; the path names the
                // very file that was verified, and sealed files are only ever unlinked, never written again.
                let component =
                    unsafe { component::Component::deserialize_file(engine, file.path()) }?;
                Program::Http(ProxyPre::new(
                    self.house.components.instantiate_pre(&component)?,
                )?)
            }
            GuestAbi::Command => {
                // SAFETY: as above.
                let module = unsafe { Module::deserialize_open_file(engine, file.into_file()) }?;
                Program::Command(self.house.commands.instantiate_pre(&module)?)
            }
        })
    }

    /// What a new store begins with.
    pub(super) async fn tenancy(&self, deadline: Instant) -> Result<Tenancy, Failure> {
        let hold = self.spec.account.memory.hold();
        let largest = self.house.settings.memory_per_instance;
        let limiter = Limiter::begin(hold, largest, self.room()).await;
        Ok(Tenancy {
            limiter: limiter.map_err(Failure::Memory)?,
            deadline,
            group: Arc::clone(&self.group),
            yielded_at: Instant::now(),
        })
    }

    /// Where memory for one of its stores can come from.
    fn room(&self) -> Room {
        let house = Arc::clone(&self.house);
        let (workload, owner) = (self.spec.workload, self.spec.account.owner.owner);
        let evict = Box::new(move |refused: &Refused| house.evict_for(workload, owner, refused));
        Room::new(evict, Arc::clone(&self.spec.ask_for_room))
    }

    /// A fresh instance of a component.
    pub(super) async fn instantiate(
        &self,
        program: &ProxyPre<HttpHost>,
        deadline: Instant,
    ) -> Result<Idle, Failure> {
        let mut tries = TRIES;
        loop {
            let mut store = self.store(deadline).await?;
            let error = match program.instantiate_async(&mut store).await {
                Ok(proxy) => {
                    return Ok(Idle {
                        store,
                        proxy,
                        uses: 0,
                        since: Instant::now(),
                    });
                }
                Err(error) => error,
            };
            let refused = store.data_mut().tenancy().limiter.refused();
            let failure = Failure::of_call(error, refused);
            tries -= 1;
            // Another try, when the pool was full and an idle instance could make room.
            if tries == 0 || !matches!(failure, Failure::Full) || !self.house.evict() {
                return Err(failure);
            }
        }
    }

    async fn store(&self, deadline: Instant) -> Result<Store<HttpHost>, Failure> {
        let mut context = bare_context(&LogStream(self.spec.log.clone()));
        let mounts = &self.spec.repositories.mounts;
        host::mount(&mut context, mounts).map_err(Failure::Load)?;
        let host = HttpHost::new(
            self.tenancy(deadline).await?,
            Environment(Arc::clone(&self.spec.environment)),
            context.build(),
            Arc::clone(&self.egress),
            !mounts.is_empty(),
        );
        let mut store = Store::new(&self.house.engine, host);
        fence(&mut store);
        Ok(store)
    }

    /// An instance that has served before, if the Space allows that.
    pub(super) fn take_idle(&self) -> Option<Idle> {
        self.idle.lock().pop()
    }

    /// Keeps an instance that served its request without fault for another, if the Space allows that and it is not
    /// worn out: after its number of uses, or when it has grown to a quarter of the Space's memory.
    pub(super) fn give_back(&self, mut instance: Idle) {
        instance.uses += 1;
        let allowed = self.spec.artifact.settings.instance_reuse && !self.stopped.is_cancelled();
        let held = instance.store.data_mut().tenancy().limiter.bytes();
        let worn = instance.uses >= self.house.settings.reuse_count
            || held > self.spec.limits.memory_bytes / 4;
        if allowed && !worn {
            instance.since = Instant::now();
            self.idle.lock().push(instance);
        }
    }

    /// Ends the idle instance that has waited longest; the bytes it held.
    fn end_oldest_idle(&self) -> Option<u64> {
        let mut idle = self.idle.lock();
        let mut oldest = (!idle.is_empty()).then(|| idle.remove(0))?;
        drop(idle);
        Some(oldest.store.data_mut().tenancy().limiter.bytes())
    }

    /// Forgets the program and the idle instances if nobody has used them for that long.
    pub(super) fn unload_after(&self, idle: Duration) {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let unused = self
            .age()
            .saturating_sub(self.used_at.load(Ordering::Relaxed))
            >= idle;
        if unused && self.live.available_permits() >= self.house.settings.instances_per_space {
            let rest = (
                self.program.lock().take(),
                std::mem::take(&mut *self.idle.lock()),
            );
            if rest.0.is_some() {
                // Unmapping takes time, which is the Space's own.
                self.group.spawn(async move { drop(rest) }).detach();
            }
        }
    }

    /// Drops instances that have waited that long for a request: they hold memory and places that others want.
    pub(super) fn trim(&self, idle: Duration) {
        let mut all = self.idle.lock();
        // The one used last is taken first, so the oldest stand in front.
        let fresh = all
            .iter()
            .position(|instance| instance.since.elapsed() < idle);
        let old = fresh.unwrap_or(all.len());
        let old: Vec<_> = all.drain(..old).collect();
        drop(all);
        if !old.is_empty() {
            self.group.spawn(async move { drop(old) }).detach();
        }
    }

    /// Whether the program is in memory.
    pub(super) fn is_loaded(&self) -> bool {
        self.program.lock().is_some()
    }

    /// The Space has a newer instance or none: ends the guests under way, and keeps nothing for later.
    pub(super) fn retire(&self) {
        self.stopped.cancel();
        self.unload_after(Duration::ZERO);
        let idle = std::mem::take(&mut *self.idle.lock());
        self.group.spawn(async move { drop(idle) }).detach();
    }

    fn age(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
