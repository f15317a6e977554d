//! One log: what is said goes in here.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::JournalLimits;
use super::line::{MAX_ENCODED, encode};
use super::state::{State, Taken};

/// A handle on one log. Cheap to clone; all clones speak to the same log.
#[derive(Debug, Clone)]
pub struct Log(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) path: PathBuf,
    pub(super) limits: JournalLimits,
    state: Mutex<State>,
    /// Moves whenever followers should look again.
    pub(super) changed: watch::Sender<()>,
    work: mpsc::Sender<Work>,
}

/// What the thread that writes is told.
#[derive(Debug)]
pub(super) enum Work {
    /// That log has something to write.
    Write(Arc<Inner>),
    /// Answer when everything before is written.
    Flush(mpsc::SyncSender<()>),
    Stop,
}

// === impl Log ===

impl Log {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// Says a line, or several if the text has newlines. Never waits and never fails: lines past the journal's limits
    /// are counted instead, and the count is said. NUL is dropped; other control characters stay.
    pub fn line(&self, text: &str) {
        if text.is_empty() {
            return self.say("", 0);
        }
        for line in text.lines() {
            self.say(line, 0);
        }
    }

    /// Begins anew: what was said so far is gone, also for followers that have not read it.
    pub fn restart(&self) {
        self.0.state().forget();
        self.0.announce();
        self.0.changed.send_replace(());
    }

    /// Says one line without newlines, of which `beyond` bytes were left behind already.
    pub(super) fn say(&self, text: &str, beyond: usize) {
        let Inner { limits, .. } = &*self.0;
        let now = Instant::now();
        let taken = {
            let mut state = self.0.state();
            self.0.mention_left_out(&mut state, now);
            let line = || encode(text, beyond, limits.line_bytes);
            state.offer(line, limits.lines_per_second, limits.bytes_per_log, now)
        };
        if taken != Taken::Ignored {
            self.0.announce();
        }
        if taken == Taken::Queued {
            self.0.changed.send_replace(());
        }
    }

    pub(super) fn remove(&self) {
        {
            let mut state = self.0.state();
            state.forget();
            state.removed = true;
        }
        // The writer, should it be at work on the file now, deletes it when it is done.
        let _ = std::fs::remove_file(&self.0.path);
        self.0.changed.send_replace(());
    }
}

// === impl Inner ===

impl Inner {
    pub(super) fn open(
        path: PathBuf,
        limits: JournalLimits,
        work: mpsc::Sender<Work>,
    ) -> Arc<Self> {
        let limits = JournalLimits {
            line_bytes: limits.line_bytes.clamp(1, 8 << 10),
            ..limits
        };
        let end = whole_lines(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "cannot read a log; starting a new one");
            }
            0
        });
        Arc::new(Self {
            path,
            limits,
            state: Mutex::new(State::new(end)),
            changed: watch::Sender::new(()),
            work,
        })
    }

    /// Locked for bookkeeping, and at most to open or rename a file: never while bytes are read or written.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Says how many lines were left out, when that is due.
    pub(super) fn mention_left_out(&self, state: &mut State, now: Instant) {
        if let Some(count) = state.left_out(now) {
            let text = format!(
                "[{count} lines left out: more than {} per second, or faster than the disk]",
                self.limits.lines_per_second
            );
            state.push(encode(&text, 0, text.len()));
            self.changed.send_replace(());
        }
    }

    fn announce(self: &Arc<Self>) {
        let announced = std::mem::replace(&mut self.state().announced, true);
        if !announced {
            // A closed channel means that the journal is gone: the log is heard by present followers only.
            let _ = self.work.send(Work::Write(Arc::clone(self)));
        }
    }
}

/// Length of the file up to its last newline. A crash may have left half a line behind it, which is cut off.
fn whole_lines(path: &std::path::Path) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut end = vec![
        0;
        usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(MAX_ENCODED)
    ];
    let begin = length - end.len() as u64;
    file.read_exact_at(&mut end, begin)?;
    let whole = match end.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => begin + newline as u64 + 1,
        None => 0,
    };
    if whole != length {
        file.set_len(whole)?;
        (&file).flush()?;
    }
    Ok(whole)
}
