//! Taking a push as it arrives: what is to change, and the objects for it, into a folder of their own.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gix::ObjectId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use super::commands::{Wanted, read_commands};
use super::land::Update;
use super::process::{Git, gone};
use super::{inspect, line};
use crate::domain::{DiskAmount, RepoId};
use crate::ledger::{DiskReservation, Refused};
use crate::repo::{LargeId, MAIN, Repo, RepoError, Repos, amount_below};

/// Objects that one push may bring.
const MAX_OBJECTS: u32 = 500_000;
/// How long git may take once it has all of a pack.
const UNPACK_TIME: Duration = Duration::from_secs(600);
/// Bytes of a pack that are passed on at once.
const BUFFER: usize = 256 << 10;
/// Between two looks at what an unpacked push takes on disk: a small pack can hold much.
const LOOK: Duration = Duration::from_millis(50);
/// Most that is read of what git says of a pack it refuses.
const SAID: u64 = 8 << 10;

/// What pushing clients are offered.
const CAPABILITIES: &str = concat!(
    "report-status delete-refs side-band-64k quiet ofs-delta object-format=sha1 agent=glasshouse/",
    env!("CARGO_PKG_VERSION")
);

/// A push that has arrived and was found to be in order; nobody sees anything of it yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Push {
    pub(super) updates: Vec<Update>,
    /// The answer goes over a side band.
    pub(super) side_band: bool,
    /// Only when it brings objects.
    pub(super) quarantine: Option<Quarantine>,
    /// Large files that it names.
    pub(super) large: HashSet<LargeId>,
    /// For what it brings.
    pub(super) room: DiskReservation,
}

/// What has become of a push that arrived.
#[derive(Debug)]
pub enum Received {
    /// It asks nothing, as git does before a large one.
    Nothing,
    /// It is in order.
    Ready(Push),
    /// It is not; the answer that git reads says why.
    Refused(Vec<u8>),
}

/// A bare repository for the objects of one push, beside which those of the real one can be seen.
#[derive(Debug)]
pub(super) struct Quarantine {
    pub(super) folder: PathBuf,
}

// === impl Repos ===

impl Repos {
    /// What a client hears before it pushes: every branch and tag, and what the server can do. A `main` at the commit the
    /// repository was made with is not told.
    ///
    /// # Errors
    /// `NoRepository`, and of the disk.
    pub async fn advertise_push(&self, id: RepoId) -> Result<Vec<u8>, RepoError> {
        self.read(id, |repo| {
            let mut answer = Vec::new();
            line::push(&mut answer, b"# service=git-receive-pack\n");
            answer.extend_from_slice(line::FLUSH);
            let mut refs = repo.all_refs()?;
            // Whoever pushes a folder of their own to a new repository begins its history: what it was made with is in
            // nobody's way.
            let main = format!("refs/heads/{MAIN}");
            if let Some(at) = refs.iter().position(|(name, _)| *name == main)
                && repo.is_first_commit(refs[at].1)?
            {
                refs.remove(at);
            }
            if refs.is_empty() {
                let none = ObjectId::null(gix::hash::Kind::Sha1);
                refs.push(("capabilities^{}".to_owned(), none));
            }
            for (index, (name, id)) in refs.iter().enumerate() {
                let text = match index {
                    0 => format!("{id} {name}\0{CAPABILITIES}\n"),
                    _ => format!("{id} {name}\n"),
                };
                line::push(&mut answer, text.as_bytes());
            }
            answer.extend_from_slice(line::FLUSH);
            Ok(answer)
        })
        .await
    }

