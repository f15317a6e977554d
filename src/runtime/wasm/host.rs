//! What a guest sees of the host: deny all, then one commented line for each thing it may have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::egress;
use super::limiter::Limiter;
use super::scheduler::Group;
use super::stdio::LogStream;
use crate::runtime::Mount;
use crate::runtime::egress::EgressPolicy;

/// Bytes that one set of headers may take in the host's memory.
const HEADERS: usize = 32 << 10;
/// Resources a guest may hold at once: streams, bodies, headers, pollables.
const RESOURCES: usize = 1024;
/// The same where it has files: each open one takes a descriptor of this process, and each that is read from 64 KiB.
const RESOURCES_WITH_FILES: usize = 128;
/// Handles to resources over all of a guest's components.
const HANDLES: usize = 4096;
/// Bytes that one call may copy from the guest to the host.
const COPIED: usize = 8 << 20;
/// Random bytes that one call may ask for.
const RANDOM: u64 = 1 << 20;
/// Bytes that one write to a response may hand over, and how many such the host keeps.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 2;

/// What every store has, of whatever world.
pub(super) struct Tenancy {
    /// Its memory.
    pub(super) limiter: Limiter,
    /// When the request it serves is cut off.
    pub(super) deadline: Instant,
    /// Whose turn it uses.
    pub(super) group: Arc<Group>,
    /// When it last let its task be looked at.
    pub(super) yielded_at: Instant,
}

/// How long a guest may compute before its task is looked at, even if nobody else wants the thread: a visitor who has
/// left is only noticed then.
const LONGEST_TURN: Duration = Duration::from_millis(5);

/// A store's data with its tenancy.
pub(super) trait Tenant: Send + 'static {
    fn tenancy(&mut self) -> &mut Tenancy;
}

/// The host of a component.
pub(super) struct HttpHost {
    tenancy: Tenancy,
    /// What the card's owner set, and what the Hub promises every Space.
    pub(super) environment: Environment,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
}

/// The host of a command.
pub(super) struct CommandHost {
    tenancy: Tenancy,
    pub(super) wasi: WasiP1Ctx,
}

struct Hooks {
    egress: Arc<EgressPolicy>,
}

/// What a component reads as its environment: variables that all instances of a Space share, for copying them would be
/// much of what a new instance costs; no arguments, and no folder.
pub(super) struct Environment(pub(super) Arc<Vec<(String, String)>>);

/// The context both worlds begin with: no files, no sockets, no names, no arguments, no variables, closed input.
pub(super) fn bare_context(output: &LogStream) -> WasiCtxBuilder {
    let mut context = WasiCtxBuilder::new();
    context
        // What it prints is its run log; a command's own output is its answer and replaces the first of these.
        .stdout(output.clone())
        .stderr(output.clone())
        .max_random_size(RANDOM)
        // The engine allows none of these without addresses to allow; said here so that no default can change it.
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    context
}

/// Lets a guest read the folders that are mounted for its Space.
///
/// # Errors
/// When one of them cannot be opened.
pub(super) fn mount(context: &mut WasiCtxBuilder, mounts: &[Mount]) -> wasmtime::Result<()> {
    for mount in mounts {
        // Links lead nowhere out of it, and there are none.
        context.preopened_dir(&mount.source, &mount.target, FsPerms::ReadOnly)?;
    }
    Ok(())
}

/// Applies everything that is set per store, before anything of the guest has run.
pub(super) fn fence<T: Tenant>(store: &mut Store<T>) {
    store.limiter_async(|host| &mut host.tenancy().limiter);
    store.set_max_component_handles(HANDLES);
    store.set_hostcall_fuel(COPIED);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut context| {
        let tenancy = context.data_mut().tenancy();
        let now = Instant::now();
        if now >= tenancy.deadline {
            return Ok(UpdateDeadline::Interrupt);
        }
        let long = now.duration_since(tenancy.yielded_at) >= LONGEST_TURN;
        Ok(if tenancy.group.checkpoint() || long {
            tenancy.yielded_at = now;
            UpdateDeadline::YieldCustom(1, Box::pin(give_way()))
        } else {
            UpdateDeadline::Continue(1)
        })
    });
}

/// Goes to the end of its group's queue.
async fn give_way() {
    let mut gone = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gone, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

// === impl HttpHost ===

impl HttpHost {
    pub(super) fn new(
        tenancy: Tenancy,
        environment: Environment,
        wasi: WasiCtx,
        egress: Arc<EgressPolicy>,
        has_files: bool,
    ) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(if has_files {
            RESOURCES_WITH_FILES
        } else {
            RESOURCES
        });
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADERS);
        Self {
            tenancy,
            environment,
            table,
            wasi,
            http,
            hooks: Hooks { egress },
        }
    }
}

impl Tenant for HttpHost {
    fn tenancy(&mut self) -> &mut Tenancy {
        &mut self.tenancy
    }
}

impl WasiView for HttpHost {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for HttpHost {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

type Sending = Box<
    dyn Future<
            Output = Result<
                (
                    http::Response<WasiBody>,
                    Box<dyn Future<Output = Result<(), Error>> + Send>,
                ),
                Error,
            >,
        > + Send,
>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sending {
        let policy = Arc::clone(&self.egress);
        Box::new(async move {
            let response = egress::send(policy, request, options).await?;
            let done: Box<dyn Future<Output = _> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((response, done))
        })
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}

// === impl Environment ===

impl HasData for Environment {
    type Data<'a> = &'a mut Self;
}

impl environment::Host for Environment {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.0.as_ref().clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

// === impl CommandHost ===

impl CommandHost {
    pub(super) fn new(tenancy: Tenancy, wasi: WasiP1Ctx) -> Self {
        Self { tenancy, wasi }
    }
}

impl Tenant for CommandHost {
    fn tenancy(&mut self) -> &mut Tenancy {
        &mut self.tenancy
    }
}
