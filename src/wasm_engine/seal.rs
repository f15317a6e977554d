//! Seals on compiled code.
//!
//! Compiled code is native code: whoever can put a file where the server loads it from, runs what they like as the
//! server. So each file has a seal beside it, a hash under a key that only the server has, and nothing is loaded unless
//! its seal holds. The seal covers the file's name, so that one file cannot stand in for another.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::keys::SealKey;

/// An open file whose seal held. It stays that file, whatever happens to its name.
#[derive(Debug)]
pub struct VerifiedFile {
    file: File,
    bytes: u64,
}

/// Beside `NAME` lies `NAME.seal`: this word, a space, and the hash in hexadecimal digits.
const FORMAT: &str = "glasshouse-seal-1";
/// Bytes hashed at a time: large enough that hashing, not asking the kernel, is what takes the time.
const CHUNK: usize = 256 << 10;

/// The file that holds the seal of the file at `path`.
pub fn seal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".seal");
    PathBuf::from(name)
}

/// Seals the file at `path` as it is now, and returns when the seal is on disk. The file's name may not change
/// afterwards; its folder may.
///
/// # Errors
/// When the file cannot be read, or the seal not be written.
pub fn seal(key: &SealKey, profile: &str, path: &Path) -> io::Result<()> {
    let (_, _, hash) = hash_file(key, profile, path)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(seal_path(path))?;
    writeln!(file, "{FORMAT} {}", hash.to_hex())?;
    file.sync_all()
}

/// Opens the file at `path` if it was sealed under this key and profile and has not changed since.
///
/// # Errors
/// `NotFound` when the file or its seal is missing, `InvalidData` when the seal does not hold, else what the system
/// says. In no case may the file be loaded.
pub fn open_sealed(key: &SealKey, profile: &str, path: &Path) -> io::Result<VerifiedFile> {
    let broken = |what: &str| {
        let text = format!("{} {what}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    let mut text = String::new();
    let seal_file = File::open(seal_path(path))?;
    seal_file.take(1024).read_to_string(&mut text)?;
    let sealed = text
        .strip_prefix(FORMAT)
        .and_then(|hex| blake3::Hash::from_hex(hex.trim()).ok())
        .ok_or_else(|| broken("has a seal that is not valid"))?;
    let (file, bytes, hash) = hash_file(key, profile, path)?;
    // `blake3::Hash` compares in constant time.
    if hash != sealed {
        return Err(broken("has changed since it was sealed"));
    }
    Ok(VerifiedFile { file, bytes })
}

fn hash_file(key: &SealKey, profile: &str, path: &Path) -> io::Result<(File, u64, blake3::Hash)> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a folder has no seal"))?;
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    for part in [profile.as_bytes(), name.as_encoded_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(&bytes.to_le_bytes());
    let mut buffer = vec![0; CHUNK.min(usize::try_from(bytes).unwrap_or(CHUNK).max(1))];
    let mut read = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                read += count as u64;
            }
        }
    }
    if read != bytes {
        return Err(io::Error::other(format!(
            "{} changed while it was read",
            path.display()
        )));
    }
    Ok((file, bytes, hasher.finalize()))
}

// === impl VerifiedFile ===

impl VerifiedFile {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A path that names this very file while `self` lives, even when its own name has come to mean another. For
    /// `Component::deserialize_file`, which takes no open file.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// The open file, read to its end. For `Module::deserialize_open_file`, which maps it from its beginning.
    pub fn into_file(self) -> File {
        self.file
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PROFILE: &str = "profile";

    struct Sealed {
        folder: tempfile::TempDir,
        key: SealKey,
    }

    impl Sealed {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let key = SealKey::open(&folder.path().join("keys/seal.key")).expect("a new key");
            let sealed = Self { folder, key };
            sealed.write("a", &vec![b'a'; 350_000]);
            sealed.write("b", b"code of b");
            sealed
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, content: &[u8]) {
            fs::write(self.path(name), content).expect("written");
            seal(&self.key, PROFILE, &self.path(name)).expect("sealed");
        }

        fn refusal(&self, name: &str) -> io::ErrorKind {
            let opened = open_sealed(&self.key, PROFILE, &self.path(name));
            opened.expect_err("must not open").kind()
        }
    }

    #[test]
    fn what_was_sealed_opens_and_stays_that_file() {
        let sealed = Sealed::new();
        let file = open_sealed(&sealed.key, PROFILE, &sealed.path("a")).expect("sealed");
        assert_eq!(file.bytes(), 350_000);
        fs::rename(sealed.path("b"), sealed.path("a")).expect("renamed");
        assert_eq!(fs::read(file.path()).expect("open"), vec![b'a'; 350_000]);
        assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
    }

    #[test]
    fn changed_and_truncated_files_do_not_open() {
        let sealed = Sealed::new();
        let mut content = fs::read(sealed.path("a")).expect("read");
        content[349_999] ^= 1;
        fs::write(sealed.path("a"), &content).expect("written");
        assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
        for length in [349_999, 1, 0] {
            content.truncate(length);
            fs::write(sealed.path("a"), &content).expect("written");
            assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn another_files_seal_does_not_hold_even_with_its_content() {
        let sealed = Sealed::new();
        fs::copy(seal_path(&sealed.path("b")), seal_path(&sealed.path("a"))).expect("copied");
        assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
        fs::copy(sealed.path("b"), sealed.path("a")).expect("copied");
        assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
    }

    #[test]
    fn another_profile_or_key_does_not_open_it() {
        let sealed = Sealed::new();
        let other = SealKey::open(&sealed.path("keys/other.key")).expect("a new key");
        assert!(open_sealed(&sealed.key, "other", &sealed.path("a")).is_err());
        assert!(open_sealed(&other, PROFILE, &sealed.path("a")).is_err());
        assert!(open_sealed(&sealed.key, PROFILE, &sealed.path("a")).is_ok());
    }

    #[test]
    fn no_seal_or_half_a_seal_does_not_open() {
        let sealed = Sealed::new();
        let seal_file = seal_path(&sealed.path("a"));
        let text = fs::read_to_string(&seal_file).expect("read");
        for half in ["", FORMAT, &text[..text.len() / 2], &"x".repeat(100_000)] {
            fs::write(&seal_file, half).expect("written");
            assert_eq!(sealed.refusal("a"), io::ErrorKind::InvalidData);
        }
        fs::remove_file(&seal_file).expect("removed");
        assert_eq!(sealed.refusal("a"), io::ErrorKind::NotFound);
    }
}
