//! The secrets that this server keeps for itself, each in a file of its own.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use rand::TryRngCore;

/// A pair of keys on the curve P-256, with which this server signs what others can check.
pub struct SigningKey(Box<[u8]>);

/// The key under which this server's compiled code is sealed.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

// === impl SealKey ===

impl SealKey {
    /// The key in the file at `path`, as [`open_key`] reads or makes it.
    ///
    /// # Errors
    /// As [`open_key`].
    pub fn open(path: &Path) -> io::Result<Self> {
        open_key(path).map(Self)
    }

    /// For a keyed hash.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A word for something that nobody else can know or make: 64 hexadecimal digits.
    pub fn mark(&self, of: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // What is hashed for a seal begins with a length, which is never this.
        hasher.update(&u64::MAX.to_le_bytes());
        hasher.update(of.as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealKey")
    }
}

// === impl SigningKey ===

impl SigningKey {
    /// A new one, kept nowhere.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn fresh() -> io::Result<Self> {
        let curve = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = ring::rand::SystemRandom::new();
        let pair = ring::signature::EcdsaKeyPair::generate_pkcs8(curve, &random);
        let pair = pair.map_err(|_| io::Error::other("the system has no random numbers"))?;
        Ok(Self(pair.as_ref().into()))
    }

    /// The key in the file at `path`, or a new one that is kept there and that only this user can read.
    ///
    /// # Errors
    /// When it cannot be read or made, or everybody may read it.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(bytes) = read_private(path)? {
            return Ok(Self(bytes.into()));
        }
        keep(path, &Self::fresh()?.0)?;
        let bytes = read_private(path)?;
        bytes
            .map(|bytes| Self(bytes.into()))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The pair of keys, as PKCS #8 has it (RFC 5958).
    pub fn pkcs8(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

/// Reads the key of 32 bytes at `path`, or makes a new one there that only this user can read.
///
/// # Errors
/// When it cannot be read or made, is not a key, or everybody may read it.
pub fn open_key(path: &Path) -> io::Result<[u8; 32]> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let mut key = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut key)
        .map_err(io::Error::other)?;
    keep(path, &key)?;
    read_key(path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Writes a key to a file that only this user can read, unless there is one.
fn keep(path: &Path, key: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Written whole under another name first: half a key would lock the server out of what it sealed.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all(),
        // Another process was faster; its key is the key.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
    }
}

fn refused(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{} {what}", path.display()))
}

/// What is in the file; `None` if there is none.
fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    if fs::metadata(path)?.mode() & 0o007 != 0 {
        return Err(refused(
            path,
            "is readable or writable by every user: run `chmod 600` on it, or remove it to get a new one",
        ));
    }
    Ok(Some(bytes))
}

fn read_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let Some(bytes) = read_private(path)? else {
        return Ok(None);
    };
    let key = bytes.try_into();
    key.map(Some).map_err(|_| {
        refused(
            path,
            "does not contain a key of 32 bytes: remove it to get a new one",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys/seal.key");
        let first = SealKey::open(&path).expect("made");
        assert_eq!(first.0, SealKey::open(&path).expect("read").0);
        let mode = fs::metadata(&path).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(SealKey::open(&path).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, b"short").expect("written");
        assert!(SealKey::open(&path).is_err());
    }
}
