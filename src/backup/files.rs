//! Copying files as they are: whose they are, who may read them, and when they were changed.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown, symlink,
};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, readlinkat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::holes;
use crate::repo::there;

/// Bytes of a path below the folder that is copied: with that folder's own path before it, Linux takes it.
const LONGEST_PATH: usize = 2000;
/// Folders within folders. Each is held open on the way to deeper ones, here and by whoever removes the copy.
const DEEPEST: usize = 256;
/// How often what became something else under the copying hand is looked at again.
const ROUNDS: usize = 4;

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A pipe is not waited for.
const FILE: OFlags = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// What a copy does not hold of a folder's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Entries whose path is too long or goes through too many folders, each counted once with all below it.
    pub too_deep: usize,
    /// Sockets, pipes, devices, files that are longer than the copy's file system takes, and what did not stay the same
    /// kind of thing.
    pub not_files: usize,
}

/// Copies a folder with all below it. What is below `storage/` was written by strangers, who may go on writing: links stay
/// links and are never followed, holes stay holes, and what vanishes meanwhile is not in the copy. What was left out is
/// told by the names of the folders that `from` holds.
pub(super) fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<BTreeMap<String, LeftOut>> {
    let mut copying = Copying {
        to,
        path: PathBuf::new(),
        left_out: BTreeMap::new(),
    };
    // The operator may have put it elsewhere, by a link.
    let copied = open(from, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(io::Error::from)
        .and_then(|folder| copying.folder(folder.into(), 0));
    let at = || from.join(&copying.path);
    match copied {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(error).with_context(|| {
                format!(
                    "{} cannot be read: it belongs to the container's user, so run this as root",
                    at().display()
                )
            });
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} could not be copied", at().display()));
        }
    }
    Ok(copying.left_out)
}

struct Copying<'a> {
    to: &'a Path,
    /// Of what is being copied, from the folder that is copied; after an error, of what could not be.
    path: PathBuf,
    left_out: BTreeMap<String, LeftOut>,
}

/// What was found under a name, held so that nothing can take its place.
enum Found {
    Folder(File),
    File(File),
    Link { target: CString, owner: (u32, u32) },
    Nothing,
    Other,
}

// === impl Copying ===

impl Copying<'_> {
    fn folder(&mut self, folder: File, depth: usize) -> io::Result<()> {
        let facts = folder.metadata()?;
        let to = self.to.join(&self.path);
        fs::DirBuilder::new().mode(0o700).create(&to)?;
        let folder = OwnedFd::from(folder);
        for name in names(&folder)? {
            self.path.push(OsStr::from_bytes(name.to_bytes()));
            self.entry(&folder, &name, depth + 1)?;
            self.path.pop();
        }
        let copy = open(&to, FOLDER, Mode::empty())?;
        keep_facts(&facts, &File::from(copy))
    }

    fn entry(&mut self, folder: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
        if depth > DEEPEST || self.path.as_os_str().len() > LONGEST_PATH {
            self.left_out().too_deep += 1;
            return Ok(());
        }
        let to = self.to.join(&self.path);
        match find(folder, name)? {
            Found::Folder(inner) => self.folder(inner, depth),
            Found::File(file) => match copy_file(&file, &to) {
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    self.left_out().not_files += 1;
                    fs::remove_file(&to)
                }
                copied => copied,
            },
            Found::Link { target, owner } => {
                symlink(OsStr::from_bytes(target.to_bytes()), &to)?;
                permitted(lchown(&to, Some(owner.0), Some(owner.1)))
            }
            Found::Nothing => Ok(()),
            Found::Other => {
                self.left_out().not_files += 1;
                Ok(())
            }
        }
    }

    fn left_out(&mut self) -> &mut LeftOut {
        let top = self.path.iter().next().unwrap_or_default();
        let top = top.to_string_lossy().into_owned();
        self.left_out.entry(top).or_default()
    }
}

/// Opens what is there without following it. It may have become something else since it was looked at.
fn find(folder: &OwnedFd, name: &CStr) -> io::Result<Found> {
    for _ in 0..ROUNDS {
        let found = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(facts) => match FileType::from_raw_mode(facts.st_mode) {
                FileType::Directory => openat(folder, name, FOLDER, Mode::empty())
                    .map(|inner| Found::Folder(inner.into())),
                FileType::RegularFile => {
                    openat(folder, name, FILE, Mode::empty()).map(|file| Found::File(file.into()))
                }
                FileType::Symlink => {
                    let owner = (facts.st_uid, facts.st_gid);
                    readlinkat(folder, name, Vec::new()).map(|target| Found::Link { target, owner })
                }
                _ => return Ok(Found::Other),
            },
            Err(error) => Err(error),
        };
        match found {
            Ok(Found::File(file)) if !file.metadata()?.is_file() => {}
            Ok(found) => return Ok(found),
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            // Of a link, of what is no folder, of a socket or a device, of what is no link.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::NODEV | Errno::INVAL) => {}
            // Somebody holds a lease on it, which `fcntl` gives to whoever owns a file.
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Found::Other)
}

/// What lies in a folder; nothing, if it was removed since it was opened.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    let entries = there(Dir::read_from(folder).map_err(io::Error::from))?;
    for entry in entries.into_iter().flatten() {
        let Some(entry) = there(entry.map_err(io::Error::from))? else {
            break;
        };
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

fn copy_file(from: &File, to: &Path) -> io::Result<()> {
    let facts = from.metadata()?;
    let copy = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    holes::copy(from, &copy)?;
    copy.set_modified(facts.modified()?)?;
    keep_facts(&facts, &copy)
}

/// Whose it is and who may read it, in this order: whoever gives a file away takes the bits away that lend its user.
fn keep_facts(facts: &fs::Metadata, copy: &File) -> io::Result<()> {
    permitted(fchown(copy, Some(facts.uid()), Some(facts.gid())))?;
    copy.set_permissions(fs::Permissions::from_mode(facts.mode() & 0o7777))
}

/// Whoever is not root cannot give files away; they are all its own then.
fn permitted(given: io::Result<()>) -> io::Result<()> {
    match given {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

/// Copies a file that is for the server's user alone, if it is there.
pub(super) fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = there(File::open(from)).and_then(|file| match file {
        Some(file) => copy_file(&file, to),
        None => Ok(()),
    });
    copied.with_context(|| format!("{} could not be copied", from.display()))
}

pub(super) fn remove_if_there(file: &Path) -> io::Result<()> {
    there(fs::remove_file(file)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_goes_while_it_is_looked_into_is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = folder.path().join("gone");
        fs::create_dir(&gone).expect("a folder");
        let held = open(&gone, FOLDER, Mode::empty()).expect("it is there");
        fs::remove_dir(&gone).expect("removed");
        assert_eq!(names(&held).expect("no error"), Vec::<CString>::new());
    }
}
