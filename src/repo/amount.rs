//! What lies below a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::DiskAmount;

/// All files and folders below a folder. What goes away meanwhile does not count; links are not followed.
pub fn amount_below(folder: &Path) -> DiskAmount {
    sum_below(folder, |_| true)
}

/// The same, with the bytes of those files alone that count.
pub(super) fn sum_below(
    folder: &Path,
    mut counts: impl FnMut(&fs::Metadata) -> bool,
) -> DiskAmount {
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
