//! The build context: a Space's files as a tar archive, made while it is sent.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ignore::Ignore;
use crate::domain::{Revision, SpaceId};
use crate::repo::{CheckoutLimits, RepoError, Repos, Walked};

/// What goes into a context.
#[derive(Debug)]
pub(super) struct Context {
    /// The folder in the archive that the Space's files go into; empty for its root.
    pub(super) folder: &'static str,
    /// Files beside those of the Space, with their paths in the archive.
    pub(super) beside: Vec<(String, Vec<u8>)>,
    /// What stays behind.
    pub(super) ignore: Ignore,
    /// What goes along even so: the engine needs it.
    pub(super) keep: Vec<String>,
    /// How much there may be.
    pub(super) limits: CheckoutLimits,
}

/// Bytes handed over at once.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for the engine.
const WAITING: usize = 8;

// === impl Context ===

impl Context {
    /// Begins to read. The stream ends with an error where reading did, and the handle says which; whoever drops the
    /// stream ends the reading.
    pub(super) fn send(
        self,
        repos: &Repos,
        space: SpaceId,
        revision: Revision,
    ) -> (
        impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        JoinHandle<Result<(), RepoError>>,
    ) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let repos = repos.clone();
        let reading = tokio::spawn(async move {
            let chunks = Chunks {
                sender: sender.clone(),
                buffer: BytesMut::new(),
            };
            let read = repos.read(space, move |repo| {
                let mut tar = tar::Builder::new(chunks);
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.map_or(0, |since| since.as_secs());
                for (path, content) in &self.beside {
                    let mut header = header(content.len() as u64, false, now);
                    tar.append_data(&mut header, path, content.as_slice())?;
                }
                repo.walk(&revision, self.limits, |path, found| {
                    let Walked::File {
                        oid,
                        size,
                        executable,
                    } = found
                    else {
                        return Ok(());
                    };
                    let path = path.as_str();
                    if self.ignore.ignores(path) && !self.keep.iter().any(|kept| kept == path) {
                        return Ok(());
                    }
                    let mut header = header(size, executable, now);
                    let target = format!("{}{path}", self.folder);
                    tar.append_data(&mut header, target, repo.blob(&oid)?)?;
                    Ok(())
                })?;
                tar.into_inner()?.flush()?;
                Ok(())
            });
            let read = read.await;
            if read.is_err() {
                // Without it the engine would take what there is for the whole.
                let broken = io::Error::other("the Space's files could not be read");
                let _ = sender.send(Err(broken)).await;
            }
            read
        });
        (poll_fn(move |context| receiver.poll_recv(context)), reading)
    }
}

fn header(size: u64, executable: bool, now: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_mtime(now);
    header
}

/// Collects what is written and hands it over in chunks; waits while the engine is behind.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

// === impl Chunks ===

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
