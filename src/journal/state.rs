//! Where a log stands: pure bookkeeping under its lock.
//!
//! Offsets count every byte the log ever held, so they only grow. The file holds `start..end`; pending lines follow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct State {
    /// Offset of the file's first byte.
    pub(super) start: u64,
    /// Offset after the last byte that is safely in the file.
    pub(super) end: u64,
    /// Encoded lines on their way to the file.
    pub(super) pending: VecDeque<Vec<u8>>,
    pub(super) pending_bytes: usize,
    /// Rises when the file's content must be forgotten, so that the writer can tell that it worked on an old one.
    pub(super) generation: u64,
    /// The file still holds what must be forgotten.
    pub(super) stale: bool,
    /// Whether the writer has been told that there is work.
    pub(super) announced: bool,
    pub(super) removed: bool,
    window: Option<Instant>,
    in_window: u32,
    left_out: u64,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Queued,
    /// It was counted, to be mentioned later.
    LeftOut,
    /// Nobody will read it.
    Ignored,
}

const WINDOW: Duration = Duration::from_secs(1);

// === impl State ===

impl State {
    pub(super) fn new(end: u64) -> Self {
        Self {
            start: 0,
            end,
            pending: VecDeque::new(),
            pending_bytes: 0,
            generation: 0,
            stale: false,
            announced: false,
            removed: false,
            window: None,
            in_window: 0,
            left_out: 0,
        }
    }

    /// Offset after the last line said.
    pub(super) fn total(&self) -> u64 {
        self.end + self.pending_bytes as u64
    }

    pub(super) fn push(&mut self, line: Vec<u8>) {
        self.pending_bytes += line.len();
        self.pending.push_back(line);
    }

    /// Takes a line if the rate and the queue's size allow it.
    pub(super) fn offer(
        &mut self,
        line: impl FnOnce() -> Vec<u8>,
        per_second: u32,
        queue_bytes: u64,
        now: Instant,
    ) -> Taken {
        if self.removed {
            return Taken::Ignored;
        }
        if self.window_is_over(now) {
            self.window = Some(now);
            self.in_window = 0;
        }
        if self.in_window >= per_second || self.pending_bytes as u64 >= queue_bytes {
            self.left_out += 1;
            return Taken::LeftOut;
        }
        self.in_window += 1;
        self.push(line());
        Taken::Queued
    }

    /// How many lines were left out, if it is time to say so: once per window, and before the next line.
    pub(super) fn left_out(&mut self, now: Instant) -> Option<u64> {
        let due = self.left_out > 0 && self.window_is_over(now);
        due.then(|| std::mem::take(&mut self.left_out))
    }

    pub(super) fn owes_a_count(&self) -> bool {
        self.left_out > 0
    }

    /// Forgets everything said so far; offsets go on.
    pub(super) fn forget(&mut self) {
        self.start = self.total();
        self.end = self.start;
        self.pending.clear();
        self.pending_bytes = 0;
        self.left_out = 0;
        self.generation += 1;
        self.stale = true;
    }

    /// The first `lines` pending lines are in the file now.
    pub(super) fn settle(&mut self, lines: usize) {
        let bytes: usize = self.pending.drain(..lines).map(|line| line.len()).sum();
        self.pending_bytes -= bytes;
        self.end += bytes as u64;
    }

    fn window_is_over(&self, now: Instant) -> bool {
        self.window
            .is_none_or(|began| now.saturating_duration_since(began) >= WINDOW)
    }
}
