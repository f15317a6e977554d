//! The compile worker: a process of its own, because a module is an attack on the compiler.
//!
//! It gives up everything it does not need before it reads a byte of the guest: CPU time, memory, files, the network,
//! new processes. It reads WebAssembly from standard input and writes native code to standard output, both files. On
//! standard error it writes one line of JSON when its limits hold ([`Report::Ready`]), and one with the result.

use std::env;
use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal,
    setpriority_process, setrlimit,
};
use rustix::thread::{UnshareFlags, set_no_new_privs};
use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Module};

use super::guest::{self, Compiled};
use crate::domain::{BuildError, Fault, GuestAbi};
use crate::wasm_engine;

/// The variable of the environment in which the worker finds its [`Order`], as JSON.
pub(super) const ORDER: &str = "COMPILE_ORDER";

/// What one compilation may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// CPU time in seconds.
    pub(super) cpu_seconds: u64,
    /// Address space in bytes.
    pub(super) memory_bytes: u64,
    /// Size of the native code in bytes.
    pub(super) output_bytes: u64,
    /// Size of the WebAssembly in bytes.
    pub(super) module_bytes: u64,
    /// Largest size in bytes of one of the guest's memories.
    pub(super) guest_memory_bytes: u64,
    /// The process that started the worker, and whose end is the worker's end.
    pub(super) parent: u32,
}

/// One line of what the worker says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Report {
    /// Its limits hold; whatever happens to it from here on, the guest did.
    Ready,
    /// The native code is written.
    Compiled {
        /// How the guest is called.
        abi: GuestAbi,
        /// Under which engine settings it runs.
        profile: String,
    },
    /// There is no native code.
    Failed {
        /// Whose move it is.
        fault: Fault,
        /// Why, for the author.
        message: String,
    },
}

/// The whole life of the worker process. Call it before anything else has started a thread.
pub fn main() -> ExitCode {
    match prepare().and_then(|(order, engine)| work(&order, &engine)) {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(BuildError { fault, message }) => {
            say(&Report::Failed { fault, message });
            ExitCode::FAILURE
        }
    }
}

/// Everything that happens before the guest has a say.
fn prepare() -> Result<(Order, Engine), BuildError> {
    let order =
        confine().map_err(|error| internal("the compiler could not be sandboxed", &error))?;
    let engine = wasm_engine::for_compile()
        .map_err(|error| internal("there is no compiler for this CPU", &error))?;
    // The smallest module shows that the compiler itself fits into the limits.
    Module::from_binary(&engine, b"\0asm\x01\0\0\0")
        .map_err(|error| internal("the compiler does not run", &error))?;
    say(&Report::Ready);
    Ok((order, engine))
}

fn work(order: &Order, engine: &Engine) -> Result<Report, BuildError> {
    let mut wasm = Vec::new();
    io::stdin()
        .take(order.module_bytes.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(|error| internal("the WebAssembly could not be read", &error))?;
    if wasm.len() as u64 > order.module_bytes {
        return Err(too_large(order.module_bytes));
    }
    let Compiled { abi, code } = guest::compile(engine, &wasm, order.guest_memory_bytes)?;
    if code.len() as u64 > order.output_bytes {
        return Err(BuildError::author(format!(
            "its native code has {} bytes; {} are allowed",
            code.len(),
            order.output_bytes
        )));
    }
    let mut out = io::stdout().lock();
    out.write_all(&code)
        .and_then(|()| out.flush())
        .map_err(|error| internal("the native code could not be written", &error))?;
    let profile = wasm_engine::profile(engine);
    Ok(Report::Compiled { abi, profile })
}

fn internal(what: &str, error: &dyn fmt::Display) -> BuildError {
    BuildError::server(format!("{what}: {error}"))
}

/// The error for WebAssembly of more than `most` bytes.
pub(super) fn too_large(most: u64) -> BuildError {
    BuildError::author(format!(
        "it is larger than {} MiB, the limit for a module",
        most >> 20
    ))
}

/// Takes away from this process what it does not need, for good.
fn confine() -> Result<Order, String> {
    let order = env::var(ORDER).map_err(|_| "only the server starts this command".to_owned())?;
    let order: Order = serde_json::from_str(&order).map_err(|error| error.to_string())?;

    // The server's end is ours. It may have ended before this was said, so look once more.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(order.parent) {
        return Err("the server has exited".into());
    }

    set_no_new_privs(true).map_err(|error| error.to_string())?;
    leave_the_network();
    // Visitors come first. Not essential: a host may forbid it.
    let _ = setpriority_process(None::<Pid>, 19);

    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Cpu, order.cpu_seconds.saturating_add(1)),
        (Resource::As, order.memory_bytes),
        // More than the code may have, so that the worker itself can say how much it has.
        (Resource::Fsize, order.output_bytes.saturating_add(1 << 20)),
        (Resource::Nofile, 16),
        (Resource::Nproc, 0),
    ] {
        limit(resource, most).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    Ok(order)
}

fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    // The server's own limit may be lower, and only root can raise it again.
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |internal| internal.min(most));
    let limit = Rlimit {
        // The signal at the soft limit says what happened; the hard one kills without a word.
        current: Some(if resource == Resource::Cpu {
            most.saturating_sub(1).max(1)
        } else {
            most
        }),
        maximum: Some(most),
    };
    setrlimit(resource, limit)
}

/// Moves to a network without devices, where the host allows it: as root, or with a user namespace of its own.
#[expect(
    deprecated,
    reason = "its successor is unsafe because of `UnshareFlags::FILES`, which is not asked for here"
)]
fn leave_the_network() {
    use rustix::thread::unshare;
    if unshare(UnshareFlags::NEWNET).is_err() {
        let _ = unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET);
    }
}

fn say(report: &Report) {
    // Nobody is left to hear about a broken pipe.
    if let Ok(line) = serde_json::to_string(report) {
        let _ = writeln!(io::stderr(), "{line}");
    }
}
