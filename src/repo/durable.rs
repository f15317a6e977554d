//! Making names and bytes survive power loss.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Waits until the names in a folder are on disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Replaces a small file: readers, and the disk after power loss, have the old bytes or the new ones.
///
/// The bytes are written to `NAME.lock`, git's own lock name. The caller holds the repository's lock, so a lock file
/// that is already there belongs to a process that was killed.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut lock_name = name.to_owned();
    lock_name.push(".lock");
    let lock = folder.join(lock_name);
    let mut file = File::create(&lock)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&lock, path));
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&lock);
        return Err(error);
    }
    sync_folder(folder)
}
