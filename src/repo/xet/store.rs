//! Where xorbs wait, and how files are put together from them.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Hash;
use super::address::Store;
use super::shard::{self, MAX_SHARD};
use super::xorb::{self, MAX_XORB};
use crate::domain::{DiskAmount, RepoUid, size_text};
use crate::ledger::{DiskReservation, DiskUse};
use crate::repo::large::{LargeFile, LargeId};
use crate::repo::{RepoError, Repos};

// === impl Repos ===

impl Repos {
    /// Receives a xorb; whether it is new.
    ///
    /// # Errors
    /// `TooLarge` beyond the limits, `Refused` when it is none, or not the one of that name.
    pub async fn receive_xorb(
        &self,
        store: Store,
        hash: Hash,
        room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<bool, RepoError> {
        let sending = self.sending(store);
        let received = self.take_xorb(store, hash, room, body).await;
        if matches!(received, Err(RepoError::OverQuota(_))) {
            sending.refused();
        }
        received
    }

    async fn take_xorb(
        &self,
        store: Store,
        hash: Hash,
        mut room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<bool, RepoError> {
        // Itself and, for the first one, its folder.
        room.grow(DiskAmount::new(0, 2))?;
        room.check(DiskAmount::new(1, 0))?;
        let folder = store.folder(&self.xorbs());
        let path = folder.join(hash.to_string());
        let limit = self.limits().large_bytes;
        let aside = self.aside();
        let known = path.clone();
        let file = self
            .work(move || {
                if known.exists() {
                    return Ok(None);
                }
                fs::create_dir_all(&folder)?;
                if folder_bytes(&folder)? > limit {
                    return Err(RepoError::TooLarge(format!(
                        "you have sent more than {} today; continue tomorrow",
                        size_text(limit)
                    )));
                }
                Ok(Some(NamedTempFile::new_in(aside)?))
            })
            .await?;
        let mut body = body.take(MAX_XORB + 1);
        let Some(mut file) = file else {
            // It is heard to its end, or the answer would not be read.
            tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
            return Ok(false);
        };
        let size;
        (file, size) = self.set_aside(file, body, &mut room).await?;
        if size > MAX_XORB {
            return Err(RepoError::TooLarge(format!(
                "a xorb can have at most {}",
                size_text(MAX_XORB)
            )));
        }
        self.work(move || {
            let found = xorb::hash_of(BufReader::new(file.reopen()?))?;
            if found != hash {
                return Err(RepoError::Refused(format!(
                    "the xorb has the hash {found}, not {hash}"
                )));
            }
            file.as_file().sync_all()?;
            // Somebody else may have sent it meanwhile.
            let is_new = !path.exists();
            file.persist(path).map_err(|error| error.error)?;
            if is_new {
                let written = room.amount();
                room.keep(DiskUse::Account(store.account()), written);
            }
            Ok(is_new)
        })
        .await
    }

    /// Receives a shard: puts each of its files together and gives it to the repository.
    ///
    /// # Errors
    /// `Refused` when it is none, or names what was not sent; `TooLarge` beyond the limits.
    pub async fn receive_shard(
        &self,
        store: Store,
        id: RepoUid,
        room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<(), RepoError> {
        let sending = self.sending(store);
        let received = self.take_shard(store, id, room, body).await;
        match &received {
            Ok(()) => sending.finished(),
            Err(RepoError::OverQuota(_)) => sending.refused(),
            Err(_) => {}
        }
        received
    }

    async fn take_shard(
        &self,
        store: Store,
        id: RepoUid,
        mut room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<(), RepoError> {
        let aside = self.aside();
        let file = self.work(move || Ok(NamedTempFile::new_in(aside)?)).await?;
        let body = body.take(MAX_SHARD as u64 + 1);
        // On disk while it comes: many who send slowly would fill the memory.
        let (file, size) = self.set_aside(file, body, &mut room).await?;
        if size > MAX_SHARD as u64 {
            return Err(RepoError::TooLarge(format!(
                "a shard can have at most {}",
                size_text(MAX_SHARD as u64)
            )));
        }
        let files = self
            .work(move || shard::read_files(&fs::read(file.path())?))
            .await?;
        for file in files {
            room = self.put_together(store, id, file, room).await?;
        }
        Ok(())
    }

    /// Writes a body into a file; both and how long it is.
    async fn set_aside(
        &self,
        mut file: NamedTempFile,
        mut body: impl AsyncRead + Unpin + Send,
        room: &mut DiskReservation,
    ) -> Result<(NamedTempFile, u64), RepoError> {
        let mut size = 0;
        loop {
            let mut buffer = Vec::with_capacity(1 << 20);
            while buffer.len() < 1 << 20 && body.read_buf(&mut buffer).await? > 0 {}
            if buffer.is_empty() {
                return Ok((file, size));
            }
            size += buffer.len() as u64;
            room.grow(DiskAmount::new(buffer.len() as u64, 0))?;
            file = self
                .work(move || {
                    file.write_all(&buffer)?;
                    Ok(file)
                })
                .await?;
        }
    }

    async fn put_together(
        &self,
        store: Store,
        id: RepoUid,
        file: shard::File,
        room: DiskReservation,
    ) -> Result<DiskReservation, RepoError> {
        let size: u64 = file.terms.iter().map(|term| u64::from(term.bytes)).sum();
        room.check(DiskAmount::new(size, 1))?;
        self.read(id, move |repo| repo.room_for_large(size)).await?;
        let folder = store.folder(&self.xorbs());
        let mut incoming = self.incoming(room)?;
        for term in file.terms {
            let folder = folder.clone();
            incoming = self
                .work(move || {
                    let xorb = open_xorb(&folder, term.xorb)?;
                    let mut bytes = 0_u64;
                    let hashes = xorb::read_chunks(xorb, term.start, term.end, |chunk| {
                        bytes += chunk.len() as u64;
                        incoming.write(chunk)
                    })?;
                    if bytes != u64::from(term.bytes) || Hash::of_run(&hashes) != term.run {
                        return Err(RepoError::Refused(
                            "the shard does not match the chunks that it names".to_owned(),
                        ));
                    }
                    Ok(incoming)
                })
                .await?;
        }
        let found = incoming.id();
        if file
            .sha256
            .is_some_and(|claimed| !is_same(&claimed, &found))
        {
            return Err(RepoError::Refused(format!(
                "the file that the shard describes has the SHA-256 {found}, not the one that the shard states"
            )));
        }
        self.finish_large(id, LargeFile { id: found, size }, incoming)
            .await
    }
}

fn open_xorb(folder: &Path, hash: Hash) -> Result<BufReader<File>, RepoError> {
    match File::open(folder.join(hash.to_string())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RepoError::Refused(format!(
            "the shard names the xorb {hash}, which was not sent here"
        ))),
        file => Ok(BufReader::new(file?)),
    }
}

/// Clients write the digits as those of their own kind of hash, which turns each eight bytes around.
fn is_same(claimed: &[u8; 32], found: &LargeId) -> bool {
    found.as_str() == hex::encode(claimed) || found.as_str() == Hash(*claimed).to_string()
}

fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for file in fs::read_dir(folder)? {
        sum += file?.metadata()?.len();
    }
    Ok(sum)
}
