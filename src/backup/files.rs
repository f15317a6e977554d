//! Copying files as they are: whose they are, who may read them, and when they were changed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use anyhow::Context;

/// Copies a folder with all below it. Links stay links, and are never followed: what is below `storage/` was written by
/// strangers. Sockets, pipes and devices are left out, and so is what vanishes meanwhile.
pub(super) fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = copy_any(from, to);
    match copied {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error).with_context(|| {
            format!(
                "{} may not be read: what containers keep is their own user's, so run this as root",
                from.display()
            )
        }),
        copied => copied.with_context(|| format!("{} could not be copied", from.display())),
    }
}

fn copy_any(from: &Path, to: &Path) -> io::Result<()> {
    let Some(facts) = there(fs::symlink_metadata(from))? else {
        return Ok(());
    };
    let kind = facts.file_type();
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        let Some(entries) = there(fs::read_dir(from))? else {
            return Ok(());
        };
        for entry in entries {
            let name = entry?.file_name();
            copy_any(&from.join(&name), &to.join(&name))?;
        }
    } else if kind.is_symlink() {
        let Some(target) = there(fs::read_link(from))? else {
            return Ok(());
        };
        symlink(target, to)?;
    } else if kind.is_file() {
        let source = File::options()
            .read(true)
            // It may have become a link since it was looked at.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(from);
        let Some(mut source) = there(source)? else {
            return Ok(());
        };
        let mut copy = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        io::copy(&mut source, &mut copy)?;
        copy.set_modified(facts.modified()?)?;
    } else {
        return Ok(());
    }
    keep_owner(&facts, to)?;
    if !kind.is_symlink() {
        fs::set_permissions(to, fs::Permissions::from_mode(facts.mode() & 0o7777))?;
    }
    Ok(())
}

/// Whoever is not root cannot give files away; they are all its own then.
fn keep_owner(facts: &fs::Metadata, to: &Path) -> io::Result<()> {
    match lchown(to, Some(facts.uid()), Some(facts.gid())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        changed => changed,
    }
}

/// Copies a file that is for the server's user alone, if it is there.
pub(super) fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    copy_any(from, to).with_context(|| format!("{} could not be copied", from.display()))
}

pub(super) fn remove_if_there(file: &Path) -> io::Result<()> {
    there(fs::remove_file(file)).map(|_| ())
}

/// `None` for what is not there.
pub(super) fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}
