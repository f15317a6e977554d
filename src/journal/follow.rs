//! Reading a log: first what is kept, then what comes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::sync::watch;

use super::LogLine;
use super::line::MAX_ENCODED;
use super::log::{Inner, Log};

/// A reader's place in a log. It holds no lines but the few it is about to return.
#[derive(Debug)]
pub struct Follow {
    log: Arc<Inner>,
    changed: watch::Receiver<()>,
    /// Offset after the last byte in `buffer`.
    place: u64,
    buffer: Vec<u8>,
    taken: usize,
}

/// Larger than any line, so that every piece read holds at least one.
const PIECE: usize = 64 << 10;
const _: () = assert!(PIECE > MAX_ENCODED);

// === impl Log ===

impl Log {
    /// The last `tail` lines that are kept (all, if `None`), then those to come.
    pub fn follow(&self, tail: Option<usize>) -> Follow {
        Follow::new(Arc::clone(&self.0), tail)
    }

    /// The last `n` lines that are kept, oldest first.
    pub fn tail(&self, n: usize) -> Vec<LogLine> {
        let mut follow = self.follow(Some(n));
        let mut lines = Vec::new();
        while lines.len() < n
            && let Some(line) = follow.try_next()
        {
            lines.push(line);
        }
        lines
    }
}

// === impl Follow ===

impl Follow {
    fn new(log: Arc<Inner>, tail: Option<usize>) -> Self {
        let changed = log.changed.subscribe();
        let place = tail.map_or(0, |lines| place_of_tail(&log, lines));
        Self {
            log,
            changed,
            place,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// The next line; waits for it to be said. `None` once the log is removed. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<LogLine> {
        loop {
            // Marked as seen before looking, so that what comes in between wakes us again.
            self.changed.borrow_and_update();
            if let Some(line) = self.try_next() {
                return Some(line);
            }
            if self.log.state().removed {
                return None;
            }
            self.changed.changed().await.ok()?;
        }
    }

    /// The next line if it has been said already.
    pub fn try_next(&mut self) -> Option<LogLine> {
        loop {
            while let Some(line) = self.take_line() {
                // What is not a line of ours (the disk's fault, or somebody's editor) is stepped over.
                if let Ok(line) = serde_json::from_slice(&line) {
                    return Some(line);
                }
            }
            if !self.refill() {
                return None;
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.buffer[self.taken..];
        let newline = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest[..newline].to_vec();
        self.taken += newline + 1;
        Some(line)
    }

    /// Reads on. `false` when there is nothing more for now.
    fn refill(&mut self) -> bool {
        self.buffer.clear();
        self.taken = 0;
        let (file, offset, length) = {
            let state = self.log.state();
            self.place = self.place.max(state.start);
            if self.place >= state.end {
                let mut offset = state.end;
                for line in &state.pending {
                    if offset >= self.place && self.buffer.len() < PIECE {
                        self.buffer.extend_from_slice(line);
                    }
                    offset += line.len() as u64;
                }
                self.place += self.buffer.len() as u64;
                return !self.buffer.is_empty();
            }
            let length = (state.end - self.place).min(PIECE as u64);
            // Opened under the lock, so that it is the file these offsets speak of even if it is replaced right after.
            let file = File::open(&self.log.path);
            (file, self.place - state.start, length)
        };
        self.buffer.resize(length as usize, 0);
        let read = file.and_then(|file| file.read_exact_at(&mut self.buffer, offset));
        if let Err(error) = read {
            tracing::warn!(path = %self.log.path.display(), %error, "cannot read a log");
            self.buffer.clear();
        }
        match self.buffer.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => {
                self.buffer.truncate(newline + 1);
                self.place += newline as u64 + 1;
            }
            // Unreadable, or not lines at all: step over it.
            None => self.place += length,
        }
        true
    }
}

/// The offset at which the last `lines` lines begin.
fn place_of_tail(log: &Inner, lines: usize) -> u64 {
    let (file, start, length, lines) = {
        let state = log.state();
        if let Some(before) = state.pending.len().checked_sub(lines) {
            let bytes: usize = state.pending.iter().take(before).map(Vec::len).sum();
            return state.end + bytes as u64;
        }
        let lines = lines - state.pending.len();
        let length = state.end - state.start;
        (File::open(&log.path), state.start, length, lines)
    };
    let mut kept = vec![0; usize::try_from(length).unwrap_or(0)];
    if file
        .and_then(|file| file.read_exact_at(&mut kept, 0))
        .is_err()
    {
        return start;
    }
    // The newline that ends the line before the first wanted one.
    let newlines = kept.iter().enumerate().rev();
    let before = newlines
        .filter(|(_, byte)| **byte == b'\n')
        .nth(lines)
        .map_or(0, |(index, _)| index as u64 + 1);
    start + before
}
