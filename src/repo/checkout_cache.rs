//! A commit's files as plain files, laid out once for all who read them.
//!
//! Large files are not copied: what lies on a shelf is one more name of the same file (a hard link). So nobody may write
//! there; a container sees a shelf through a mount that is read-only.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::large::entries;
use super::{CheckoutLimits, Repo, RepoError, Repos, Walked};
use crate::domain::{AccountId, DiskAmount, RepoUid, Revision};
use crate::ledger::{DiskReservation, DiskUse};

/// What a repository may have to be laid out.
const LIMITS: CheckoutLimits = CheckoutLimits {
    files: 100_000,
    bytes: u64::MAX,
};

/// One that nobody uses is kept this long: its Space may be asleep, or about to start.
const KEPT: Duration = Duration::from_secs(24 * 3600);

// === impl Repos ===

impl Repos {
    /// The folder with the files of a commit, which are laid out for an account if they are not yet, where it has room for
    /// them. Nobody may write there.
    ///
    /// # Errors
    /// Those of [`Repo::walk`], and `OverQuota`.
    pub async fn cached_checkout(
        &self,
        id: RepoUid,
        at: Revision,
        mut room: DiskReservation,
    ) -> Result<PathBuf, RepoError> {
        let cached_checkouts = self.cached_checkouts().join(room.owner().to_string());
        let folder = cached_checkouts.join(format!("{id}-{at}"));
        let (made, aside) = (folder.clone(), self.aside());
        self.read(id, move |repo| repo.lay_out(&at, &made, &aside, &mut room))
            .await?;
        Ok(folder)
    }

    /// Removes the shelves that are not among those in use, and were not asked for within a day or are of a repository that
    /// is gone. Says whose they were.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn sweep_checkouts(
        &self,
        in_use: HashSet<PathBuf>,
    ) -> Result<HashSet<AccountId>, RepoError> {
        let repos = self.clone();
        self.work(move || {
            let (whose, of_nothing) = repos.sweep_checkouts_now(&in_use, SystemTime::now())?;
            // They may have kept the bytes of a repository that is gone.
            if of_nothing {
                repos.sweep_blobs()?;
            }
            Ok(whose)
        })
        .await
    }

    /// The accounts that a commit of a repository is laid out for.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn laid_out_for(&self, id: RepoUid) -> Result<Vec<AccountId>, RepoError> {
        let (folder, begin) = (self.cached_checkouts(), format!("{id}-"));
        self.work(move || {
            let mut found = Vec::new();
            for account in entries(&folder)? {
                let owner = account
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok());
                let Some(owner) = owner else { continue };
                let of_it = |entry: &fs::DirEntry| {
                    let name = entry.file_name();
                    name.to_str().is_some_and(|name| name.starts_with(&begin))
                };
                if entries(&account.path())?.iter().any(of_it) {
                    found.push(owner);
                }
            }
            Ok(found)
        })
        .await
    }

    /// Whether the repository is gone that a shelf of that name is of.
    fn is_of_nothing(&self, name: &str) -> bool {
        let of = name.rsplit_once('-').and_then(|(id, _)| id.parse().ok());
        of.is_some_and(|id: RepoUid| !self.folder(id).is_dir())
    }

    /// Whose were removed, and whether one was of a repository that is gone.
    fn sweep_checkouts_now(
        &self,
        in_use: &HashSet<PathBuf>,
        now: SystemTime,
    ) -> Result<(HashSet<AccountId>, bool), RepoError> {
        let mut found = Vec::new();
        for account in entries(&self.cached_checkouts())? {
            let name = account.file_name();
            let owner = name
                .to_str()
                .and_then(|name| name.parse::<AccountId>().ok());
            match owner {
                Some(_) => {
                    let below = entries(&account.path())?.into_iter();
                    found.extend(below.map(|entry| (owner, entry)));
                }
                None => found.push((None, account)),
            }
        }
        let (mut whose, mut of_nothing) = (HashSet::new(), false);
        for (owner, entry) in found {
            let asked_for = entry.metadata()?.modified()?;
            let old = now.duration_since(asked_for).is_ok_and(|age| age > KEPT);
            let folder = std::path::absolute(entry.path())?;
            let gone = self.is_of_nothing(&entry.file_name().to_string_lossy());
            // Some see only a folder of it.
            if (old || gone) && !in_use.iter().any(|seen| seen.starts_with(&folder)) {
                // Out of sight first: one that is laid out is whole.
                let away = self.aside().join(Uuid::now_v7().simple().to_string());
                fs::rename(entry.path(), &away)?;
                fs::remove_dir_all(away)?;
                whose.extend(owner);
                of_nothing |= gone;
            }
        }
        Ok((whose, of_nothing))
    }
}

// === impl Repo ===

impl Repo {
    fn lay_out(
        &self,
        at: &Revision,
        folder: &Path,
        aside: &Path,
        room: &mut DiskReservation,
    ) -> Result<(), RepoError> {
        // Its age is counted from when it was last asked for.
        match fs::File::open(folder) {
            Ok(there) => return Ok(there.set_modified(SystemTime::now())?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        room.grow(DiskAmount::FOLDER)?;
        let made = aside.join(Uuid::now_v7().simple().to_string());
        fs::create_dir(&made)?;
        let laid = self.walk(at, LIMITS, |path, found| {
            let target = made.join(path.as_str());
            match found {
                Walked::Folder => {
                    room.grow(DiskAmount::FOLDER)?;
                    fs::create_dir(&target)?;
                    readable(&target, 0o755)
                }
                Walked::File { oid, .. } => self.put(&oid, &target, room),
            }
        });
        let placed = laid.and_then(|()| {
            readable(&made, 0o755)?;
            if let Some(parent) = folder.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(&made, folder)?;
            let written = room.amount();
            room.keep(DiskUse::Account(room.owner()), written);
            Ok(())
        });
        if placed.is_err() {
            // The next start removes what is left, at the latest.
            let _ = fs::remove_dir_all(&made);
            // Somebody else was quicker.
            if folder.is_dir() {
                return Ok(());
            }
        }
        placed
    }

    fn put(&self, oid: &str, target: &Path, room: &mut DiskReservation) -> Result<(), RepoError> {
        match self.large_behind(oid)? {
            Some(file) => {
                let source = self.large_path(&file.id);
                // Nobody but this server gets into the folders above it.
                readable(&source, 0o444)?;
                room.grow(DiskAmount::new(0, 1))?;
                fs::hard_link(source, target)?;
                Ok(())
            }
            None => {
                room.grow(DiskAmount::file(self.blob(oid)?.left()))?;
                self.copy_blob(oid, target)?;
                readable(target, 0o444)
            }
        }
    }
}

/// For whoever looks at it from within a mount.
fn readable(path: &Path, mode: u32) -> Result<(), RepoError> {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}
