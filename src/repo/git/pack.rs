//! The pack of a push: received whole, however slowly it is sent, and then taken apart by git.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::process::{Git, gone};
use crate::domain::{DiskAmount, size_text};
use crate::ledger::{DiskReservation, Refused};
use crate::repo::{RepoError, amount_below};

/// Objects that one push may bring.
const MAX_OBJECTS: u32 = 500_000;
/// How long git may take for a pack.
const UNPACK_TIME: Duration = Duration::from_secs(600);
/// Bytes of a pack that are passed on at once.
const BUFFER: usize = 256 << 10;
/// Between two looks at what an unpacked push takes on disk: a small pack can hold much.
const LOOK: Duration = Duration::from_millis(50);
/// Most that is read of what git says of a pack it refuses.
const SAID: u64 = 8 << 10;

/// A pack that has arrived, in an unnamed file.
#[derive(Debug)]
pub(super) struct Pack {
    file: File,
    bytes: u64,
    /// As many as are allowed.
    most: u64,
}

// === impl Pack ===

impl Pack {
    /// Reads a body to its end into `folder`, each piece once there is room for it.
    ///
    /// # Errors
    /// `Refused` for what is no pack or breaks off, `TooLarge` for one of more than `most` bytes or too many objects,
    /// `OverQuota`, and of the disk. The rest of the body is not read then.
    pub(super) async fn receive(
        folder: &Path,
        most: u64,
        room: &mut DiskReservation,
        body: &mut (impl AsyncRead + Unpin + Send),
    ) -> Result<Self, RepoError> {
        let header = header(body).await?;
        let mut pack = header.as_slice().chain(body);
        let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder)?);
        let mut buffer = vec![0; BUFFER];
        let mut bytes = 0;
        loop {
            let count = pack.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
            if bytes > most {
                return Err(RepoError::TooLarge(format!(
                    "the push is larger than the {} allowed for a repository",
                    size_text(most)
                )));
            }
            room.reach(DiskAmount::new(bytes, 0))?;
            file.write_all(&buffer[..count]).await?;
        }
        file.flush().await?;
        let mut file = file.into_std().await;
        file.rewind()?;
        Ok(Self { file, bytes, most })
    }

    /// Has git take it apart into objects of their own, as far as there is room for them and for what is left of the pack.
    ///
    /// # Errors
    /// `Refused` for what git refuses, with its words; `TooLarge`, `OverQuota`, and of the disk.
    pub(super) async fn unpack(
        self,
        folder: &Path,
        room: &mut DiskReservation,
    ) -> Result<(), RepoError> {
        let mut command = Git::command(&std::path::absolute(folder)?);
        command
            // `--strict` follows every link: what is not there, or malformed, is refused.
            .args(["unpack-objects", "-q", "--strict"])
            .arg(format!("--max-input-size={}", self.most))
            .stdout(std::process::Stdio::null());
        let mut git = Git::start(command)?;
        let mut input = git.child.stdin.take().ok_or_else(gone)?;
        let mut errors = git.child.stderr.take().ok_or_else(gone)?;
        let listening = tokio::spawn(async move {
            let mut errors_text = Vec::new();
            // What it says beyond is still read, so that it never waits for us.
            let _ = (&mut errors).take(SAID).read_to_end(&mut errors_text).await;
            let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
            String::from_utf8_lossy(&errors_text).into_owned()
        });
        let left = AtomicU64::new(self.bytes);
        let taking_apart = async {
            let fed = self.feed(&mut input, &left).await;
            drop(input);
            match fed {
                // It has given up; what it says tells why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                fed => fed?,
            }
            Ok::<_, RepoError>(git.child.wait().await?)
        };
        let taking_apart = tokio::time::timeout(UNPACK_TIME, taking_apart);
        let objects = folder.join("objects");
        let late = |_| RepoError::TooLarge("unpacking the push took too long".to_owned());
        let status = tokio::select! {
            status = taking_apart => status.map_err(late)??,
            refused = outgrown(&objects, &left, room) => return Err(refused.into()),
        };
        let errors_text = listening.await.map_err(io::Error::other)?;
        if status.success() {
            return Ok(());
        }
        tracing::debug!(%status, errors_text, "a push was not unpacked");
        let reason: Vec<_> = errors_text
            .lines()
            .map(|line| {
                line.trim_start_matches("fatal: ")
                    .trim_start_matches("error: ")
            })
            .filter(|line| !line.is_empty())
            .take(4)
            .collect();
        Err(RepoError::Refused(match reason.as_slice() {
            [] => format!("the pushed objects could not be unpacked ({status})"),
            reason => format!(
                "the pushed objects could not be unpacked: {}",
                reason.join("; ")
            ),
        }))
    }

    /// Passes it on, and frees the disk of what was passed on. Where the file system cannot, all of it is free at the end.
    async fn feed(&self, git: &mut (impl AsyncWrite + Unpin), left: &AtomicU64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let mut file = tokio::fs::File::from_std(self.file.try_clone()?);
        let mut buffer = vec![0; BUFFER];
        let mut at = 0;
        loop {
            let count = file.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            git.write_all(&buffer[..count]).await?;
            let count = count as u64;
            if fallocate(&self.file, hole, at, count).is_ok() {
                left.fetch_sub(count, Ordering::Relaxed);
            }
            at += count;
        }
    }
}

/// The beginning of a pack (gitformat-pack): `PACK`, a version, and how many objects follow.
async fn header(body: &mut (impl AsyncRead + Unpin)) -> Result<[u8; 12], RepoError> {
    let mut header = [0; 12];
    let whole = body.read_exact(&mut header).await;
    let version = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let objects = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    if whole.is_err() || &header[..4] != b"PACK" || !(2..=3).contains(&version) {
        return Err(RepoError::Refused(
            "the push has no pack that the server can read".to_owned(),
        ));
    }
    if objects > MAX_OBJECTS {
        return Err(RepoError::TooLarge(format!(
            "the push has {objects} objects; at most {MAX_OBJECTS} are allowed"
        )));
    }
    Ok(header)
}

/// Looks at what the objects take on disk beside what is left of the pack, again and again; ends when there is no room for
/// it.
async fn outgrown(objects: &Path, left: &AtomicU64, room: &mut DiskReservation) -> Refused {
    loop {
        let began = Instant::now();
        let objects = objects.to_owned();
        let found = tokio::task::spawn_blocking(move || amount_below(&objects)).await;
        // Looked at last: what went from the one to the other meanwhile does not count twice.
        let left = DiskAmount::new(left.load(Ordering::Relaxed), 0);
        if let Err(refused) = room.reach(found.unwrap_or_default() + left) {
            return refused;
        }
        // Looking takes a fifth of a core at most, however many they are.
        tokio::time::sleep(LOOK.max(began.elapsed() * 4)).await;
    }
}
