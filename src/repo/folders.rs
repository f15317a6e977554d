//! Where things are on disk, and making and removing whole repositories there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::durable::sync_folder;
use super::large::{entries, large_folder, link};
use super::{MAIN, RepoError};
use crate::domain::{DiskAmount, RepoUid};

/// What an empty repository takes.
pub(super) const EMPTY: DiskAmount = DiskAmount::new(8 * 4096, 8);

/// The folder of everything in this room.
pub(super) struct Folders {
    pub(super) root: PathBuf,
}

/// Removes a folder that nobody looks into any more, where nobody waits for it: a disk may take minutes for a folder of many
/// files. What stays behind is removed at the next start.
pub(super) fn remove_aside(folder: PathBuf) {
    let remove = move || {
        let _ = fs::remove_dir_all(folder);
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_) => remove(),
    }
}

// === impl Folders ===

impl Folders {
    /// A repository's.
    pub(super) fn folder(&self, id: RepoUid) -> PathBuf {
        let id = id.to_string();
        // The last digits are random; the first ones are a clock's, and would put all into one folder.
        self.root
            .join(&id[id.len() - 2..])
            .join(format!("{id}.git"))
    }

    /// What is being made or removed; emptied at start.
    pub(super) fn aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    pub(super) fn create(&self, id: RepoUid) -> Result<(), RepoError> {
        let folder = self.folder(id);
        if folder.join("HEAD").is_file() {
            return Ok(());
        }
        let made = self.aside().join(Uuid::now_v7().simple().to_string());
        make_bare(&made)?;
        self.put_in_place(&made, &folder)?;
        Ok(())
    }

    /// Makes an empty repository in a folder that nobody looks into.
    pub(super) fn make(folder: &Path) -> io::Result<()> {
        make_bare(folder)
    }

    /// Puts a repository that was made where it belongs; whether there was none.
    pub(super) fn place(&self, id: RepoUid, made: &Path) -> Result<bool, RepoError> {
        let folder = self.folder(id);
        if folder.join("HEAD").is_file() {
            return Ok(false);
        }
        self.put_in_place(made, &folder)?;
        Ok(true)
    }

    fn put_in_place(&self, made: &Path, folder: &Path) -> io::Result<()> {
        let parent = folder.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent)?;
        sync_folder(&self.root)?;
        fs::rename(made, folder)?;
        sync_folder(parent)
    }

    /// Removes a repository. Returns the names of the large files that it had, which others may have too.
    pub(super) fn delete(&self, id: RepoUid) -> Result<Vec<OsString>, RepoError> {
        let folder = self.folder(id);
        let away = self.aside().join(Uuid::now_v7().simple().to_string());
        match fs::rename(&folder, &away) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            renamed => renamed?,
        }
        sync_folder(folder.parent().unwrap_or(&self.root))?;
        let large = entries(&large_folder(&away))?;
        fs::remove_dir_all(&away)?;
        Ok(large.into_iter().map(|entry| entry.file_name()).collect())
    }
}

/// Gives every file below `from` another name below `to`; what is there already stays.
pub(super) fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), target));
                continue;
            }
            link(&entry.path(), &target)?;
        }
        sync_folder(&to)?;
    }
    Ok(())
}

/// The least git takes for a bare repository: no hooks, no samples.
fn make_bare(folder: &Path) -> io::Result<()> {
    for inside in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(folder.join(inside))?;
    }
    let files = [
        (
            "config",
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n".to_owned(),
        ),
        ("HEAD", format!("ref: refs/heads/{MAIN}\n")),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text)?;
        fs::File::open(&path)?.sync_all()?;
    }
    for inside in ["objects", "refs", ""] {
        sync_folder(&folder.join(inside))?;
    }
    Ok(())
}
