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
use crate::domain::{BuildError, GuestAbi};

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
    /// Wall-clock time, after which it is stopped.
    pub(super) wall: Duration,
    /// Whether it had tries enough for a host that is too busy.
    pub(super) last_try: bool,
}

/// How the worker ended.
enum Ending {
    Exited { status: ExitStatus, answer: Vec<u8> },
    TimedOut { cpu: Duration },
    Stopped,
}

/// Runs the worker to its end and returns the guest's world and the profile of the code. Dropping the future kills it.
///
/// # Errors
/// The author's when the guest is to blame, ours when not.
pub(super) async fn run(run: Run<'_>) -> Result<(GuestAbi, String), BuildError> {
    let Run {
        order,
        wall,
        last_try,
        ..
    } = run;
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
        Ending::Exited { status, answer } => outcome(status, &answer, &order),
        Ending::TimedOut { cpu } => Err(too_slow(cpu, wall, last_try)),
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
            let (status, answer) = ended?;
            return Ok(Ending::Exited { status, answer });
        }
        () = tokio::time::sleep(wall) => Ending::TimedOut {
            cpu: child.id().and_then(cpu_time).unwrap_or_default(),
        },
    };
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // The child is not waited for yet, so the number is still its own.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    child.kill().await?;
    Ok(ending)
}

/// CPU time a process has used, of which nobody has waited for the end.
fn cpu_time(id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it may have spaces and parentheses of its own; proc(5) counts these as fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_millis(ticks * 1000 / per_second.max(1)))
}

/// Of a core, the share that a compiler has on a host which is not too busy for it, as one part in so many.
const FAIR_SHARE: u32 = 4;

/// Whose fault it is that a compilation did not end in time: the module's where the compiler could work, and ours where
/// others had the CPU; but whatever was too slow every time is not tried for ever.
fn too_slow(cpu: Duration, wall: Duration, last_try: bool) -> BuildError {
    let (had, wall_seconds) = (cpu.as_secs_f64(), wall.as_secs());
    if cpu * FAIR_SHARE >= wall {
        return BuildError::author(format!(
            "compiling took longer than {wall_seconds} s, with {had:.1} s of CPU time: the module or its functions \
             are too large"
        ));
    }
    if last_try {
        return BuildError::author(format!(
            "compiling took longer than {wall_seconds} s in each of several attempts on a busy server: make the \
             module smaller, or rebuild it when the server is less busy"
        ));
    }
    BuildError::server(format!(
        "compiling took longer than {wall_seconds} s, with only {had:.1} s of CPU time: the server is too busy"
    ))
}

async fn listen(child: &mut Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut answer = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        pipe.take(SAID).read_to_end(&mut answer).await?;
    }
    Ok((child.wait().await?, answer))
}

/// What an ending means: the guest's doing is the author's to mend, everything else is ours.
fn outcome(
    status: ExitStatus,
    answer: &[u8],
    order: &Order,
) -> Result<(GuestAbi, String), BuildError> {
    let answer = String::from_utf8_lossy(answer);
    let reports: Vec<Report> = answer
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let confined = reports.contains(&Report::Ready);
    match reports.into_iter().next_back() {
        Some(Report::Compiled { abi, profile }) if status.success() => {
            return Ok((abi, profile));
        }
        Some(Report::Failed { fault, message }) => return Err(BuildError { fault, message }),
        _ => {}
    }
    tracing::warn!(%status, %answer, "The compile worker exited without a result.");
    let signal = status.signal().and_then(Signal::from_named_raw);
    let message = match signal {
        _ if !confined => {
            return Err(BuildError::server(format!(
                "the compiler exited before it started to compile ({status})"
            )));
        }
        Some(Signal::XCPU) => format!(
            "compiling took more than {} s of CPU time",
            order.cpu_seconds
        ),
        Some(Signal::XFSZ) => format!(
            "its native code is larger than {} MiB",
            order.output_bytes >> 20
        ),
        Some(Signal::ABORT) if answer.contains("memory allocation of") => {
            format!(
                "compiling took more than {} MiB of memory",
                order.memory_bytes >> 20
            )
        }
        Some(Signal::ABORT) if answer.contains("overflowed its stack") => {
            "it is nested too deeply for the compiler".into()
        }
        Some(
            Signal::ABORT | Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP,
        ) => "the compiler crashed on it".into(),
        None if status.code() == Some(101) => "the compiler failed on it".into(),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Fault;

    proptest! {
        /// Who got a fair share has no excuse, who did not is tried again, and nobody is tried for ever.
        #[test]
        fn whose_fault_it_is_follows_from_the_time_it_computed(cpu in 0u64..120, wall in 1u64..120, last in any::<bool>()) {
            let error = too_slow(Duration::from_secs(cpu), Duration::from_secs(wall), last);
            let fair = cpu * u64::from(FAIR_SHARE) >= wall;
            let expected = if fair || last { Fault::Author } else { Fault::Server };
            prop_assert_eq!(error.fault, expected);
        }
    }

    #[test]
    fn the_time_a_process_computed_is_read() {
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_millis(300) {
            std::hint::spin_loop();
        }
        let used = cpu_time(std::process::id()).expect("it runs");
        assert!(
            used > Duration::ZERO && used < Duration::from_secs(3600),
            "{used:?}"
        );
    }
}
