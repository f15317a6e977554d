//! Clones and fetches, by `git http-backend`: it knows every version of the protocol.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::OwnedSemaphorePermit;

use super::process::{Git, gone};
use crate::domain::RepoId;
use crate::repo::{RepoError, Repos, size_text};

/// Most bytes of git's header lines.
const MAX_HEADER: u64 = 8 << 10;
/// Most bytes of a client's request: what it wants and has, in ids of fifty bytes each. Git takes no more than 10 MiB.
const MAX_REQUEST: u64 = 8 << 20;
/// Bytes read at once for a client.
const CHUNK: usize = 64 << 10;

/// What a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchRequest {
    /// Which references there are, and what the server can do.
    References,
    /// A pack of what the client lacks; the request's body says what that is.
    Pack {
        /// Whether that body is compressed with gzip.
        gzip: bool,
    },
}

/// Git's answer on its way to a client. Dropped, git is ended.
pub struct Fetch {
    git: Git,
    output: BufReader<ChildStdout>,
    status: u16,
    content_type: String,
    first: Option<Bytes>,
    _permit: OwnedSemaphorePermit,
}

// === impl Repos ===

impl Repos {
    /// Has git answer a fetch. `version` is the protocol's, as the client asks for it; unknown ones are the oldest.
    ///
    /// # Errors
    /// `NoRepository`, `NoGit`, `TooLarge` for a body that is, `Refused` for one that git cannot read, and of the disk.
    pub async fn fetch(
        &self,
        id: RepoId,
        request: FetchRequest,
        version: Option<u8>,
        body: impl AsyncRead + Unpin + Send + 'static,
    ) -> Result<Fetch, RepoError> {
        let mut body = body.take(MAX_REQUEST + 1);
        self.read(id, |_| Ok(())).await?;
        let permit = self.git_permit().await?;
        let folder = std::path::absolute(self.folder(id))?;
        let (method, service) = match request {
            FetchRequest::References => ("GET", "info/refs"),
            FetchRequest::Pack { .. } => ("POST", "git-upload-pack"),
        };
        let mut command = Git::command(&folder);
        command
            .arg("http-backend")
            .env_remove("GIT_DIR")
            .env("GIT_PROJECT_ROOT", &folder)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{service}"))
            .env("REQUEST_METHOD", method)
            .env("QUERY_STRING", "service=git-upload-pack")
            .env("CONTENT_TYPE", "application/x-git-upload-pack-request");
        if request == (FetchRequest::Pack { gzip: true }) {
            command.env("HTTP_CONTENT_ENCODING", "gzip");
        }
        if let Some(version @ 1..=2) = version {
            command.env("GIT_PROTOCOL", format!("version={version}"));
        }
        command.stderr(std::process::Stdio::null());
        let mut git = Git::start(command)?;
        let input = git.child.stdin.take();
        let output = git.child.stdout.take().ok_or_else(gone)?;
        if let Some(mut input) = input {
            // Git reads all of a request before it answers, so both cannot wait for each other.
            let sent = tokio::io::copy(&mut body, &mut input).await;
            let closed = input.shutdown().await;
            match closed.and(sent) {
                // It has heard enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Ok(sent) if sent > MAX_REQUEST => {
                    return Err(RepoError::TooLarge(format!(
                        "a fetch asks with at most {}",
                        size_text(MAX_REQUEST)
                    )));
                }
                sent => drop(sent?),
            }
        }
        let mut fetch = Fetch {
            git,
            output: BufReader::with_capacity(CHUNK, output),
            status: 200,
            content_type: String::new(),
            first: None,
            _permit: permit,
        };
        fetch.read_header().await?;
        // Git writes its header before it reads the request. Only what follows tells that it could: an answer that broke
        // off with nothing in it would be no answer at all.
        fetch.first = fetch.read().await.transpose().map_err(|error| {
            tracing::debug!(%error, "git did not answer a fetch");
            RepoError::Refused("git cannot make sense of this request".into())
        })?;
        Ok(fetch)
    }
}

// === impl Fetch ===

impl Fetch {
    /// The status that git wants the answer to have.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The type of the answer.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When git failed in the middle of its answer.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Option<io::Result<Bytes>> {
        let mut bytes = vec![0; CHUNK];
        match self.output.read(&mut bytes).await {
            Ok(0) => match self.git.child.wait().await {
                Ok(status) if !status.success() => {
                    tracing::debug!(%status, "a fetch ended early");
                    Some(Err(io::ErrorKind::UnexpectedEof.into()))
                }
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            },
            Ok(count) => {
                bytes.truncate(count);
                Some(Ok(bytes.into()))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Reads the lines before the body (RFC 3875 §6.3).
    async fn read_header(&mut self) -> Result<(), RepoError> {
        let mut header = (&mut self.output).take(MAX_HEADER);
        loop {
            let mut line = String::new();
            if header.read_line(&mut line).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let line = line.trim_end();
            let Some((name, value)) = line.split_once(':') else {
                return Ok(());
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("status") {
                let code = value.split(' ').next().and_then(|code| code.parse().ok());
                self.status = code.unwrap_or(500);
            } else if name.eq_ignore_ascii_case("content-type") {
                value.clone_into(&mut self.content_type);
            }
        }
    }
}
