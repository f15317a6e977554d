//! Copies of repositories, made beside a server that goes on writing to them.
//!
//! References are copied before objects: what a reference leads to is on disk before the reference is, and objects are
//! never removed while something leads to them. What moved meanwhile (a repository that is packed) shows when the copy is
//! [checked](super::Repos::check_folder), and copying again adds only what is missing.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::folders::Folders;
use super::large::{LargeId, link};
use crate::domain::RepoUid;

/// Bytes that are copied at once.
const BUFFER: usize = 1 << 20;

/// From one folder of repositories to another.
pub struct Replicas {
    from: Folders,
    to: Folders,
}

// === impl Replicas ===

impl Replicas {
    /// From the repositories below `from` to those below `to`, neither of which needs to be open in this process.
    pub fn new(from: PathBuf, to: PathBuf) -> Self {
        Self {
            from: Folders { root: from },
            to: Folders { root: to },
        }
    }

    /// Where the copy of one is.
    pub fn folder(&self, id: RepoUid) -> PathBuf {
        self.to.folder(id)
    }

    /// Copies one with its large files, each of which is on disk once; `false` when it is not there. What an earlier call
    /// has copied is not copied again. Uploads under way are left out. Blocks.
    ///
    /// # Errors
    /// When a file cannot be read or written, or when the bytes of a large file are not those it is named by.
    pub fn copy(&self, id: RepoUid) -> anyhow::Result<bool> {
        let (from, to) = (self.from.folder(id), self.to.folder(id));
        if !from.join("HEAD").is_file() {
            return Ok(false);
        }
        fs::create_dir_all(&to)?;
        // A reference that was removed meanwhile has no place in the copy.
        remove_if_there(&to.join("refs"))?;
        for name in ["refs", "packed-refs", "HEAD", "config"] {
            copy_tree(&from.join(name), &to.join(name), Present::Replaced)?;
        }
        for inside in ["refs/heads", "refs/tags", "objects/info", "objects/pack"] {
            fs::create_dir_all(to.join(inside))?;
        }
        copy_tree(&from.join("objects"), &to.join("objects"), Present::Kept)?;
        self.copy_large(&from.join("lfs"), &to.join("lfs"))?;
        Ok(true)
    }

    /// Reads every large file that the copy of a repository names. Blocks.
    ///
    /// # Errors
    /// When the bytes of one are not those it is named by.
    pub fn check_large(&self, id: RepoUid) -> anyhow::Result<()> {
        let folder = self.to.folder(id).join("lfs");
        for (file, id) in large_files(&folder)? {
            if let Some(mut source) = there(File::open(&file))? {
                copy_hashed(&mut source, &mut io::sink(), &id)
                    .with_context(|| file.display().to_string())?;
            }
        }
        Ok(())
    }

    fn copy_large(&self, from: &Path, to: &Path) -> anyhow::Result<()> {
        for (file, id) in large_files(from)? {
            fs::create_dir_all(to)?;
            if let Some(blob) = self.copy_blob(&file, &id)? {
                link(&blob, &to.join(id.as_str()))?;
            }
        }
        // Which of them no commit names yet: they go away by themselves.
        copy_tree(
            &from.join("waiting"),
            &to.join("waiting"),
            Present::Replaced,
        )?;
        Ok(())
    }

    /// The large file's name among all of them; `None` when it is gone.
    fn copy_blob(&self, from: &Path, id: &LargeId) -> anyhow::Result<Option<PathBuf>> {
        let folder = self.to.root.join("blobs").join(&id.as_str()[..2]);
        let path = folder.join(id.as_str());
        if path.exists() {
            return Ok(Some(path));
        }
        let Some(mut source) = there(File::open(from))? else {
            return Ok(None);
        };
        fs::create_dir_all(&folder)?;
        let mut copy = tempfile::NamedTempFile::new_in(&folder)?;
        copy_hashed(&mut source, &mut copy, id).with_context(|| from.display().to_string())?;
        copy.persist(&path)?;
        Ok(Some(path))
    }
}

/// The large files that a repository has.
fn large_files(folder: &Path) -> anyhow::Result<Vec<(PathBuf, LargeId)>> {
    let mut files = Vec::new();
    for entry in there(fs::read_dir(folder))?.into_iter().flatten() {
        let entry = entry?;
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(id) = id
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            files.push((entry.path(), id));
        }
    }
    Ok(files)
}

/// Copies bytes and compares their hash with the one they are named by.
fn copy_hashed(source: &mut impl Read, copy: &mut impl Write, id: &LargeId) -> anyhow::Result<()> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        copy.write_all(&buffer[..read])?;
    }
    if hex::encode(hash.finalize()) != id.as_str() {
        bail!("its content does not match its name");
    }
    Ok(())
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Present {
    Replaced,
    /// Its name says what it holds.
    Kept,
}

/// Copies what is at `from`, a file or a folder with all below it. What nobody has finished writing and what vanishes
/// meanwhile is left out.
fn copy_tree(from: &Path, to: &Path, present: Present) -> anyhow::Result<()> {
    let Some(facts) = there(fs::symlink_metadata(from))? else {
        return Ok(());
    };
    if facts.is_file() {
        return copy_file(from, to, present)
            .with_context(|| format!("{} could not be copied", from.display()));
    }
    if !facts.is_dir() {
        return Ok(());
    }
    let Some(entries) = there(fs::read_dir(from))? else {
        return Ok(());
    };
    fs::create_dir_all(to)?;
    for entry in entries {
        let name = entry?.file_name();
        let unfinished = |name: &str| {
            name.ends_with(".lock") || name.starts_with('.') || name.starts_with("tmp_")
        };
        if name.to_str().is_none_or(unfinished) {
            continue;
        }
        copy_tree(&from.join(&name), &to.join(&name), present)?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, present: Present) -> io::Result<()> {
    if present == Present::Kept && to.exists() {
        return Ok(());
    }
    // What it was looked at as, and nothing that it leads to.
    let source = File::options()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(from);
    let Some(mut source) = there(source)? else {
        return Ok(());
    };
    let mut copy = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(to)?;
    io::copy(&mut source, &mut copy)?;
    Ok(())
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    there(fs::remove_dir_all(folder)).map(|_| ())
}

/// `None` for what is not there.
///
/// # Errors
/// All but that.
pub fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}
