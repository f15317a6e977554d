//! Folders that strangers wrote, measured and removed however deep they are.
//!
//! A container makes folders within folders without end, past the longest path that Linux takes (4096 bytes) and past the
//! stack and the open files of whoever walks down into them. So what is deep is measured from a folder on the way, and
//! what is removed is not walked into: what lies in a subfolder is moved up beside it, until nothing lies in any.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Weak};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat, open, openat, renameat_with,
    statat, unlinkat,
};
use rustix::io::Errno;

use crate::domain::DiskAmount;

/// Bytes of a path from a folder that is held open.
const LONGEST_PATH: usize = 2000;
/// Folders that are held open on the way to deeper ones.
const MOST_HELD: usize = 64;
/// What is so deep and branched that it cannot be counted: more than anybody may have.
const BEYOND: DiskAmount = DiskAmount::new(1 << 60, 1 << 60);

/// A folder yet to be looked into, by its path from one that is held open.
struct Pending {
    from: Arc<OwnedFd>,
    path: Vec<u8>,
}

/// What a folder takes on disk; nothing, if it is not there. Links are not followed: whoever writes there is a stranger. A
/// file of several names, all of them in the folder, takes its bytes once.
pub fn disk(folder: &Path) -> DiskAmount {
    sum(folder, |facts| {
        let blocks = u64::try_from(facts.st_blocks).unwrap_or(0);
        blocks.saturating_mul(512)
    })
}

/// The same by the lengths of files, whether something was ever written there or not: what a copy of the folder takes.
pub fn length(folder: &Path) -> DiskAmount {
    sum(folder, |facts| {
        let length = u64::try_from(facts.st_size).unwrap_or(0);
        let is_file = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
        if is_file { length } else { 4096 }
    })
}

fn sum(folder: &Path, bytes: impl Fn(&Stat) -> u64) -> DiskAmount {
    let mut sum = DiskAmount::default();
    let Ok(top) = open(folder, FOLDER, Mode::empty()) else {
        return sum;
    };
    let mut held: Vec<Weak<OwnedFd>> = Vec::new();
    let mut pending = vec![Pending {
        from: Arc::new(top),
        path: b".".to_vec(),
    }];
    while let Some(Pending { from, path }) = pending.pop() {
        // It may be gone by now, or not be this process's to read.
        let Ok(folder) = openat(&from, path.as_slice(), FOLDER, Mode::empty()) else {
            continue;
        };
        let folder = Arc::new(folder);
        let Ok(entries) = Dir::read_from(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(facts) = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let bytes = bytes(&facts);
            if FileType::from_raw_mode(facts.st_mode) != FileType::Directory {
                // Each of its names is met, and stands for its share.
                #[allow(
                    clippy::useless_conversion,
                    reason = "other processors count names in 32 bits"
                )]
                let names = u64::from(facts.st_nlink).max(1);
                sum = DiskAmount::new(
                    sum.bytes.saturating_add(bytes / names),
                    sum.files.saturating_add(1),
                );
                continue;
            }
            sum = sum + DiskAmount::new(bytes, 1);
            let name = name.to_bytes();
            pending.push(if path.len() + name.len() < LONGEST_PATH {
                let path = [&path, name].join(&b'/');
                Pending {
                    from: Arc::clone(&from),
                    path,
                }
            } else {
                Pending {
                    from: Arc::clone(&folder),
                    path: name.to_vec(),
                }
            });
        }
        if Arc::strong_count(&folder) > 1 {
            held.push(Arc::downgrade(&folder));
            held.retain(|folder| folder.strong_count() > 0);
            if held.len() > MOST_HELD {
                return BEYOND;
            }
        }
    }
    sum
}

/// Removes a folder with all below it. Links are removed and never followed. It holds two folders open at a time.
///
/// # Errors
/// When something cannot be removed; `NotFound` when the folder is not there.
pub fn remove(folder: &Path) -> io::Result<()> {
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

    fn file_in(folder: &OwnedFd) -> std::fs::File {
        let file = openat(
            folder,
            "file",
            OFlags::CREATE | OFlags::WRONLY,
            Mode::RUSR | Mode::WUSR,
        );
        file.expect("a file").into()
    }

    #[test]
    fn what_is_deeper_than_paths_go_is_measured_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "kept").expect("a file");
        let tree = folder.path().join("tree");
        std::fs::create_dir_all(tree.join(".removed-1/x")).expect("folders");
        std::os::unix::fs::symlink(folder.path(), tree.join("link")).expect("a link");
        let mut deepest = open(&tree, FOLDER, Mode::empty()).expect("a folder");
        for _ in 0..3000 {
            mkdirat(&deepest, "d", Mode::RWXU).expect("room");
            deepest = openat(&deepest, "d", FOLDER, Mode::empty()).expect("a folder");
        }
        std::io::Write::write_all(&mut file_in(&deepest), &[1; 1 << 20]).expect("room");
        // A hole is none in a copy.
        let hole = std::fs::File::create(tree.join("hole")).expect("a file");
        hole.set_len(1 << 40).expect("a hole");
        let longer = length(&tree).bytes - disk(&tree).bytes;
        assert!(longer > (1 << 40) - (64 << 20), "{longer}");
        std::fs::remove_file(tree.join("hole")).expect("gone");
        let found = disk(&tree);
        assert_eq!(found.files, 3004);
        assert!(found.bytes >= 1 << 20, "{found:?}");
        // A file has its bytes once, whatever it is called.
        for name in ["second", "third"] {
            rustix::fs::linkat(&deepest, "file", &deepest, name, AtFlags::empty()).expect("a name");
        }
        let with_names = disk(&tree);
        assert_eq!(with_names.files, 3006);
        assert!(
            with_names.bytes <= found.bytes + (64 << 10),
            "{with_names:?}"
        );
        remove(&tree).expect("removed");
        assert_eq!(disk(&tree), DiskAmount::default());
        assert!(!tree.exists());
        assert!(outside.exists());
        let again = remove(&tree).expect_err("it is gone");
        assert_eq!(again.kind(), io::ErrorKind::NotFound);
    }
}
