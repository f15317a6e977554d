//! Lays out the files of a static Space.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};

use super::holds::Hold;
use super::{BuildRequest, Builder, Inner, repo_error};
use crate::domain::{ArtifactKind, BuildError, Revision, size_text};
use crate::ledger::{BuildTurns, Lane};
use crate::repo::{Repo, RepoError};

/// What a checkout came to.
struct Checkout {
    digest: String,
    /// Files and bytes; `None` when the same tree was there already.
    made: Option<(usize, u64)>,
}

// === impl Inner ===

impl Inner {
    pub(super) async fn site(
        self: &Arc<Self>,
        request: &BuildRequest,
        hold: &Hold,
        app_file: &str,
    ) -> Result<ArtifactKind, BuildError> {
        let (inner, revision, cached) =
            (Arc::clone(self), request.revision.clone(), request.cached);
        let _permit = self.turn(request, Lane::Files, 0).await?;
        hold.add(&self.tree_id(request.space, &request.revision).await?);
        let turns = request.turns.clone();
        let work = move |repo: &Repo| inner.checkout(repo, &revision, cached, &turns);
        let Checkout { digest, made } = self
            .repos
            .read(request.space, work)
            .await
            .map_err(repo_error)?;
        request.log.line(&match made {
            Some((files, bytes)) => format!("Prepared {files} files, {}.", size_text(bytes)),
            None => "An earlier build prepared the same files; they are reused.".to_owned(),
        });
        let app_file = app_file.to_owned();
        Ok(ArtifactKind::Site { digest, app_file })
    }

    fn checkout(
        &self,
        repo: &Repo,
        revision: &Revision,
        cached: bool,
        turns: &BuildTurns,
    ) -> Result<Checkout, RepoError> {
        let digest = repo.tree_id(revision)?;
        let target = Builder::site_path(&self.config.artifacts, &digest);
        if cached && self.has_site(&target) {
            return Ok(Checkout { digest, made: None });
        }
        // A small pack can hold much.
        turns.reserve_disk(repo.checkout_amount(revision, self.config.site)?)?;
        let scratch = self.scratch_folder()?;
        let folder = scratch.path().join("site");
        fs::create_dir(&folder)?;
        repo.checkout(revision, &folder, self.config.site)?;
        let counted = count(&folder)?;
        // One call for all files: thousands of small ones would each wait for the disk.
        syncfs(File::open(&folder)?).map_err(io::Error::from)?;
        self.put_site_in_place(&folder, &target)?;
        let made = Some(counted);
        Ok(Checkout { digest, made })
    }

    fn has_site(&self, target: &Path) -> bool {
        let _places = self.places();
        target.is_dir()
    }

    fn put_site_in_place(&self, folder: &Path, target: &Path) -> io::Result<()> {
        let _places = self.places();
        if target.is_dir() {
            // The old one goes with the scratch folder it is now in.
            renameat_with(CWD, folder, CWD, target, RenameFlags::EXCHANGE)?;
        } else {
            fs::rename(folder, target)?;
        }
        File::open(self.sites())?.sync_all()
    }
}

fn count(folder: &Path) -> io::Result<(usize, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok((files, bytes))
}