    /// Receives a push and looks at everything in it. What a commit through the API would be refused for is refused, and
    /// what there is no room for, whatever branch it is for.
    ///
    /// # Errors
    /// `Refused` for what is not git's protocol, and for a body that breaks off; and of the disk.
    pub async fn receive_push(
        &self,
        id: RepoId,
        room: DiskReservation,
        mut body: impl AsyncRead + Unpin + Send,
    ) -> Result<Received, RepoError> {
        let Some(Wanted {
            updates,
            names,
            side_band,
        }) = read_commands(&mut body).await?
        else {
            return Ok(Received::Nothing);
        };
        let refusal = |problem: &str, text: &str| {
            let report = Push::refusal(side_band, &names, problem, text);
            Ok(Received::Refused(report))
        };
        let updates = match updates {
            Ok(updates) => updates,
            Err(error) => {
                // A client that is still sending when it is answered would not read why.
                tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
                return refusal(&error.to_string(), "");
            }
        };
        let mut push = Push {
            updates,
            side_band,
            quarantine: None,
            large: HashSet::new(),
            room,
        };
        if push.updates.iter().any(|update| update.new.is_some()) {
            let _permit = self.git_permit().await?;
            let quarantine = self.quarantine(id).await?;
            let most = self.limits().repo_bytes;
            let room = &mut push.room;
            let unpacked = unpack(&quarantine.folder, most, room, &mut body).await;
            let inspected = match unpacked {
                Ok(()) => self.inspected(id, push, quarantine).await,
                Err(error) => {
                    // Its disk space first; then the client is heard to its end, or it would not read the answer.
                    drop((push, quarantine));
                    if matches!(error, RepoError::OverQuota(_)) {
                        tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
                    }
                    Err(error)
                }
            };
            push = match inspected {
                Ok(push) => push,
                Err(RepoError::OverQuota(refused)) => {
                    // Git prints it as a line of the server's own.
                    let text = refused.explain();
                    return refusal(&text, &text);
                }
                Err(
                    error @ (RepoError::Refused(_) | RepoError::TooLarge(_) | RepoError::DiskFull),
                ) => return refusal(&error.to_string(), ""),
                Err(error) => return Err(error),
            };
        }
        Ok(Received::Ready(push))
    }

    async fn quarantine(&self, id: RepoId) -> Result<Quarantine, RepoError> {
        let folder = self.aside().join(Uuid::now_v7().simple().to_string());
        self.read(id, move |repo| {
            let quarantine = Quarantine { folder };
            quarantine.make(repo)?;
            Ok(quarantine)
        })
        .await
    }

    async fn inspected(
        &self,
        id: RepoId,
        push: Push,
        quarantine: Quarantine,
    ) -> Result<Push, RepoError> {
        let limits = self.limits().clone();
        self.read(id, move |repo| {
            let new = Repo::open(&quarantine.folder, &limits)?;
            let large = inspect::inspect(repo, &new, &push.updates)?;
            Ok(Push {
                quarantine: Some(quarantine),
                large,
                ..push
            })
        })
        .await
    }
}

/// The beginning of a pack (gitformat-pack): `PACK`, a version, and how many objects follow.
async fn pack_header(body: &mut (impl AsyncRead + Unpin)) -> Result<[u8; 12], RepoError> {
    let mut header = [0; 12];
    let whole = body.read_exact(&mut header).await;
    let version = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let objects = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    if whole.is_err() || &header[..4] != b"PACK" || !(2..=3).contains(&version) {
        return Err(RepoError::Refused(
            "the push brings no pack that could be read".to_owned(),
        ));
    }
    if objects > MAX_OBJECTS {
        // A client that is still sending when it is answered would not read why.
        tokio::io::copy(body, &mut tokio::io::sink()).await?;
        return Err(RepoError::TooLarge(format!(
            "the push brings {objects} objects; at most {MAX_OBJECTS} are allowed in one"
        )));
    }
    Ok(header)
}

