//! Room on the database's disk.
//!
//! Two things keep a full disk from being more than a refusal. A change that adds something is not begun while less than
//! a *floor* is free, so that it fails before anything was done. And the log through which every change goes keeps a
//! *reserve* of blocks allocated behind its end, which nothing else on the disk can take: deletions, which do not ask
//! for the floor, write there, and so whoever is out of room can always make some.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// Bytes of the log that are always allocated, on a disk of ordinary size: many hundred deletions.
const RESERVE: u64 = 8 << 20;

/// Small disks give this part of themselves as a reserve.
const RESERVE_PART: u64 = 16;

/// What has to be free for a change that adds something, as a part of the reserve.
const FLOOR_PART: u64 = 8;

/// Files that have to be possible for the same.
const FLOOR_FILES: u64 = 16;

/// The disk below a database file.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    log: PathBuf,
    reserve: u64,
}

// === impl Room ===

impl Room {
    /// That of the database at `path`, which exists.
    pub(super) fn below(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let facts = statvfs(&folder)?;
        let whole = facts.f_blocks.saturating_mul(facts.f_frsize);
        let mut log = path.into_os_string();
        log.push("-wal");
        Ok(Self {
            folder,
            log: log.into(),
            reserve: RESERVE.min(whole / RESERVE_PART),
        })
    }

    /// Whether something may be added. What the disk does not tell is no reason to refuse.
    pub(super) fn is_there(&self) -> bool {
        let Ok(facts) = statvfs(&self.folder) else {
            return true;
        };
        let bytes = facts.f_bavail.saturating_mul(facts.f_frsize);
        // Some file systems make files without end, and say so by having none.
        let files = facts.f_files == 0 || facts.f_favail >= FLOOR_FILES;
        files && bytes >= self.reserve / FLOOR_PART
    }

    /// Has the reserve allocated, if it is not and can be. The log's length stays as it is.
    pub(super) fn keep(&self) {
        let kept = OpenOptions::new()
            .write(true)
            .open(&self.log)
            .and_then(|log| {
                fallocate(&log, FallocateFlags::KEEP_SIZE, 0, self.reserve)?;
                Ok(())
            });
        if let Err(error) = kept {
            tracing::warn!(
                "no room could be set aside for deletions on a full disk, at {}: {error}",
                self.log.display()
            );
        }
    }
}
