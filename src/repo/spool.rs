//! Where the bytes of a commit wait until all of them have arrived.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{RepoError, RepoLimits};
use crate::domain::{DiskAmount, size_text};
use crate::ledger::DiskReservation;

/// One unnamed file that holds every file of a commit end to end: one descriptor however many files, and nothing left
/// behind by a process that is killed.
#[derive(Debug)]
pub struct Spool {
    file: File,
    written: u64,
    start: u64,
    file_bytes: u64,
    commit_bytes: u64,
    room: DiskReservation,
}

/// The bytes of one file in a [`Spool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    start: u64,
    size: u64,
}

// === impl Content ===

impl Content {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

// === impl Spool ===

impl Spool {
    pub(super) fn new(
        folder: &Path,
        limits: &RepoLimits,
        room: DiskReservation,
    ) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            written: 0,
            start: 0,
            file_bytes: limits.file_bytes,
            commit_bytes: limits.commit_bytes,
            room,
        })
    }

    /// Appends to the file being written.
    ///
    /// # Errors
    /// When the file or the commit passes its limit or the owner's quota, and when the disk does not take it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RepoError> {
        let written = self.written + bytes.len() as u64;
        if written - self.start > self.file_bytes {
            return Err(RepoError::TooLarge(format!(
                "a file is larger than the {} allowed for one file",
                size_text(self.file_bytes)
            )));
        }
        if written > self.commit_bytes {
            return Err(RepoError::TooLarge(format!(
                "the commit has more than the {} allowed in one; split it",
                size_text(self.commit_bytes)
            )));
        }
        self.room.grow(DiskAmount::new(bytes.len() as u64, 0))?;
        self.file.write_all(bytes)?;
        self.written = written;
        Ok(())
    }

    /// Ends the file being written; the next [`write`](Self::write) begins another.
    pub fn finish(&mut self) -> Content {
        let content = Content {
            start: self.start,
            size: self.written - self.start,
        };
        self.start = self.written;
        content
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn put(&mut self, bytes: &[u8]) -> Result<Content, RepoError> {
        self.write(bytes)?;
        Ok(self.finish())
    }

    /// The room that is reserved for what the commit brings.
    pub(super) fn room(&mut self) -> &mut DiskReservation {
        &mut self.room
    }

    /// Frees the disk of a file whose bytes are elsewhere by now. Where the file system cannot, all of it is free when
    /// the commit is done.
    pub(super) fn release(&self, content: Content) {
        use rustix::fs::{FallocateFlags, fallocate};
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if content.size > 0 {
            let _ = fallocate(&self.file, hole, content.start, content.size);
        }
    }

    /// Whether a finished file begins with these bytes. Blocks.
    pub(super) fn begins_with(&self, content: Content, start: &[u8]) -> io::Result<bool> {
        if content.size < start.len() as u64 {
            return Ok(false);
        }
        let mut found = vec![0; start.len()];
        self.file.read_exact_at(&mut found, content.start)?;
        Ok(found == start)
    }

    /// The bytes of a finished file. Blocks.
    pub fn read(&self, content: Content) -> impl Read + '_ {
        BufReader::with_capacity(
            64 << 10,
            Slice {
                file: &self.file,
                at: content.start,
                end: content.start + content.size,
            },
        )
    }
}

struct Slice<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        match self.file.read_at(&mut buffer[..wanted], self.at)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.at += count as u64;
                Ok(count)
            }
        }
    }
}
