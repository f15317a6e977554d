//! Runs the compile worker and finds out how it ended.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::worker::{ORDER, Order, Report};
use crate::domain::{BuildError, World};

/// The most that is read of what the worker says; it has little to say.
const SAID: u64 = 64 << 10;

/// One run of the worker.
pub(super) struct Run<'a> {
    /// The binary that has the worker in it.
    pub(super) program: &'a Path,
    /// An empty folder to run in.
    pub(super) folder: &'a Path,
    /// The WebAssembly.
    pub(super) input: File,
    /// Where the native code goes.
    pub(super) output: File,
    /// The limits.
    pub(super) order: Order,
    /// Wall-clock time, after which the host is too busy.
    pub(super) wall: Duration,
}

/// How the worker ended.
enum Ending {
    Exited { status: ExitStatus, said: Vec<u8> },
    TimedOut,
    Stopped,
}

/// Runs the worker to its end and returns the guest's world and the profile of the code. Dropping the future kills it.
///
/// # Errors
/// The author's when the guest is to blame, ours when not.
pub(super) async fn run(run: Run<'_>) -> Result<(World, String), BuildError> {
    let Run { order, wall, .. } = run;
    let json = serde_json::to_string(&order).map_err(|error| failed("prepared", &error))?;
    let mut command = Command::new(run.program);
    command
        .args(["compile-worker", "--world", "auto"])
        .env_clear()
        .env(ORDER, json)
        // The allocator takes address space as it needs it: a reserve would stand outside of the worker's limit.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .current_dir(run.folder)
        .stdin(run.input)
        .stdout(run.output)
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let stop = CancellationToken::new();
    let (sender, ending) = oneshot::channel();
    let watched = stop.clone();
    // The worker dies with the *thread* that started it (that is how the kernel means "parent"), so it gets a thread
    // that lives exactly as long as it does; the server's own may come and go.
    std::thread::Builder::new()
        .name("compile".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let ending =
                runtime.and_then(|runtime| runtime.block_on(watch(command, wall, watched)));
            // Nobody listens any more when the build was dropped.
            let _ = sender.send(ending);
        })
        .map_err(|error| failed("started", &error))?;
    let _stop = stop.drop_guard();
    let ending = ending.await.map_err(|error| failed("watched", &error))?;
    match ending.map_err(|error| failed("started", &error))? {
        Ending::Exited { status, said } => outcome(status, &said, &order),
        Ending::TimedOut => Err(BuildError::server(format!(
            "compiling did not end within {} s, without having had the CPU time it may take: the server is too busy",
            wall.as_secs()
        ))),
        Ending::Stopped => Err(BuildError::server("the build was stopped")),
    }
}

async fn watch(
    mut command: Command,
    wall: Duration,
    stop: CancellationToken,
) -> io::Result<Ending> {
    let mut child = command.spawn()?;
    // Holds our ends of the files open otherwise.
    drop(command);
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Ending::Stopped,
        ended = listen(&mut child) => {
            let (status, said) = ended?;
            return Ok(Ending::Exited { status, said });
        }
        () = tokio::time::sleep(wall) => Ending::TimedOut,
    };
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // The child is not waited for yet, so the number is still its own.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    child.kill().await?;
    Ok(ending)
}

async fn listen(child: &mut Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut said = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        pipe.take(SAID).read_to_end(&mut said).await?;
    }
    Ok((child.wait().await?, said))
}

/// What an ending means: the guest's doing is the author's to mend, everything else is ours.
fn outcome(status: ExitStatus, said: &[u8], order: &Order) -> Result<(World, String), BuildError> {
    let said = String::from_utf8_lossy(said);
    let reports: Vec<Report> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let confined = reports.contains(&Report::Ready);
    match reports.into_iter().next_back() {
        Some(Report::Compiled { world, profile }) if status.success() => {
            return Ok((world, profile));
        }
        Some(Report::Failed { fault, message }) => return Err(BuildError { fault, message }),
        _ => {}
    }
    tracing::warn!(%status, %said, "The compile worker ended without a result.");
    let signal = status.signal().and_then(Signal::from_named_raw);
    let message = match signal {
        _ if !confined => {
            return Err(BuildError::server(format!(
                "the compiler ended before it began ({status})"
            )));
        }
        Some(Signal::XCPU) => format!("compiling took more than {} s of CPU", order.cpu_seconds),
        Some(Signal::XFSZ) => format!(
            "its native code has more than {} MiB",
            order.output_bytes >> 20
        ),
        Some(Signal::ABORT) if said.contains("memory allocation of") => {
            format!(
                "compiling took more than {} MiB of memory",
                order.memory_bytes >> 20
            )
        }
        Some(Signal::ABORT) if said.contains("overflowed its stack") => {
            "it is nested too deeply for the compiler".into()
        }
        Some(
            Signal::ABORT | Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP,
        ) => "the compiler crashed on it".into(),
        None if status.code() == Some(101) => "the compiler gave up on it".into(),
        _ => {
            return Err(BuildError::server(format!(
                "the compiler was killed ({status})"
            )));
        }
    };
    Err(BuildError::author(message))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> BuildError {
    BuildError::server(format!("the compiler could not be {what}: {error}"))
}
