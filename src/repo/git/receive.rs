//! Taking a push as it arrives: what is to change, and the objects for it, into a folder of their own.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use gix::ObjectId;
use tokio::io::AsyncRead;
use uuid::Uuid;

use super::commands::{Update, Wanted, read_commands};
use super::pack::Pack;
use super::{inspect, pktline};
use crate::domain::RepoUid;
use crate::ledger::{DiskReservation, Turn};
use crate::repo::folders::remove_aside;
use crate::repo::{LargeId, MAIN, Repo, RepoError, Repos};

/// What pushing clients are offered.
const CAPABILITIES: &str = concat!(
    "report-status delete-refs side-band-64k quiet ofs-delta object-format=sha1 agent=glasshouse/",
    env!("CARGO_PKG_VERSION")
);

/// What whoever pushes from a shallow clone is told when the push is refused.
const SHALLOW: &str = "This clone is shallow. If the server does not know the commits at which its history ends, fetch the \
                       rest where you cloned it (`git fetch --unshallow`) and push again.";

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
    pub async fn advertise_push(&self, id: RepoUid) -> Result<Vec<u8>, RepoError> {
        self.read(id, |repo| {
            let mut answer = Vec::new();
            pktline::push(&mut answer, b"# service=git-receive-pack\n");
            answer.extend_from_slice(pktline::FLUSH);
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
                pktline::push(&mut answer, text.as_bytes());
            }
            answer.extend_from_slice(pktline::FLUSH);
            Ok(answer)
        })
        .await
    }

    /// Receives a push and looks at everything in it. What a commit through the API would be refused for is refused, and
    /// what there is no room for, whatever branch it is for; on a disk that is `full`, all but what only takes away.
    ///
    /// # Errors
    /// `Refused` for what is not git's protocol, and for a body that breaks off; and of the disk.
    pub async fn receive_push(
        &self,
        id: RepoUid,
        room: DiskReservation,
        full: bool,
        client: IpAddr,
        mut body: impl AsyncRead + Unpin + Send,
    ) -> Result<Received, RepoError> {
        let Some(Wanted {
            updates,
            names,
            side_band,
            is_shallow,
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
        if !push.only_removes() {
            if full {
                drop(push);
                tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
                return refusal(&RepoError::DiskFull.to_string(), "");
            }
            let most = self.limits().repo_bytes;
            let received = Pack::receive(&self.aside(), most, &mut push.room, &mut body).await;
            let inspected = match received {
                Ok(pack) => self.unpacked(id, push, pack, client).await,
                Err(error) => {
                    // Its disk space first; then the client is heard to its end, or it would not read the answer.
                    drop(push);
                    if matches!(error, RepoError::OverQuota(_) | RepoError::TooLarge(_)) {
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
                ) => {
                    let hint = if is_shallow { SHALLOW } else { "" };
                    return refusal(&error.to_string(), hint);
                }
                Err(error) => return Err(error),
            };
        }
        Ok(Received::Ready(push))
    }

    async fn quarantine(&self, id: RepoUid) -> Result<Quarantine, RepoError> {
        let folder = self.aside().join(Uuid::now_v7().simple().to_string());
        self.read(id, move |repo| {
            let quarantine = Quarantine { folder };
            quarantine.make(repo)?;
            Ok(quarantine)
        })
        .await
    }

    /// Takes a pack apart, in its turn, and looks at everything that was in it.
    async fn unpacked(
        &self,
        id: RepoUid,
        mut push: Push,
        pack: Pack,
        client: IpAddr,
    ) -> Result<Push, RepoError> {
        let turn = self.git_permits().take(Some(client)).await;
        let quarantine = self.quarantine(id).await?;
        pack.unpack(&quarantine.folder, &mut push.room).await?;
        self.inspected(id, push, quarantine, Some(turn)).await
    }

    async fn inspected(
        &self,
        id: RepoUid,
        push: Push,
        quarantine: Quarantine,
        turn: Option<Turn>,
    ) -> Result<Push, RepoError> {
        let limits = self.limits().clone();
        self.read(id, move |repo| {
            // It goes on to its end also when nobody waits for it any more.
            let _turn = turn;
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

// === impl Push ===

impl Push {
    /// Whether it adds nothing, so that nothing has to be written.
    pub fn only_removes(&self) -> bool {
        self.updates.iter().all(|update| update.new.is_none())
    }
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
            .ok_or_else(|| io::Error::other("the data folder's path cannot be passed to git"))?;
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
        // There may be a file for each of half a million objects.
        remove_aside(std::mem::take(&mut self.folder));
    }
}
