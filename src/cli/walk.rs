//! The files of a folder that is to be published.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Folders that are never part of a Space: what tools keep for themselves or can make again.
const LEFT_OUT: [&str; 5] = [".git", "target", "node_modules", "__pycache__", ".cache"];

/// A file to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalFile {
    /// As the Space will have it: relative, with slashes.
    pub(super) path: String,
    /// Where it lies.
    pub(super) source: PathBuf,
    /// Bytes.
    pub(super) size: u64,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// By path.
    pub(super) files: Vec<LocalFile>,
    /// Symbolic links and special files, which no Space has.
    pub(super) skipped: Vec<String>,
}

/// Finds everything to publish below a folder.
pub(super) fn walk(folder: &Path) -> anyhow::Result<Walk> {
    if !folder.is_dir() {
        bail!("{} is not a folder", folder.display());
    }
    let mut found = Walk::default();
    let mut pending = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                bail!(
                    "the name of {} is not valid Unicode",
                    entry.path().display()
                );
            };
            let path = format!("{prefix}{name}");
            let facts = entry
                .metadata()
                .with_context(|| format!("{} cannot be read", entry.path().display()))?;
            if facts.is_dir() {
                if !LEFT_OUT.contains(&name.as_str()) {
                    pending.push((entry.path(), format!("{path}/")));
                }
            } else if facts.is_file() {
                // In a worktree or submodule it is a file.
                if name != ".git" {
                    let source = entry.path();
                    found.files.push(LocalFile {
                        path,
                        source,
                        size: facts.len(),
                    });
                }
            } else {
                found.skipped.push(path);
            }
        }
    }
    found.files.sort_by(|one, other| one.path.cmp(&other.path));
    found.skipped.sort();
    Ok(found)
}

/// The id git gives a file's content.
pub(super) fn blob_id(file: &LocalFile) -> anyhow::Result<String> {
    let context = || format!("{} cannot be read", file.source.display());
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(format!("blob {}\0", file.size).as_bytes());
    let mut source = fs::File::open(&file.source).with_context(context)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match source.read(&mut buffer).with_context(context)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let id = hasher.try_finalize().with_context(context)?;
    Ok(id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_leftovers_and_links_stay_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for path in [
            "index.html",
            "js/a.js",
            ".git/config",
            "node_modules/x/y",
            "js/target/z",
            ".hidden",
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("inside")).expect("made");
            fs::write(path, "hello\n").expect("written");
        }
        std::os::unix::fs::symlink("/etc/passwd", root.join("link")).expect("linked");
        let found = walk(root).expect("readable");
        let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".hidden", "index.html", "js/a.js"]);
        assert_eq!(found.skipped, ["link"]);
        // What `git hash-object` says of the same bytes.
        let id = blob_id(&found.files[0]).expect("readable");
        assert_eq!(id, "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
