//! Folders of large files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a repository has its large files.
pub(in crate::repo) fn large_folder(repository: &Path) -> PathBuf {
    repository.join("lfs")
}

/// The entries of a folder that may be missing.
pub(in crate::repo) fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Gives a file another name; one that is there already is the same file.
pub(in crate::repo) fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}
