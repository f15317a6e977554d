//! The body of a fetch, read whole before git is started: who sends slowly keeps nobody waiting.

use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::domain::size_text;
use crate::repo::RepoError;

/// Most bytes of a client's request: what it wants and has, in ids of fifty bytes each. Git takes no more than 10 MiB.
const MAX_REQUEST: u64 = 8 << 20;
/// Bytes up to which requests are read however many there are; nearly all are far smaller.
const SMALL: u64 = 64 << 10;
/// Larger requests that are being read, or are read by git, at once.
const LARGE_AT_ONCE: usize = 64;
/// In which all of a request arrives.
const TIME: Duration = Duration::from_secs(60);

static LARGE: Semaphore = Semaphore::const_new(LARGE_AT_ONCE);

/// A request that has arrived, as git's input.
pub(super) struct Request {
    /// Unnamed; at its beginning.
    pub(super) file: File,
    /// While it takes more of the disk than a small one.
    _large: Option<tokio::sync::SemaphorePermit<'static>>,
}

// === impl Request ===

impl Request {
    /// Reads a body to its end into an unnamed file in `folder`.
    ///
    /// # Errors
    /// `TooLarge`, `Refused` for one that takes longer than a minute or breaks off, and of the disk.
    pub(super) async fn read(
        folder: &Path,
        body: impl AsyncRead + Unpin,
    ) -> Result<Self, RepoError> {
        let late = |_| {
            RepoError::Refused(format!(
                "the request did not arrive completely within {} s",
                TIME.as_secs()
            ))
        };
        let read = tokio::time::timeout(TIME, Self::read_slowly(folder, body));
        read.await.map_err(late)?
    }

    async fn read_slowly(
        folder: &Path,
        mut body: impl AsyncRead + Unpin,
    ) -> Result<Self, RepoError> {
        let mut small = Vec::new();
        (&mut body).take(SMALL).read_to_end(&mut small).await?;
        let file = tempfile::tempfile_in(folder)?;
        let mut file = tokio::fs::File::from_std(file);
        file.write_all(&small).await?;
        let mut large = None;
        if small.len() as u64 == SMALL {
            drop(small);
            large = Some(LARGE.acquire().await.map_err(io::Error::other)?);
            let most = MAX_REQUEST - SMALL;
            let more = tokio::io::copy(&mut body.take(most + 1), &mut file).await?;
            if more > most {
                return Err(RepoError::TooLarge(format!(
                    "a fetch request may have at most {}",
                    size_text(MAX_REQUEST)
                )));
            }
        }
        file.flush().await?;
        let mut file = file.into_std().await;
        file.rewind()?;
        Ok(Self {
            file,
            _large: large,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_read_whole_up_to_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, SMALL - 1, SMALL, SMALL + 1, MAX_REQUEST] {
            let body = tokio::io::repeat(7).take(size);
            let request = Request::read(folder.path(), body).await.unwrap();
            let found = io::copy(&mut &request.file, &mut io::sink()).unwrap();
            assert_eq!(found, size);
        }
        let body = tokio::io::repeat(7).take(MAX_REQUEST + 1);
        let refused = Request::read(folder.path(), body).await;
        assert!(matches!(refused, Err(RepoError::TooLarge(_))));
        assert_eq!(LARGE.available_permits(), LARGE_AT_ONCE);
    }
}
