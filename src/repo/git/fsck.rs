//! Whether a repository is whole, as git says.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncReadExt;

use super::process::{Git, gone};
use crate::repo::{RepoError, Repos};

/// Most bytes kept of what git says.
const SAID: u64 = 64 << 10;
/// Bits of git's exit code: what a reference leads to is missing, a pack is broken, a reference is broken.
const BROKEN: i32 = 2 | 4 | 8;

// === impl Repos ===

impl Repos {
    /// What git finds wrong with the repository in `folder`; `None` when everything that its references lead to is there
    /// and every object's bytes are those it is named by. What git merely finds odd in a commit counts for nothing.
    ///
    /// # Errors
    /// `NoGit`, and when git cannot be run.
    pub async fn check_folder(folder: &Path) -> Result<Option<String>, RepoError> {
        let mut command = Git::command(&std::path::absolute(folder)?);
        command
            .args(["fsck", "--full", "--no-dangling", "--no-progress"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut git = Git::start(command)?;
        let stdout = git.child.stdout.take().ok_or_else(gone)?;
        let stderr = git.child.stderr.take().ok_or_else(gone)?;
        let (mut found, mut errors) = (String::new(), String::new());
        let (mut stdout, mut stderr) = (stdout.take(SAID), stderr.take(SAID));
        tokio::try_join!(
            stdout.read_to_string(&mut found),
            stderr.read_to_string(&mut errors)
        )?;
        // What is beyond must not stop it.
        let (mut rest, mut more) = (tokio::io::sink(), tokio::io::sink());
        let (mut stdout, mut stderr) = (stdout.into_inner(), stderr.into_inner());
        tokio::try_join!(
            tokio::io::copy(&mut stdout, &mut rest),
            tokio::io::copy(&mut stderr, &mut more)
        )?;
        let status = git.child.wait().await?;
        let code = status.code().unwrap_or(BROKEN);
        let complaint = |line: &&str| {
            let odd = line.starts_with("error in ") || line.starts_with("warning in ");
            !odd && !line.starts_with("notice: ")
        };
        let output = errors.lines().chain(found.lines()).find(complaint);
        if code == 0 || (code & BROKEN == 0 && output.is_none()) {
            return Ok(None);
        }
        Ok(Some(output.unwrap_or("git fsck failed").to_owned()))
    }
}
