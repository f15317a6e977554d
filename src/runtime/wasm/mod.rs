//! WASI modules in wasmtime, many tenants in one process, each kept within its hardware.
//!
//! ```text
//!  gateway's threads                 │ guest threads (scheduler)
//!  GuestService::call ── spawn ──────┼─► Guest::program      load if not in memory (sealed, mapped)
//!     │ waits for the reply          │   instance            idle one, or fresh from the pool
//!     │ until the deadline           │   component | command poll, charge, give way, poll …
//!     ◄──────────── head, body ──────┼──
//! ```
//!
//! Three times of life: the engine (process), the program (while any Space uses it), the store (a request, or a row of them).
//! Nobody outside this folder and [`crate::wasm_engine`] names wasmtime. What a guest may take:
//!
//! | what | limit | kept by |
//! |---|---|---|
//! | CPU | the Space's rate, as credit | `scheduler` |
//! | guest threads | `ceil(cores)` of the Space at once | `scheduler` |
//! | wall-clock time | the request's deadline | `host` (computing), `service` (waiting) |
//! | memory | sum over all stores of the Space, of its owner, of the host | `limiter`, the ledger, and `room` where it is full |
//! | instances | per Space and in the pool | `service`, `engine` |
//! | what the host holds for it | resources, handles, headers, copies, chunks | `host` |
//! | files | those of models and datasets mounted for it, read-only, no more than 128 things open | `host` |
//! | outgoing HTTP | listed hosts, 16 connections, 256 MiB an answer | `egress` |

mod answer;
mod cgi;
mod command;
mod component;
mod decommit;
mod egress;
mod failure;
mod guest;
mod host;
mod limiter;
mod memory_reclaim;
mod pipe;
mod programs;
mod run_queue;
mod scheduler;
mod service;
mod stdio;
mod thread;

use std::collections::HashSet;
use std::future::ready;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{Linker, component as wasm_component};
use wasmtime_wasi::p2::bindings::cli::environment;

use self::guest::{Guest, Guests, House};
use self::programs::Programs;
use self::scheduler::{Scheduler, SchedulerSettings};
use self::service::GuestService;
use super::{InstanceSpec, LimitReport, LimitState, Runtime, RuntimeError};
use crate::domain::{ArtifactKind, EgressOffer, InstanceId};
use crate::keys::SealKey;
use crate::ledger::WorkloadAccount;
use crate::upstream::Upstream;
use crate::wasm_engine::{self, PoolSettings};

/// How the runtime is set up.
#[derive(Debug, Clone)]
pub struct WasmSettings {
    /// Folder of the sealed artifacts.
    pub components: PathBuf,
    /// Threads that run guests.
    pub guest_threads: usize,
    /// Time between two looks at a guest that computes.
    pub tick: Duration,
    /// Wall-clock time a request may take when its card says nothing.
    pub request_timeout: Duration,
    /// The longest that a card may ask for.
    pub max_request_timeout: Duration,
    /// Instances in the pool, for all Spaces.
    pub instances: u32,
    /// Instances of one Space that may serve at once.
    pub instances_per_space: usize,
    /// Bytes of the largest single memory.
    pub memory_per_instance: usize,
    /// Idle time after which a program leaves memory.
    pub unload_after: Duration,
    /// Requests after which a reused instance is replaced.
    pub reuse_count: u32,
    /// Most bytes of an answer.
    pub response_bytes: u64,
    /// Whether listed hosts may have addresses of private networks.
    pub egress_private: bool,
    /// Where they may connect to at most, whatever cards say.
    pub egress: EgressOffer,
}

/// The runtime.
pub struct WasmRuntime {
    house: Arc<House>,
    scheduler: Scheduler,
    guests: Arc<Guests>,
    /// Whether it was said that native code is missing: after a restore it is that of every Space.
    told_of_missing: AtomicBool,
    _janitor: AbortOnDropHandle<()>,
}

// === impl WasmRuntime ===

