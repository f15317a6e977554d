//! Folders that strangers wrote, removed however deep they are.
//!
//! A container makes folders within folders without end, past the longest path that Linux takes (4096 bytes) and past the
//! stack and the open files of whoever walks down into them. So nobody walks down: what lies in a subfolder is moved up
//! beside it, until nothing lies in any.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, Mode, OFlags, RenameFlags, open, openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

/// Removes a folder with all below it. Links are removed and never followed. It holds two folders open at a time.
///
/// # Errors
/// When something cannot be removed; `NotFound` when the folder is not there.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    let top = open(folder, FOLDER, Mode::empty())?;
    let mut moved = 0_u64;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            if is_removed(&top, &name)? {
                continue;
            }
            let inner = openat(&top, name.as_c_str(), FOLDER, Mode::empty())?;
            for below in self::names(&inner)? {
                if !is_removed(&inner, &below)? {
                    move_up(&inner, &below, &top, &mut moved)?;
                }
            }
            unlinkat(&top, name.as_c_str(), AtFlags::REMOVEDIR)?;
        }
    }
    unlinkat(CWD, folder, AtFlags::REMOVEDIR)?;
    Ok(())
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What lies in a folder.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Removes what is no folder, and a folder that is empty; whether it did.
fn is_removed(from: impl AsFd, name: &CStr) -> io::Result<bool> {
    match unlinkat(&from, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        // Linux says the first of a folder, POSIX the second.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    match unlinkat(&from, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Moves a folder to one above it, under a name that nobody has there.
fn move_up(from: &OwnedFd, name: &CStr, to: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    loop {
        *moved += 1;
        let free = format!(".removed-{moved}");
        match renameat_with(from, name, to, free.as_str(), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            done => return Ok(done?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::mkdirat;

    #[test]
    fn what_is_deeper_than_paths_go_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "kept").expect("a file");
        let tree = folder.path().join("tree");
        std::fs::create_dir_all(tree.join(".removed-1/x")).expect("folders");
        std::os::unix::fs::symlink(folder.path(), tree.join("link")).expect("a link");
        let mut deepest = open(&tree, FOLDER, Mode::empty()).expect("a folder");
        for _ in 0..20_000 {
            mkdirat(&deepest, "d", Mode::RWXU).expect("room");
            deepest = openat(&deepest, "d", FOLDER, Mode::empty()).expect("a folder");
        }
        remove(&tree).expect("removed");
        assert!(!tree.exists());
        assert!(outside.exists());
        let again = remove(&tree).expect_err("it is gone");
        assert_eq!(again.kind(), io::ErrorKind::NotFound);
    }
}
