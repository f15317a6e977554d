//! The one thread that writes all logs to disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::line::encode;
use super::log::{Inner, Work};

/// How often logs are looked at that could not be written, or that owe a count of lines left out.
const AGAIN: Duration = Duration::from_secs(1);

/// Writes until told to stop.
pub(super) fn run(todo: &Receiver<Work>) {
    let mut again: Vec<Arc<Inner>> = Vec::new();
    let mut looked = Instant::now();
    loop {
        let work = if again.is_empty() {
            todo.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            todo.recv_timeout(AGAIN)
        };
        match work {
            Ok(Work::Write(log)) => {
                if !write_out(&log) && !again.iter().any(|known| Arc::ptr_eq(known, &log)) {
                    again.push(log);
                }
            }
            Ok(Work::Flush(done)) => {
                let _ = done.send(());
            }
            Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if looked.elapsed() >= AGAIN {
            again.retain(|log| !write_out(log));
            looked = Instant::now();
        }
    }
    for log in again {
        write_out(&log);
    }
}

/// Writes what is pending. `false` if the log must be looked at again.
fn write_out(log: &Inner) -> bool {
    loop {
        let (generation, stale, offset, lines, batch) = {
            let mut state = log.state();
            state.announced = false;
            log.mention_left_out(&mut state, Instant::now());
            if state.removed || (state.pending.is_empty() && !state.stale) {
                return state.removed || !state.owes_a_count();
            }
            // Small enough that a file never is much larger than it may be.
            let most = (log.limits.bytes_per_log / 4) as usize;
            let mut batch = Vec::new();
            let mut lines = 0;
            for line in &state.pending {
                if lines > 0 && batch.len() + line.len() > most {
                    break;
                }
                batch.extend_from_slice(line);
                lines += 1;
            }
            let offset = state.end - state.start;
            (state.generation, state.stale, offset, lines, batch)
        };
        let written = append(&log.path, stale, offset, &batch);
        let length = {
            let mut state = log.state();
            if state.removed {
                let _ = std::fs::remove_file(&log.path);
                return true;
            }
            if state.generation != generation {
                continue;
            }
            if let Err(error) = written {
                tracing::warn!(path = %log.path.display(), %error, "cannot write a log; trying again");
                return false;
            }
            state.stale = false;
            state.settle(lines);
            state.end - state.start
        };
        if length > log.limits.bytes_per_log
            && let Err(error) = drop_older_half(log, generation, length)
        {
            tracing::warn!(path = %log.path.display(), %error, "cannot shorten a log; starting a new one");
            log.state().forget();
        }
    }
}

/// Puts `batch` at `offset`, or leaves the file as it was. A stale file is replaced, not emptied: somebody may be
/// reading it.
fn append(path: &Path, stale: bool, offset: u64, batch: &[u8]) -> io::Result<()> {
    if stale {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let written = file.write_all_at(batch, offset);
    if written.is_err() {
        // Half a line must not stay, whatever the disk says to this.
        let _ = file.set_len(offset);
    }
    written
}

/// Replaces the file by its newer half and a line that says so, and moves `start` along.
fn drop_older_half(log: &Inner, generation: u64, length: u64) -> io::Result<()> {
    let mut kept = vec![0; length as usize];
    File::open(&log.path)?.read_exact_at(&mut kept, 0)?;
    let half = kept.len() / 2;
    let cut = kept[half..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(kept.len(), |newline| half + newline + 1);
    let dropped = kept[..cut].iter().filter(|byte| **byte == b'\n').count();
    let text = format!("[{dropped} earlier lines were dropped: a log keeps only its newest part]");
    let mut notice = encode(&text, 0, text.len());
    if notice.len() > cut {
        notice.clear();
    }
    let shorter = log.path.with_extension("part");
    let mut content = notice.clone();
    content.extend_from_slice(&kept[cut..]);
    std::fs::write(&shorter, content)?;

    let mut state = log.state();
    if state.generation != generation {
        drop(state);
        return std::fs::remove_file(&shorter);
    }
    std::fs::rename(&shorter, &log.path)?;
    // The notice takes the place of the last dropped bytes, so that the offsets of what is kept stay what they were.
    state.start += (cut - notice.len()) as u64;
    Ok(())
}
