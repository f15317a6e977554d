//! Running git: with our configuration alone, bounded, and never beyond the life of whoever wants its answer.

use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::process::{Child, Command};

use crate::repo::RepoError;

/// Memory that one git process may map; what git reads whole is far smaller under our limits.
const MEMORY: u64 = 3 << 30;
/// CPU time of one git process, in seconds.
const CPU_SECONDS: u64 = 600;

/// What git is told each time, whatever it finds elsewhere.
const SETTINGS: [&str; 10] = [
    // Repositories have no hooks, and get none.
    "core.hooksPath=/dev/null",
    // The folder is the server's own, whoever the operating system says owns it.
    "safe.directory=*",
    // Only we decide when a repository is tidied.
    "gc.auto=0",
    "maintenance.auto=false",
    // One thread, and files of this size are streamed, so that memory is bounded.
    "pack.threads=1",
    "pack.windowMemory=64m",
    "core.bigFileThreshold=1m",
    // Pushes do not come this way.
    "http.receivepack=false",
    "http.uploadpack=true",
    // Smart clients only: no file of the folder is served as it lies there.
    "http.getanyfile=false",
];

/// A git process with all that it started. Dropped, they are killed.
pub(super) struct Git {
    pub(super) child: Child,
    group: Option<Pid>,
}

// === impl Git ===

impl Git {
    /// A command in a repository's folder.
    pub(super) fn command(folder: &Path) -> Command {
        let mut command = Command::new("git");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_DIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Starts it. It is bounded before it is given anything to work on.
    ///
    /// # Errors
    /// `NoGit` when the server has none.
    pub(super) fn start(mut command: Command) -> Result<Self, RepoError> {
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RepoError::NoGit,
            _ => error.into(),
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let git = Self { child, group };
        // Without a number these would be our own bounds.
        if let Some(process) = group {
            for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, CPU_SECONDS)] {
                let limit = Rlimit {
                    current: Some(most),
                    maximum: Some(most),
                };
                match prlimit(Some(process), resource, limit) {
                    // One that has ended needs no bounds.
                    Ok(_) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(io::Error::from(error).into()),
                }
            }
        }
        Ok(git)
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        // Once it was waited for, its number may be another's.
        if let (Some(group), Some(_)) = (self.group, self.child.id()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A pipe that was asked for and is not there.
pub(super) fn gone() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}
