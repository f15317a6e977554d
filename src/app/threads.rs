//! The threads that talk to clients.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::{io, thread};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::config::ServerConfig;

const REFUSED: &str = "server.realtime: this process may not use real-time scheduling; give it CAP_SYS_NICE or \
                       RLIMIT_RTPRIO";

/// A runtime whose core threads are as the configuration says. A single one is the thread that the runtime is entered on,
/// which spares each request a tenth of its time.
///
/// # Errors
/// When threads cannot be had, or not the real-time scheduling that was asked for.
pub fn runtime(config: &ServerConfig) -> anyhow::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = config.threads.unwrap_or(cores / 2).max(1);
    if threads == 1 {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        if config.realtime {
            go_first().context(REFUSED)?;
        }
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    if !config.realtime {
        return Ok(builder.build()?);
    }
    // The runtime starts its core threads first and calls this for each, as for every thread that it starts later for
    // work that blocks; those stay ordinary threads.
    let begun = Arc::new(AtomicUsize::new(0));
    let (reply, started) = mpsc::channel();
    builder.on_thread_start(move || {
        if begun.fetch_add(1, Ordering::Relaxed) < threads {
            // Nobody listens any more when one before it was refused.
            let _ = reply.send(go_first());
        }
    });
    let runtime = builder.build()?;
    for _ in 0..threads {
        started.recv()?.context(REFUSED)?;
    }
    Ok(runtime)
}

/// Lets this thread run as soon as it has something to do, whatever ordinary threads are on (`SCHED_RR`, sched(7)). What
/// it starts, threads and processes, is ordinary again.
#[expect(
    unsafe_code,
    reason = "no safe interface to sched_setscheduler is among our libraries"
)]
fn go_first() -> io::Result<()> {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: the call reads the parameter and changes how the calling thread is scheduled, nothing else.
    let done = unsafe {
        libc::sched_setscheduler(
            0,
            libc::SCHED_RR | libc::SCHED_RESET_ON_FORK,
            &raw const lowest,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
