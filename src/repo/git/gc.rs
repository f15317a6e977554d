//! Putting what came as many small files into one pack: pushes and commits leave a file for each object, and reading
//! them gets slow.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::process::{Git, gone};
use crate::domain::RepoUid;
use crate::repo::{RepoError, Repos};

/// Objects in one of the 256 folders they are spread over, from which on a repository is packed: some 2,000 in all.
const LOOSE: usize = 8;
/// The folder that stands for all of them, as it does for git's own `gc --auto`.
const SAMPLE: &str = "objects/17";
/// Longest time that packing one repository may take.
const LONGEST: Duration = Duration::from_secs(900);
/// Most bytes kept of what git complains of.
const SAID: u64 = 4 << 10;

// === impl Repos ===

impl Repos {
    /// Packs repositories that hold many objects one by one. Every object stays, those that no reference leads to as
    /// well: a commit can still be had by its id after its branch is gone. Where packing fails, all is as it was.
    ///
    /// # Errors
    /// Only of the disk. A repository that git refuses to pack is logged and left as it is.
    pub async fn tidy(&self) -> Result<(), RepoError> {
        let repos = self.clone();
        let wanted = self
            .work(move || {
                let ids = repos.ids()?.into_iter();
                Ok(ids
                    .filter(|id| is_untidy(&repos.folder(*id)))
                    .collect::<Vec<_>>())
            })
            .await?;
        for id in wanted {
            match tokio::time::timeout(LONGEST, self.pack(id)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(repo = %id, "could not be packed: {error}"),
                Err(_) => tracing::warn!(repo = %id, "could not be packed within {LONGEST:?}"),
            }
        }
        Ok(())
    }

    async fn pack(&self, id: RepoUid) -> Result<(), RepoError> {
        let _permit = self.git_permits().take(None).await;
        // Whoever copies its files must not find half of them gone.
        let _lock = self.lock(id).await;
        let folder = self.folder(id);
        if !folder.is_dir() {
            return Ok(());
        }
        let mut command = Git::command(&std::path::absolute(folder)?);
        command
            .args(["repack", "-a", "-d", "-q", "--keep-unreachable"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut git = Git::start(command)?;
        let errors = git.child.stderr.take().ok_or_else(gone)?;
        let mut output = String::new();
        errors.take(SAID).read_to_string(&mut output).await?;
        let status = git.child.wait().await?;
        if status.success() {
            return Ok(());
        }
        Err(RepoError::Refused(format!("{status}: {}", output.trim())))
    }
}

fn is_untidy(folder: &Path) -> bool {
    fs::read_dir(folder.join(SAMPLE)).is_ok_and(|objects| objects.count() >= LOOSE)
}
