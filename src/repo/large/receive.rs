//! Taking a large file as it arrives.

use std::io::{self, Write};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{LargeFile, LargeId};
use crate::domain::{DiskAmount, RepoUid, size_text};
use crate::ledger::{DiskReservation, DiskUse};
use crate::repo::{RepoError, Repos};

/// Files of a large file: itself, and the note that no commit names it yet.
const FILES: u64 = 2;
/// Bytes that wait for the disk.
const BUFFER: usize = 1 << 20;

/// A file that is being written, and its hash so far.
pub(in crate::repo) struct Incoming {
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
    room: DiskReservation,
}

// === impl Repos ===

impl Repos {
    /// Receives a large file for a repository: all its bytes, which are what its name says, or nothing.
    ///
    /// # Errors
    /// `TooLarge` beyond the limits, `OverQuota`, `Refused` when the bytes are not those of that name and size, `NoRepository`, and what
    /// reading the body says.
    pub async fn receive_large(
        &self,
        id: RepoUid,
        file: LargeFile,
        room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<(), RepoError> {
        let wanted = file.clone();
        // Better now than after most of it was sent.
        room.check(DiskAmount::new(file.size, FILES))?;
        self.check_free(file.size)?;
        self.read(id, move |repo| repo.room_for_whole(&wanted))
            .await?;
        let incoming = self.receive(file.size, room, body).await?;
        self.finish_large(id, file, incoming).await?;
        Ok(())
    }

    /// Receives bytes: as many as were said, or one more, which is enough to know.
    pub(super) async fn receive(
        &self,
        size: u64,
        room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Incoming, RepoError> {
        let mut body = body.take(size.saturating_add(1));
        let mut incoming = self.incoming(room)?;
        loop {
            let mut buffer = Vec::with_capacity(BUFFER);
            // Small pieces are put together, so that the disk is not asked for each.
            while buffer.len() < BUFFER && body.read_buf(&mut buffer).await? > 0 {}
            if buffer.is_empty() {
                return Ok(incoming);
            }
            incoming = self
                .work(move || {
                    incoming.write(&buffer)?;
                    Ok(incoming)
                })
                .await?;
        }
    }

    /// Where the bytes of a large file go until all of them are there.
    pub(in crate::repo) fn incoming(
        &self,
        mut room: DiskReservation,
    ) -> Result<Incoming, RepoError> {
        room.grow(DiskAmount::new(0, FILES))?;
        Ok(Incoming {
            room,
            file: NamedTempFile::new_in(self.aside())?,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Gives a file to a repository, if it is the one it was said to be, and the room back that it did not need.
    pub(in crate::repo) async fn finish_large(
        &self,
        id: RepoUid,
        file: LargeFile,
        mut incoming: Incoming,
    ) -> Result<DiskReservation, RepoError> {
        let repos = self.clone();
        self.change(id, move |repo| {
            incoming.check(&file)?;
            // Others may have come since it began.
            let is_new = repo.large(&file.id)?.is_none();
            if is_new {
                repo.room_for_whole(&file)?;
            }
            let _lock = repos.blobs_lock();
            let path = repos.keep(incoming.file.path(), &file.id)?;
            repo.adopt(&path, &file.id)?;
            if is_new {
                let written = incoming.room.amount();
                incoming.room.keep(DiskUse::Repository(id), written);
            }
            incoming.room.give_back();
            Ok(incoming.room)
        })
        .await
    }
}

// === impl Incoming ===

impl Incoming {
    pub(in crate::repo) fn write(&mut self, bytes: &[u8]) -> Result<(), RepoError> {
        self.room.grow(DiskAmount::new(bytes.len() as u64, 0))?;
        Ok(self.write_counted(bytes)?)
    }

    /// The same of bytes that are on disk and counted already, and go from where they were when all is written.
    pub(super) fn write_counted(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// How many they are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The file, of which nobody has yet said what it should be, and the room it has.
    pub(super) fn into_parts(self) -> (NamedTempFile, DiskReservation) {
        (self.file, self.room)
    }

    /// What the bytes so far are called.
    pub(in crate::repo) fn id(&self) -> LargeId {
        LargeId::of(&self.hash)
    }

    /// Sees to it that the file is on disk, and what it should be.
    fn check(&self, file: &LargeFile) -> Result<(), RepoError> {
        if self.size != file.size {
            return Err(RepoError::Refused(format!(
                "the file should have {}, but {} arrived",
                size_text(file.size),
                if self.size > file.size {
                    "more"
                } else {
                    "fewer"
                }
            )));
        }
        let id = self.id();
        if id != file.id {
            return Err(RepoError::Refused(format!(
                "the bytes that arrived have the SHA-256 {id}, not {}",
                file.id
            )));
        }
        Ok(self.file.as_file().sync_all()?)
    }
}
