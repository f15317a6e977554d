//! What one process hands to the next: sockets that listen, and the lock of the data folder.
//!
//! systemd hands over sockets at start (sd_listen_fds(3)). A server that is to be replaced by a newer program drains,
//! closes what it has, and executes that program in its own place: the process id, the lock and the sockets stay, so
//! that no second server ever works on the data folder, and whoever connects meanwhile waits in the kernel.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use rustix::io::{FdFlags, fcntl_setfd};

/// How a server names what it hands to its successor: `PID NAME=NUMBER …`.
const HANDED_OVER: &str = "HANDED_OVER";

const LISTENER: &str = "listener";
const METRICS: &str = "metrics";
const LOCK: &str = "lock";

/// What this process was started with.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    pub(super) listener: Option<TcpListener>,
    pub(super) metrics: Option<TcpListener>,
    /// Of the data folder, and locked.
    pub(super) lock: Option<File>,
    /// By a server before this one, and not by systemd.
    pub(super) from_a_server: bool,
}

/// The program that goes on in the place of this one.
#[derive(Debug)]
pub struct Successor {
    program: PathBuf,
    kept: Vec<(&'static str, OwnedFd)>,
}

/// The folder of everything that is kept; its drop lets another server have it. Its file says who has it: the process
/// id, the moment it began, and a word on how it is doing, a line each.
#[derive(Debug)]
pub(super) struct DataFolder {
    lock: File,
    began: i64,
}

// === impl Inherited ===

impl Inherited {
    /// Takes over what is there. Must be called once, before anything else opens files.
    pub(super) fn take() -> anyhow::Result<Self> {
        let own_id = std::process::id().to_string();
        let mut all = Self::default();
        let handed = std::env::var(HANDED_OVER).unwrap_or_default();
        if let Some(handed) = handed.strip_prefix(&format!("{own_id} ")) {
            all.from_a_server = true;
            for word in handed.split_whitespace() {
                let (name, number) = word.split_once('=').context(HANDED_OVER)?;
                all.keep(name, number.parse()?)?;
            }
            return Ok(all);
        }
        if std::env::var("LISTEN_PID").is_ok_and(|id| id == own_id) {
            let count: RawFd = std::env::var("LISTEN_FDS")?.parse().context("LISTEN_FDS")?;
            let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
            let mut names = names.split(':');
            for number in (3..).take(usize::try_from(count)?) {
                let name = match names.next() {
                    Some(METRICS) => METRICS,
                    _ => LISTENER,
                };
                all.keep(name, number)?;
            }
        }
        Ok(all)
    }

    fn keep(&mut self, name: &str, number: RawFd) -> anyhow::Result<()> {
        let file = own(number).with_context(|| format!("the inherited file {number} ({name})"))?;
        match name {
            LOCK => self.lock = Some(file.into()),
            METRICS => self.metrics = Some(listener(file)?),
            LISTENER if self.listener.is_none() => self.listener = Some(listener(file)?),
            LISTENER => {
                bail!("the socket unit has more than one address; Glasshouse serves only one")
            }
            _ => {}
        }
        Ok(())
    }
}

fn listener(socket: OwnedFd) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::from(socket);
    listener
        .local_addr()
        .context("the inherited socket is not a TCP socket")?;
    Ok(listener)
}

/// Takes an open file of this process by its number, and keeps it from programs that are started.
#[expect(
    unsafe_code,
    reason = "what was inherited is known by its number alone"
)]
fn own(number: RawFd) -> io::Result<OwnedFd> {
    std::fs::symlink_metadata(format!("/proc/self/fd/{number}"))?;
    // SAFETY: it is open, as the line above says, and nothing else in this process owns it: it came by `exec` in a
    // variable that names this very process, which is read once and before any other file is opened.
    let file = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl_setfd(&file, FdFlags::CLOEXEC)?;
    Ok(file)
}

// === impl Successor ===

impl Successor {
    /// A program that can take the place of this one: it was tried with the same arguments, whether it finds the
    /// configuration sound.
    ///
    /// # Errors
    /// It does not; the text is what it said.
    pub(super) async fn find(program: PathBuf) -> anyhow::Result<Self> {
        let tried = tokio::process::Command::new(&program)
            .args(std::env::args_os().skip(1))
            .arg("--check")
            .kill_on_drop(true)
            .output();
        let tried = tokio::time::timeout(std::time::Duration::from_secs(30), tried);
        let tried = tried
            .await
            .context("the new program did not finish checking its configuration within 30 s")?;
        let tried = tried.with_context(|| format!("{} cannot be run", program.display()))?;
        if !tried.status.success() {
            let message = String::from_utf8_lossy(&tried.stderr);
            let message = match message.trim() {
                "" => tried.status.to_string(),
                message => message.to_owned(),
            };
            bail!(
                "{} does not accept its configuration: {message}",
                program.display()
            );
        }
        Ok(Self {
            program,
            kept: Vec::new(),
        })
    }

    /// Hands over what is listened on. It goes on listening until the successor answers.
    pub(super) fn listens_on(&mut self, listener: TcpListener, is_metrics: bool) {
        let name = if is_metrics { METRICS } else { LISTENER };
        self.kept.push((name, listener.into()));
    }

    /// Hands over the data folder.
    pub(super) fn has(&mut self, data: DataFolder) {
        self.kept.push((LOCK, data.lock.into()));
    }

    /// Becomes that program. Returns only when it cannot.
    pub fn take_over(self) -> anyhow::Error {
        let mut handed = std::process::id().to_string();
        for (name, file) in &self.kept {
            if let Err(error) = fcntl_setfd(file.as_fd(), FdFlags::empty()) {
                return anyhow::Error::new(error).context("a socket cannot be handed over");
            }
            handed.push_str(&format!(" {name}={}", file.as_raw_fd()));
        }
        let error = Command::new(&self.program)
            .args(std::env::args_os().skip(1))
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            .env(HANDED_OVER, handed)
            .exec();
        anyhow::Error::new(error).context(format!("{} cannot be run", self.program.display()))
    }
}

// === impl DataFolder ===

impl DataFolder {
    /// Takes the folder, whose lock may have been handed over.
    pub(super) fn open(data: &std::path::Path, handed: Option<File>) -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .with_context(|| format!("cannot create the data folder {}", data.display()))?;
        let lock = match handed {
            Some(lock) => lock,
            None => File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(data.join("lock"))
                .context("the data folder cannot be written to")?,
        };
        if lock.try_lock().is_err() {
            bail!("another server is using the data folder {}", data.display());
        }
        let began = jiff::Timestamp::now().as_millisecond();
        Ok(Self { lock, began })
    }

    /// Says how it is doing to whoever reads the file.
    pub(super) fn say(&self, word: &str) {
        let text = format!("{}\n{}\n{word}\n", std::process::id(), self.began);
        // On a full disk the server works, and an upgrade cannot be watched.
        let written = self.lock.set_len(0).and_then(|()| {
            std::os::unix::fs::FileExt::write_all_at(&self.lock, text.as_bytes(), 0)
        });
        if let Err(error) = written.and_then(|()| (&self.lock).flush()) {
            tracing::warn!(%error, "the data folder's `lock` cannot be written to");
        }
    }
}