/// Has git take a pack apart, while it arrives, into objects of their own, as far as there is room for both what arrives
/// and what it becomes.
async fn unpack(
    folder: &Path,
    most: u64,
    room: &mut DiskReservation,
    body: &mut (impl AsyncRead + Unpin + Send),
) -> Result<(), RepoError> {
    let header = pack_header(body).await?;
    let mut command = Git::command(&std::path::absolute(folder)?);
    command
        // `--strict` follows every link: what is not there, or malformed, is refused.
        .args(["unpack-objects", "-q", "--strict"])
        .arg(format!("--max-input-size={most}"))
        .stdout(std::process::Stdio::null());
    let mut git = Git::start(command)?;
    let mut input = git.child.stdin.take().ok_or_else(gone)?;
    let mut complaints = git.child.stderr.take().ok_or_else(gone)?;
    let listening = tokio::spawn(async move {
        let mut said = Vec::new();
        // What it says beyond is still read, so that it never waits for us.
        let _ = (&mut complaints).take(SAID).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&said).into_owned()
    });
    let room = Mutex::new(room);
    let taking_apart = async {
        let mut pack = header.as_slice().chain(&mut *body);
        let fed = feed(&mut pack, &mut input, &room).await;
        drop(input);
        match fed {
            // It has given up; what it says tells why. The client is heard to its end, or it would not read the answer.
            Err(RepoError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                tokio::io::copy(body, &mut tokio::io::sink()).await?;
            }
            fed => fed?,
        }
        let status = tokio::time::timeout(UNPACK_TIME, git.child.wait()).await;
        let late = |_| RepoError::TooLarge("unpacking the push took too long".to_owned());
        Ok::<_, RepoError>(status.map_err(late)??)
    };
    let objects = folder.join("objects");
    let status = tokio::select! {
        status = taking_apart => status?,
        refused = outgrown(&objects, &room) => return Err(refused.into()),
    };
    let said = listening.await.map_err(io::Error::other)?;
    if status.success() {
        return Ok(());
    }
    tracing::debug!(%status, said, "a push was not unpacked");
    let reason: Vec<_> = said
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

/// Passes a pack on, each piece once there is room for it.
async fn feed(
    pack: &mut (impl AsyncRead + Unpin),
    git: &mut (impl AsyncWrite + Unpin),
    room: &Mutex<&mut DiskReservation>,
) -> Result<(), RepoError> {
    let mut buffer = vec![0; BUFFER];
    let mut fed = 0;
    loop {
        let count = pack.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        fed += count as u64;
        lock(room).reach(DiskAmount::new(fed, 0))?;
        git.write_all(&buffer[..count]).await?;
    }
}

/// Looks at what the objects take on disk, again and again; ends when there is no room for it.
async fn outgrown(objects: &Path, room: &Mutex<&mut DiskReservation>) -> Refused {
    loop {
        let began = Instant::now();
        let objects = objects.to_owned();
        let found = tokio::task::spawn_blocking(move || amount_below(&objects)).await;
        if let Err(refused) = lock(room).reach(found.unwrap_or_default()) {
            return refused;
        }
        // Looking takes a fifth of a core at most, however many they are.
        tokio::time::sleep(LOOK.max(began.elapsed() * 4)).await;
    }
}

fn lock<'a, 'r>(
    room: &'a Mutex<&'r mut DiskReservation>,
) -> MutexGuard<'a, &'r mut DiskReservation> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Quarantine ===

impl Quarantine {
    fn make(&self, repo: &Repo) -> io::Result<()> {
        for inside in ["objects/info", "objects/pack", "refs"] {
            fs::create_dir_all(self.folder.join(inside))?;
        }
        let objects = std::path::absolute(repo.folder.join("objects"))?;
        let objects = objects
            .to_str()
            .filter(|path| !path.contains(['\n', '"']))
            .ok_or_else(|| io::Error::other("the data folder's path cannot be told to git"))?;
        fs::write(
            self.folder.join("objects/info/alternates"),
            format!("{objects}\n"),
        )?;
        fs::write(
            self.folder.join("config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        )?;
        fs::write(
            self.folder.join("HEAD"),
            format!("ref: refs/heads/{MAIN}\n"),
        )
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        // What stays behind is removed at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
