//! Writing git objects so that none has a name before its bytes are safe.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use gix::ObjectId;
use gix::objs::{Exists, Kind, WriteTo, encode::loose_header};
use gix::zlib::{Compression, stream::deflate};
use tempfile::TempPath;

use super::durable::sync_folder;
use super::{Repo, RepoError};
use crate::domain::{DiskAmount, RepoUid};
use crate::ledger::{DiskReservation, DiskUse};

/// Up to this many objects are synced one by one; beyond, one sync of the whole file system costs less.
const SYNC_ONE_BY_ONE: usize = 64;

/// The new objects of one commit. Dropped before [`publish`](Self::publish), they are gone.
///
/// An object that had its name before its bytes were on disk could be found empty after power loss, and a later commit
/// of the same bytes would take it for already stored. So they get their names together, after a sync.
pub(super) struct NewObjects<'a> {
    repo: &'a Repo,
    incoming: PathBuf,
    pending: Vec<(TempPath, ObjectId)>,
    known: HashSet<ObjectId>,
}

// === impl NewObjects ===

impl<'a> NewObjects<'a> {
    /// Begins, and clears what a killed process left. The caller holds the repository's lock.
    pub(super) fn begin(repo: &'a Repo) -> io::Result<Self> {
        let incoming = repo.folder.join("incoming");
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&incoming)?,
        }
        Ok(Self {
            repo,
            incoming,
            pending: Vec::new(),
            known: HashSet::new(),
        })
    }

    /// Is the object stored, or about to be?
    pub(super) fn has(&self, id: ObjectId) -> bool {
        // The object database itself: the repository above it says that it has the empty tree even when it has not.
        self.known.contains(&id) || self.repo.git.objects.exists(&id)
    }

    /// Writes a tree or commit.
    pub(super) fn write(&mut self, object: &dyn WriteTo) -> Result<ObjectId, RepoError> {
        let mut bytes = Vec::new();
        object.write_to(&mut bytes)?;
        let id = hash(object.kind(), bytes.len() as u64, &mut bytes.as_slice())?;
        self.write_stream(object.kind(), id, bytes.len() as u64, &mut bytes.as_slice())?;
        Ok(id)
    }

    /// Writes a small file.
    pub(super) fn write_blob(&mut self, mut bytes: &[u8]) -> Result<ObjectId, RepoError> {
        let size = bytes.len() as u64;
        let id = hash(Kind::Blob, size, &mut &*bytes)?;
        self.write_stream(Kind::Blob, id, size, &mut bytes)?;
        Ok(id)
    }

    /// Writes an object whose id is known, unless it is already there.
    pub(super) fn write_stream(
        &mut self,
        kind: Kind,
        id: ObjectId,
        size: u64,
        bytes: &mut dyn Read,
    ) -> Result<(), RepoError> {
        if self.has(id) {
            return Ok(());
        }
        // Objects never change; git marks them read-only for everybody.
        let file = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o444))
            .tempfile_in(&self.incoming)?;
        let mut to = deflate::Write::new(file, Compression::BEST_SPEED);
        to.write_all(&loose_header(kind, size))?;
        io::copy(bytes, &mut to)?;
        to.flush()?;
        self.pending.push((to.into_inner().into_temp_path(), id));
        self.known.insert(id);
        Ok(())
    }

    /// What the new objects take on disk, with the folders they need.
    fn written(&self) -> io::Result<DiskAmount> {
        let objects = self.repo.folder.join("objects");
        let mut folders = BTreeSet::new();
        let mut sum = DiskAmount::default();
        for (path, id) in &self.pending {
            sum = sum + DiskAmount::file(fs::metadata(path)?.len());
            folders.insert(id.to_string()[..2].to_owned());
        }
        let new = folders.iter().filter(|name| !objects.join(name).is_dir());
        Ok(sum + DiskAmount::FOLDER * new.count() as u64)
    }

    /// Gives every object its name, once all their bytes are on disk and there is room for them.
    pub(super) fn publish(self, id: RepoUid, room: &mut DiskReservation) -> Result<(), RepoError> {
        let written = self.written()?;
        room.reach(written)?;
        if self.pending.len() > SYNC_ONE_BY_ONE {
            rustix::fs::syncfs(File::open(&self.incoming)?).map_err(io::Error::from)?;
        } else {
            for (path, _) in &self.pending {
                File::open(path)?.sync_all()?;
            }
        }
        let objects = self.repo.folder.join("objects");
        let mut folders = BTreeSet::new();
        for (path, id) in self.pending {
            let hex = id.to_string();
            let folder = objects.join(&hex[..2]);
            if folders.insert(folder.clone()) {
                fs::create_dir_all(&folder)?;
            }
            path.persist(folder.join(&hex[2..]))
                .map_err(|error| error.error)?;
        }
        room.keep(DiskUse::Repository(id), written);
        for folder in &folders {
            sync_folder(folder)?;
        }
        sync_folder(&objects)?;
        Ok(())
    }
}

/// The id of an object, read as a stream.
pub(super) fn hash(kind: Kind, size: u64, bytes: &mut dyn Read) -> Result<ObjectId, RepoError> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&loose_header(kind, size));
    let mut reader = BufReader::with_capacity(64 << 10, bytes);
    loop {
        let chunk = std::io::BufRead::fill_buf(&mut reader)?;
        if chunk.is_empty() {
            break;
        }
        hasher.update(chunk);
        let count = chunk.len();
        std::io::BufRead::consume(&mut reader, count);
    }
    Ok(hasher.try_finalize()?)
}
