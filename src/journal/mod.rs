//! What a Space says: its run log and its build log, on disk, with live followers.
//!
//! ```text
//!  line() ──► pending lines of that log ──(at most one notice per log)──► writer thread ──► FILE.jsonl
//!                       ▲                                                                      ▲
//!                       └──────────────── follow(): first the file, then what is pending ──────┘
//! ```
//!
//! Saying a line never waits: it is put into the log's bounded queue, and one thread for all logs writes the queues out.
//! A follower keeps nothing but its place: an offset into everything the log ever held, of which the file holds the end
//! and the queue the very last. So a slow follower costs no memory, sees each line once and in order, and is told when
//! lines it has not seen are gone because the log is bounded.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak, mpsc};

use parking_lot::{Mutex, MutexGuard};

use crate::domain::{WorkloadId, now};

mod follow;
mod line;
mod log;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use follow::Follow;
pub use line::LogLine;
pub use log::Log;
pub use stream::LogWriter;

/// How much a log takes and keeps.
#[derive(Debug, Clone, Copy)]
pub struct JournalLimits {
    /// On disk, per log; reaching it drops the older half, with a line that says so.
    pub bytes_per_log: u64,
    /// Of one line's text, at most 8 KiB; a longer one is cut and marked.
    pub line_bytes: usize,
    /// Per log; more are counted, and the count is said in one line.
    pub lines_per_second: u32,
}

/// The logs of all Spaces. Cheap to clone; the drop of the last clone waits until everything said is on disk.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limits: JournalLimits,
    logs: Mutex<HashMap<(WorkloadId, Kind), Weak<log::Inner>>>,
    work: mpsc::Sender<log::Work>,
    writer: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Run,
    Build,
}

// === impl JournalLimits ===

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            bytes_per_log: 1 << 20,
            line_bytes: 8 << 10,
            lines_per_second: 200,
        }
    }
}

// === impl Journal ===

impl Journal {
    /// Opens the folder, creating it if need be, and starts the writer.
    ///
    /// # Errors
    /// The folder cannot be made, or the thread cannot be started.
    pub fn open(folder: PathBuf, limits: JournalLimits) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let (work, todo) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer::run(&todo))?;
        Ok(Self(Arc::new(Shared {
            folder,
            limits,
            logs: Mutex::default(),
            work,
            writer: Some(writer),
        })))
    }

    /// What a workload's instances print; the same log for all who ask while anyone holds it.
    pub fn run(&self, workload: impl Into<WorkloadId>) -> Log {
        self.log(workload.into(), Kind::Run)
    }

    /// What its newest build printed; a new build begins with [`Log::restart`].
    pub fn build(&self, workload: impl Into<WorkloadId>) -> Log {
        self.log(workload.into(), Kind::Build)
    }

    /// Deletes both logs of a workload. Who still follows them comes to their end; who still speaks is not heard.
    pub fn remove(&self, workload: impl Into<WorkloadId>) {
        let workload = workload.into();
        for kind in [Kind::Run, Kind::Build] {
            let log = self.log(workload, kind);
            self.logs().remove(&(workload, kind));
            log.remove();
        }
    }

    /// Waits until everything said so far is on disk. Blocks: not for async callers.
    pub fn flush(&self) {
        let (done, wait) = mpsc::sync_channel(1);
        if self.0.work.send(log::Work::Flush(done)).is_ok() {
            // An error means that the writer is gone, and with it what it had to write.
            let _ = wait.recv();
        }
    }

    fn log(&self, workload: WorkloadId, kind: Kind) -> Log {
        let mut logs = self.logs();
        if let Some(inner) = logs.get(&(workload, kind)).and_then(Weak::upgrade) {
            return Log::new(inner);
        }
        // What nobody holds any more is on disk alone, and is swept when something new comes.
        logs.retain(|_, log| log.strong_count() > 0);
        let stem = workload.file_stem();
        let path = self.0.folder.join(match kind {
            Kind::Run => format!("{stem}.run.jsonl"),
            Kind::Build => format!("{stem}.build.jsonl"),
        });
        let inner = log::Inner::open(path, self.0.limits, self.0.work.clone());
        logs.insert((workload, kind), Arc::downgrade(&inner));
        Log::new(inner)
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<(WorkloadId, Kind), Weak<log::Inner>>> {
        self.0.logs.lock()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Logs may outlive the journal and hold senders, so the end is said rather than inferred from a closed channel.
        let _ = self.work.send(log::Work::Stop);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
