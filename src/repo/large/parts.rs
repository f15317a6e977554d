//! A large file that comes in parts: each is kept until all are there, and only the whole has a name.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::io::AsyncRead;

use super::place::entries;
use super::receive::Incoming;
use super::{LargeFile, LargeId};
use crate::domain::{DiskAmount, RepoUid, size_text};
use crate::ledger::{DiskReservation, DiskUse};
use crate::repo::{Repo, RepoError, Repos};

/// Least bytes of a part, but for the last one.
const PART: u64 = 64 << 20;
/// Most parts of a file; larger files have larger parts.
const MOST: u64 = 1000;
/// Bytes that are copied at once.
const BUFFER: usize = 1 << 20;

/// How a file of some size is cut: parts of one size, numbered from 1, and a last one with what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    size: u64,
    /// Bytes of each part but the last.
    pub bytes: u64,
    /// How many.
    pub count: u64,
}

// === impl Parts ===

impl Parts {
    /// How a file of that many bytes is cut. An empty one is one empty part.
    pub fn of(size: u64) -> Self {
        let bytes = size.div_ceil(MOST).max(PART);
        Self {
            size,
            bytes,
            count: size.div_ceil(bytes).max(1),
        }
    }

    /// The bytes of one part; `None` of one that is not among them.
    pub fn bytes_of(&self, number: u64) -> Option<u64> {
        let before = number.checked_sub(1)?.checked_mul(self.bytes)?;
        (number <= self.count).then(|| self.bytes.min(self.size - before))
    }
}

// === impl Repo ===

impl Repo {
    /// Bytes of the parts that are here of some files.
    pub(super) fn part_bytes(&self, counts: impl Fn(&str) -> bool) -> io::Result<u64> {
        let mut sum = 0_u64;
        for file in entries(&self.parts())? {
            if file.file_name().to_str().is_some_and(&counts) {
                for part in entries(&file.path())? {
                    sum = sum.saturating_add(part.metadata()?.len());
                }
            }
        }
        Ok(sum)
    }

    /// What is here of a file that comes in parts.
    ///
    /// # Errors
    /// Only of the disk.
    pub fn parts_here(&self, file: &LargeFile) -> Result<DiskAmount, RepoError> {
        let bytes = self.part_bytes(|id| id == file.id.as_str())?;
        Ok(DiskAmount::new(bytes, 0))
    }

    /// Forgets the parts of files to which none was added since a moment that is too long ago.
    pub(super) fn forget_parts(&self, too_long: impl Fn(SystemTime) -> bool) -> io::Result<()> {
        for file in entries(&self.parts())? {
            if too_long(file.metadata()?.modified()?) {
                fs::remove_dir_all(file.path())?;
            }
        }
        Ok(())
    }

    fn parts(&self) -> PathBuf {
        self.large_folder().join("parts")
    }

    fn parts_of(&self, id: &LargeId) -> PathBuf {
        self.parts().join(id.as_str())
    }

    fn open_part(&self, file: &LargeFile, number: u64) -> Result<File, RepoError> {
        let part = match File::open(self.parts_of(&file.id).join(number.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            part => Some(part?),
        };
        let expected = Parts::of(file.size).bytes_of(number);
        match part {
            Some(part) if Some(part.metadata()?.len()) == expected => Ok(part),
            _ => Err(RepoError::Refused(format!(
                "part {number} of the file is missing; send it again"
            ))),
        }
    }

    fn drop_parts(&self, id: &LargeId) -> Result<(), RepoError> {
        match fs::remove_dir_all(self.parts_of(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

// === impl Repos ===

impl Repos {
    /// Receives one part of a large file, and returns its hash. One that was here under that number is replaced.
    ///
    /// # Errors
    /// `TooLarge` when the whole file would be, `OverQuota`, `Refused` of a part that it has not or that is not of its size,
    /// `NoRepository`, and what reading the body says.
    pub async fn receive_part(
        &self,
        id: RepoUid,
        file: LargeFile,
        number: u64,
        room: DiskReservation,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<LargeId, RepoError> {
        let parts = Parts::of(file.size);
        let bytes = parts.bytes_of(number).ok_or_else(|| {
            RepoError::Refused(format!(
                "the file has the parts 1 to {}, and no part {number}",
                parts.count
            ))
        })?;
        let wanted = file.clone();
        room.check(DiskAmount::new(bytes, 1))?;
        self.read(id, move |repo| repo.room_for_whole(&wanted))
            .await?;
        let incoming = self.receive(bytes, room, body).await?;
        if incoming.size() != bytes {
            return Err(RepoError::Refused(format!(
                "part {number} of the file should have {}, but {} arrived",
                size_text(bytes),
                if incoming.size() > bytes {
                    "more"
                } else {
                    "fewer"
                }
            )));
        }
        let hash = incoming.id();
        self.change(id, move |repo| {
            // Others may have come since it began.
            repo.room_for_whole(&file)?;
            let folder = repo.parts_of(&file.id);
            fs::create_dir_all(&folder)?;
            // Not synced: a part that a power cut takes is asked for again, and the whole is synced.
            let path = folder.join(number.to_string());
            let before = match fs::metadata(&path) {
                Ok(facts) => DiskAmount::file(facts.len()),
                Err(_) => DiskAmount::default(),
            };
            let (part, mut room) = incoming.into_parts();
            part.persist(path).map_err(|error| error.error)?;
            room.keep(DiskUse::Repository(id), DiskAmount::file(bytes) - before);
            Ok(())
        })
        .await?;
        Ok(hash)
    }

    /// Puts the parts of a file together, if all are here and are the file it was said to be. Asked again, it is done
    /// already.
    ///
    /// # Errors
    /// `Refused` when a part is missing, or the bytes are not those of that name; `TooLarge` beyond the limits.
    pub async fn join_parts(
        &self,
        id: RepoUid,
        file: LargeFile,
        room: DiskReservation,
    ) -> Result<(), RepoError> {
        let wanted = file.id.clone();
        let held = self.read(id, move |repo| repo.large(&wanted)).await?;
        if held == Some(file.size) {
            return Ok(());
        }
        let mut incoming = self.incoming(room)?;
        for number in 1..=Parts::of(file.size).count {
            let wanted = file.clone();
            incoming = self
                .read(id, move |repo| {
                    copy(repo.open_part(&wanted, number)?, incoming)
                })
                .await?;
        }
        let joined = self.finish_large(id, file.clone(), incoming).await;
        let joined = joined.map(drop);
        // Wrong ones are of no use either: nothing tells which of them is.
        if matches!(joined, Ok(()) | Err(RepoError::Refused(_))) {
            self.change(id, move |repo| repo.drop_parts(&file.id))
                .await?;
        }
        joined
    }
}

fn copy(mut part: File, mut to: Incoming) -> Result<Incoming, RepoError> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = part.read(&mut buffer)?;
        if read == 0 {
            return Ok(to);
        }
        to.write_counted(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_sum_up_to_the_file(size in prop_oneof![0..5 * PART, any::<u64>()]) {
            let parts = Parts::of(size);
            prop_assert!((1..=MOST).contains(&parts.count));
            let sum: u64 = (1..=parts.count).map(|number| parts.bytes_of(number).unwrap()).sum();
            prop_assert_eq!(sum, size);
            prop_assert_eq!(parts.bytes_of(0), None);
            prop_assert_eq!(parts.bytes_of(parts.count + 1), None);
        }
    }
}
