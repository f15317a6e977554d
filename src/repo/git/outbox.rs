//! What git has answered and the client has not taken yet: a little in memory, more of it in an unnamed file, so that git has
//! soon done its work for a client that takes its time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc};

/// Pieces that wait in memory.
const WAITING: usize = 2;
/// Bytes of the files of all answers together, in steps.
const STEP: u64 = 1 << 20;
const STEPS: usize = 512;

static STEPS_LEFT: Semaphore = Semaphore::const_new(STEPS);

/// The side of git.
pub(super) struct Outbox {
    pieces: mpsc::UnboundedSender<Piece>,
    memory: Arc<Semaphore>,
    folder: PathBuf,
    spool: Option<Arc<SpoolFile>>,
    /// Bytes that its file may have yet.
    left: u64,
    written: u64,
}

/// The side of the client.
pub(super) struct Inbox(mpsc::UnboundedReceiver<Piece>);

/// The client has gone.
#[derive(Debug)]
pub(super) struct Gone;

enum Piece {
    Held(Bytes, OwnedSemaphorePermit),
    Filed {
        spool: Arc<SpoolFile>,
        start: u64,
        length: usize,
    },
}

/// The file, and what it takes of all that there is for such files.
struct SpoolFile {
    file: File,
    steps: parking_lot::Mutex<Vec<SemaphorePermit<'static>>>,
}

/// A way from git to a client, with a file of at most so many bytes in `folder` on it.
pub(super) fn outbox(folder: PathBuf, most: u64) -> (Outbox, Inbox) {
    let (pieces, received) = mpsc::unbounded_channel();
    let outbox = Outbox {
        pieces,
        memory: Arc::new(Semaphore::new(WAITING)),
        folder,
        spool: None,
        left: most,
        written: 0,
    };
    (outbox, Inbox(received))
}

// === impl Outbox ===

impl Outbox {
    /// Lays a piece down, if there is room for it at once.
    ///
    /// # Errors
    /// When nobody takes it any more.
    pub(super) async fn offer(&mut self, piece: &Bytes) -> Result<bool, Gone> {
        if let Ok(place) = Arc::clone(&self.memory).try_acquire_owned() {
            self.send(Piece::Held(piece.clone(), place))?;
            return Ok(true);
        }
        match self.file(piece).await {
            Some(filed) => self.send(filed).map(|()| true),
            None if self.pieces.is_closed() => Err(Gone),
            None => Ok(false),
        }
    }

    /// Waits until the client has made room for a piece. Done without having laid it down, nothing has happened.
    ///
    /// # Errors
    /// When nobody takes it any more.
    pub(super) async fn put(&self, piece: Bytes) -> Result<(), Gone> {
        let place = tokio::select! {
            place = Arc::clone(&self.memory).acquire_owned() => place.map_err(|_| Gone)?,
            () = self.pieces.closed() => return Err(Gone),
        };
        self.send(Piece::Held(piece, place))
    }

    fn send(&self, piece: Piece) -> Result<(), Gone> {
        self.pieces.send(piece).map_err(|_| Gone)
    }

    /// `None` when the file has no room, or there is none on the disk: nothing more goes into it then.
    async fn file(&mut self, piece: &Bytes) -> Option<Piece> {
        let length = piece.len() as u64;
        let (start, end) = (self.written, self.written + length);
        // A file that was full once stays as it is.
        self.left = self.left.saturating_sub(length);
        if self.left == 0 {
            return None;
        }
        let spool = match &self.spool {
            Some(spool) => Arc::clone(spool),
            None => Arc::new(SpoolFile {
                file: tempfile::tempfile_in(&self.folder).ok()?,
                steps: parking_lot::Mutex::default(),
            }),
        };
        spool.reach(end)?;
        let (writer, bytes) = (Arc::clone(&spool), piece.clone());
        let write = move || writer.file.write_all_at(&bytes, start);
        let written = tokio::task::spawn_blocking(write).await;
        if !matches!(written, Ok(Ok(()))) {
            self.left = 0;
            return None;
        }
        self.written = end;
        self.spool = Some(Arc::clone(&spool));
        Some(Piece::Filed {
            spool,
            start,
            length: piece.len(),
        })
    }
}

// === impl Inbox ===

impl Inbox {
    /// The next piece; `None` when git says no more.
    pub(super) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.0.recv().await? {
            Piece::Held(bytes, _place) => Some(Ok(bytes)),
            Piece::Filed {
                spool,
                start,
                length,
            } => {
                let read = tokio::task::spawn_blocking(move || {
                    let mut bytes = vec![0; length];
                    spool.file.read_exact_at(&mut bytes, start)?;
                    Ok(bytes.into())
                });
                Some(read.await.map_err(io::Error::other).flatten())
            }
        }
    }
}

// === impl SpoolFile ===

impl SpoolFile {
    /// Takes what a file of so many bytes takes of all. `None` when that is not left.
    fn reach(&self, bytes: u64) -> Option<()> {
        let mut steps = self.steps.lock();
        while (steps.len() as u64) < bytes.div_ceil(STEP) {
            steps.push(STEPS_LEFT.try_acquire().ok()?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u8) -> Bytes {
        Bytes::from(vec![number; 1000])
    }

    #[tokio::test]
    async fn what_is_not_taken_is_kept_in_order_as_far_as_there_is_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut outbox, mut inbox) = outbox(folder.path().to_owned(), 5500);
        for number in 0..7 {
            assert!(outbox.offer(&piece(number)).await.expect("there"));
        }
        assert!(!outbox.offer(&piece(7)).await.expect("there"));
        assert_eq!(inbox.next().await.expect("more").expect("read"), piece(0));
        outbox.put(piece(7)).await.expect("there");
        drop(outbox);
        for number in 1..8 {
            let next = inbox.next().await.expect("more").expect("read");
            assert_eq!(next, piece(number));
        }
        assert!(inbox.next().await.is_none());
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0);
    }

    #[tokio::test]
    async fn who_has_gone_is_waited_for_no_longer() {
        let (mut outbox, inbox) = outbox(PathBuf::from("/nonexistent"), 5000);
        assert!(outbox.offer(&piece(0)).await.expect("there"));
        assert!(outbox.offer(&piece(1)).await.expect("there"));
        // Without a place for the file there is the memory alone.
        assert!(!outbox.offer(&piece(2)).await.expect("there"));
        let (put, ()) = tokio::join!(outbox.put(piece(2)), async { drop(inbox) });
        put.expect_err("nobody is there");
    }
}
