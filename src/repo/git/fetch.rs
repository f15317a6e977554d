//! Clones and fetches, by `git http-backend`: it knows every version of the protocol.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::outbox::{Gone, Inbox, Outbox, outbox};
use super::permits::{GitPermits, StallBudget};
use super::process::{Git, gone};
use super::request::Request;
use crate::domain::RepoUid;
use crate::ledger::Turn;
use crate::repo::{RepoError, Repos};

/// Most bytes of git's header lines.
const MAX_HEADER: u64 = 8 << 10;
/// Bytes read at once for a client.
const CHUNK: usize = 64 << 10;
/// Between two looks at whether others wait for git while a client takes nothing.
const LOOK: Duration = Duration::from_millis(500);

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

/// Git's answer on its way to a client. Dropped, git is ended; so it is when there is more of the answer than is kept for a
/// client that is slow, and others wait for git.
pub struct Fetch {
    status: u16,
    content_type: String,
    inbox: Inbox,
    /// Fills `inbox`; `None` once it was heard how it ended.
    filling: Option<AbortOnDropHandle<io::Result<()>>>,
}

/// Git while it answers.
struct Answer {
    git: Git,
    output: BufReader<ChildStdout>,
    /// What it reads.
    _request: Option<Request>,
    _permit: Turn,
}

// === impl Repos ===

impl Repos {
    /// Has git answer a fetch. `version` is the protocol's, as the client asks for it; unknown ones are the oldest.
    ///
    /// # Errors
    /// `NoRepository`, `NoGit`, `TooLarge` for a body that is, `Refused` for one that git cannot read or that takes more
    /// than a minute to arrive, and of the disk.
    pub async fn fetch(
        &self,
        id: RepoUid,
        request: FetchRequest,
        version: Option<u8>,
        client: IpAddr,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<Fetch, RepoError> {
        self.read(id, |_| Ok(())).await?;
        let arrived = match request {
            FetchRequest::References => None,
            FetchRequest::Pack { .. } => Some(Request::read(&self.aside(), body).await?),
        };
        let permit = self.git_permits().take(Some(client)).await;
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
        let input = match &arrived {
            Some(request) => Stdio::from(request.file.try_clone()?),
            None => Stdio::null(),
        };
        command.stdin(input).stderr(Stdio::null());
        let mut git = Git::start(command)?;
        let output = git.child.stdout.take().ok_or_else(gone)?;
        let mut answer = Answer {
            git,
            output: BufReader::with_capacity(CHUNK, output),
            _request: arrived,
            _permit: permit,
        };
        let (status, content_type) = answer.read_header().await?;
        // Git writes its header before it reads the request. Only what follows tells that it could: an answer that broke
        // off with nothing in it would be no answer at all.
        let first = answer.read().await.map_err(|error| {
            tracing::debug!(%error, "git did not answer a fetch");
            RepoError::Refused("git cannot process this request".into())
        })?;
        let (outbox, inbox) = outbox(self.aside(), self.limits().git_spool);
        let stall_budget = StallBudget::new(self.limits().git_patience);
        let filling = answer.send(first, outbox, self.git_permits().clone(), stall_budget);
        Ok(Fetch {
            status,
            content_type,
            inbox,
            filling: Some(AbortOnDropHandle::new(tokio::spawn(filling))),
        })
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
    /// When git failed in the middle of its answer, or the client was too slow.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if let Some(chunk) = self.inbox.next().await {
            return Some(chunk);
        }
        match self.filling.take()?.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    }
}

// === impl Answer ===

impl Answer {
    /// Hands everything over: as fast as git says it, as long as there is room, and then as fast as it is taken.
    async fn send(
        mut self,
        first: Option<Bytes>,
        mut outbox: Outbox,
        permits: GitPermits,
        mut stall_budget: StallBudget,
    ) -> io::Result<()> {
        let mut next = first;
        while let Some(chunk) = next {
            let began = Instant::now();
            let bytes = chunk.len();
            match outbox.offer(&chunk).await {
                Ok(true) => {}
                Ok(false) => {
                    let slow = permits.slow();
                    let mut put = pin!(outbox.put(chunk));
                    let put = loop {
                        tokio::select! {
                            biased;
                            put = &mut put => break put,
                            () = tokio::time::sleep(LOOK) => {}
                        }
                        let behind = stall_budget.left() <= began.elapsed() || slow.are_too_many();
                        if behind && permits.are_wanted() {
                            tracing::debug!(
                                "a client received a fetch too slowly while others were waiting"
                            );
                            return Err(io::ErrorKind::TimedOut.into());
                        }
                    };
                    if let Err(Gone) = put {
                        return Ok(());
                    }
                    stall_budget.waited(began.elapsed());
                }
                Err(Gone) => return Ok(()),
            }
            stall_budget.took(bytes);
            next = self.read().await?;
        }
        Ok(())
    }

    /// The next bytes; `None` at the end of an answer that is whole.
    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        let mut bytes = vec![0; CHUNK];
        let count = self.output.read(&mut bytes).await?;
        if count == 0 {
            let status = self.git.child.wait().await?;
            if !status.success() {
                tracing::debug!(%status, "a fetch ended early");
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(None);
        }
        bytes.truncate(count);
        Ok(Some(bytes.into()))
    }

    /// Reads the lines before the body (RFC 3875 §6.3): the status and the type.
    async fn read_header(&mut self) -> Result<(u16, String), RepoError> {
        let (mut status, mut content_type) = (200, String::new());
        let mut header = (&mut self.output).take(MAX_HEADER);
        loop {
            let mut line = String::new();
            if header.read_line(&mut line).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let line = line.trim_end();
            let Some((name, value)) = line.split_once(':') else {
                return Ok((status, content_type));
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("status") {
                let code = value.split(' ').next().and_then(|code| code.parse().ok());
                status = code.unwrap_or(500);
            } else if name.eq_ignore_ascii_case("content-type") {
                value.clone_into(&mut content_type);
            }
        }
    }
}