impl WasmRuntime {
    /// Starts the engine and the guest threads. Must be called inside the I/O runtime.
    ///
    /// # Errors
    /// When the address space has no room for even a few instances, or threads cannot be started.
    pub fn start(settings: WasmSettings, key: SealKey) -> wasmtime::Result<Self> {
        let engine = wasm_engine::pooled(PoolSettings {
            instances: settings.instances,
            memory_bytes: settings.memory_per_instance as u64,
        })?;
        let mut components = wasm_component::Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut components)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut components)?;
        components.allow_shadowing(true);
        environment::add_to_linker::<_, host::Environment>(
            &mut components,
            |host: &mut host::HttpHost| &mut host.environment,
        )?;
        components.allow_shadowing(false);
        let mut commands = Linker::new(&engine);
        wasmtime_wasi::p1::add_to_linker_async(&mut commands, |host: &mut host::CommandHost| {
            &mut host.wasi
        })?;
        let scheduler = Scheduler::start(
            &engine,
            &SchedulerSettings {
                threads: settings.guest_threads,
                tick: settings.tick,
            },
        )?;
        let guests = Arc::<Guests>::default();
        let janitor = tokio::spawn(unload_unused(Arc::clone(&guests), settings.unload_after));
        Ok(Self {
            house: Arc::new(House {
                profile: wasm_engine::profile(&engine),
                engine,
                key,
                settings,
                components,
                commands,
                programs: Programs::default(),
                guests: Arc::downgrade(&guests),
            }),
            scheduler,
            guests,
            told_of_missing: AtomicBool::new(false),
            _janitor: AbortOnDropHandle::new(janitor),
        })
    }

    /// The engine's profile: artifacts of another one must be built again.
    pub fn profile(&self) -> &str {
        &self.house.profile
    }

    /// Programs that are in memory now.
    pub fn loaded(&self) -> usize {
        self.guests
            .lock()
            .values()
            .filter(|guest| guest.is_loaded())
            .count()
    }
}

impl Runtime for WasmRuntime {
    fn name(&self) -> &'static str {
        "wasi"
    }

    fn runs(&self, kind: &ArtifactKind) -> bool {
        matches!(kind, ArtifactKind::Component { .. })
    }

    fn trouble(&self) -> BoxFuture<'_, Option<&'static str>> {
        let has_room = wasm_engine::slots(&self.house.engine) > 0;
        Box::pin(ready((!has_room).then_some("has no room for instances")))
    }

    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        Box::pin(async move {
            let id = spec.id;
            let group = self.scheduler.group(Arc::clone(&spec.account));
            let guest = Arc::new(Guest::new(spec, Arc::clone(&self.house), group));
            let checked = Arc::clone(&guest);
            let check = tokio::task::spawn_blocking(move || checked.check()).await;
            match check.map_err(|error| RuntimeError::Server(error.into()))? {
                Ok(()) => {}
                Err(error) => {
                    let space = &guest.spec.name;
                    if error.kind() != std::io::ErrorKind::NotFound {
                        tracing::warn!(%space, "the artifact of {space} cannot be used: {error}");
                    } else if !self.told_of_missing.swap(true, Ordering::Relaxed) {
                        tracing::warn!(
                            %space,
                            "the native code of {space} is missing, as is normal after a restore; each Space is \
                             compiled again when it starts"
                        );
                    } else {
                        tracing::debug!(%space, "the native code of {space} is missing");
                    }
                    return Err(RuntimeError::ArtifactLost);
                }
            }
            for told in guest.spec.repositories.told() {
                guest.spec.log.line(&told);
            }
            self.guests.lock().insert(id, Arc::clone(&guest));
            Ok(Upstream::Service(Arc::new(GuestService { guest })))
        })
    }

    fn stop(&self, id: InstanceId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let guest = self.guests.lock().remove(&id);
            if let Some(guest) = guest {
                guest.retire();
            }
        })
    }

    fn limits(&self, id: InstanceId) -> Vec<LimitReport> {
        let Some(guest) = self.guests.lock().get(&id).cloned() else {
            return Vec::new();
        };
        let account = &guest.spec.account;
        let report = |name, value| LimitReport {
            name,
            value,
            state: LimitState::Enforced,
        };
        vec![
            report("cpu", cpu_text(account)),
            report("memory", format!("{} bytes", account.memory.limit())),
            report(
                "request_timeout",
                format!("{} ms", guest.timeout.as_millis()),
            ),
            report(
                "instances",
                guest.house.settings.instances_per_space.to_string(),
            ),
        ]
    }

    fn mounted(&self) -> BoxFuture<'_, Option<HashSet<PathBuf>>> {
        let all = self.guests.lock();
        let mounts = all
            .values()
            .flat_map(|guest| &guest.spec.repositories.mounts);
        let mounted = mounts.map(|mount| mount.source.clone()).collect();
        Box::pin(ready(Some(mounted)))
    }
}

/// A Space's rate, and what it may use besides.
fn cpu_text(account: &WorkloadAccount) -> String {
    let (rate, most) = (account.cpu_millis(), account.most_cpu_millis());
    match most > rate {
        true => format!("{rate} millicores, up to {most} with spare CPU time"),
        false => format!("{rate} millicores"),
    }
}

async fn unload_unused(guests: Arc<Guests>, after: Duration) {
    let mut rounds = tokio::time::interval((after / 4).max(Duration::from_millis(100)));
    loop {
        rounds.tick().await;
        let all: Vec<_> = guests.lock().values().cloned().collect();
        for guest in all {
            guest.trim(after);
            guest.unload_after(after);
        }
    }
}
