//! A stream of bytes into a log, line by line.

use std::io;

use super::log::Log;

/// Splits a stream into lines of a log. Text that is not UTF-8 is kept with replacement characters; the drop says what
/// the last line still held.
#[derive(Debug)]
pub struct LogWriter {
    log: Log,
    line: Vec<u8>,
    limit: usize,
    /// Bytes of the present line that did not fit.
    beyond: usize,
}

// === impl Log ===

impl Log {
    /// A stream whose lines are said one by one.
    pub fn writer(&self) -> LogWriter {
        LogWriter::new(self.clone(), self.0.limits.line_bytes)
    }
}

// === impl LogWriter ===

impl LogWriter {
    fn new(log: Log, limit: usize) -> Self {
        Self {
            log,
            line: Vec::new(),
            limit,
            beyond: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = self.limit - self.line.len();
        let (kept, beyond) = bytes.split_at(room.min(bytes.len()));
        self.line.extend_from_slice(kept);
        self.beyond += beyond.len();
    }

    fn end_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        self.log.say(&String::from_utf8_lossy(line), self.beyond);
        self.line.clear();
        self.beyond = 0;
    }
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(rest) => {
                    self.take(rest);
                    self.end_line();
                }
                None => self.take(piece),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() || self.beyond > 0 {
            self.end_line();
        }
    }
}
