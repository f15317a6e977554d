//! What lies below a folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::DiskAmount;

/// All files and folders below a folder. What goes away meanwhile does not count; links are not followed.
pub fn amount_below(folder: &Path) -> DiskAmount {
    sum_below(folder, |_| true)
}

/// The same of what was laid out: of a file that a repository has, and that is counted there, not the bytes.
pub(super) fn own_amount_below(folder: &Path) -> DiskAmount {
    use std::os::unix::fs::MetadataExt;
    let mut names = HashMap::new();
    sum_below(folder, |facts| {
        *names.entry(facts.ino()).or_insert(0) += 1;
        false
    });
    sum_below(folder, |facts| {
        // One name is that of its hash, which all large files have.
        let left = names
            .remove(&facts.ino())
            .map(|here| facts.nlink().saturating_sub(here));
        left.is_some_and(|elsewhere| elsewhere <= 1)
    })
}

fn sum_below(folder: &Path, mut counts: impl FnMut(&fs::Metadata) -> bool) -> DiskAmount {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut sum = DiskAmount::default();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            let is_folder = facts.is_dir();
            sum = sum
                + match is_folder {
                    true => DiskAmount::FOLDER,
                    false if counts(&facts) => DiskAmount::file(facts.len()),
                    false => DiskAmount::new(0, 1),
                };
            if is_folder {
                folders.push(entry.path());
            }
        }
    }
    sum
}
