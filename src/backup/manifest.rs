//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ADMIN_TOKEN, DATABASE, KEYS, LeftOut, STORAGE, holes};

const NAME: &str = "manifest.json";
/// Raised when an older program could not restore what a newer one wrote.
const FORMAT: u32 = 2;
/// The last one whose hashes are of files with their zeros.
const WITH_ZEROS: u32 = 1;

/// What is in a backup, and how to know that it is what was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Which layout it has.
    format: u32,
    /// The version of the program that made it.
    pub version: String,
    /// When it was begun, in RFC 3339.
    pub created: String,
    /// Whether it holds the keys that open its secrets.
    pub keys: bool,
    /// How many repositories are in it.
    pub repositories: usize,
    /// What it does not hold of the storage of Spaces.
    #[serde(default)]
    pub left_out: Vec<LeftOutOf>,
    /// The hash of every file that is not below `repos/`, by its path. Objects of git and large files are named by theirs.
    files: BTreeMap<String, String>,
}

/// What a backup does not hold of one Space's storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOutOf {
    /// `owner/name`, unless no Space has this storage any more.
    pub space: Option<String>,
    /// Its path in the data folder.
    pub folder: String,
    /// How much.
    #[serde(flatten)]
    pub left_out: LeftOut,
}

// === impl Manifest ===

impl Manifest {
    pub(super) fn new(keys: bool) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
            keys,
            repositories: 0,
            left_out: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// Hashes the files of a backup and writes itself beside them.
    pub(super) fn seal(&mut self, backup: &Path) -> anyhow::Result<()> {
        self.files = hashes(backup, self.format)?;
        let text = serde_json::to_string_pretty(self)?;
        fs::write(backup.join(NAME), text)?;
        Ok(())
    }

    /// Reads what a backup says of itself.
    ///
    /// # Errors
    /// When it is none, or one of a newer program.
    pub fn read(backup: &Path) -> anyhow::Result<Self> {
        let path = backup.join(NAME);
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "{} is not a backup: {NAME} cannot be read",
                backup.display()
            )
        })?;
        let manifest: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a backup's manifest", path.display()))?;
        if manifest.format > FORMAT {
            bail!(
                "the backup was made by a newer version, {}; restore it with that version",
                manifest.version
            );
        }
        Ok(manifest)
    }

    /// Compares the files with what was written.
    pub(super) fn compare(&self, backup: &Path) -> anyhow::Result<()> {
        let found = hashes(backup, self.format)?;
        for (path, hash) in &self.files {
            match found.get(path) {
                None => bail!("{path} is missing from the backup"),
                Some(other) if other != hash => bail!("{path} in the backup has been changed"),
                Some(_) => {}
            }
        }
        match found.keys().find(|path| !self.files.contains_key(*path)) {
            Some(path) => bail!("{path} was added to the backup"),
            None => Ok(()),
        }
    }
}

fn hashes(backup: &Path, format: u32) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for name in [DATABASE, STORAGE, KEYS, ADMIN_TOKEN] {
        hash_below(&backup.join(name), name, format, &mut found)?;
    }
    Ok(found)
}

fn hash_below(
    path: &Path,
    name: &str,
    format: u32,
    found: &mut BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let facts = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        facts => facts?,
    };
    if facts.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Names that are not text are told apart by their escapes.
            let below = format!(
                "{name}/{}",
                entry.file_name().as_encoded_bytes().escape_ascii()
            );
            hash_below(&entry.path(), &below, format, found)?;
        }
        return Ok(());
    }
    let hash = if facts.is_symlink() {
        let target = fs::read_link(path)?;
        hex::encode(Sha256::digest(target.as_os_str().as_encoded_bytes()))
    } else if !facts.is_file() {
        bail!("{name} in the backup is neither a file nor a folder nor a link");
    } else if format <= WITH_ZEROS {
        let mut hash = Sha256::new();
        io::copy(&mut File::open(path)?, &mut hash)?;
        hex::encode(hash.finalize())
    } else {
        holes::hash(&File::open(path)?)?
    };
    found.insert(name.to_owned(), hash);
    Ok(())
}
