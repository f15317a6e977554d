//! The commit that every new repository begins with, so that `main` is there for whoever asks.

use crate::domain::{
    DiskAmount, RepoKind, RepoName, RepoUid, Repository, Revision, Sdk, first_files,
};
use crate::ledger::DiskReservation;
use crate::lifecycle::{Lifecycle, LifecycleError, Parts};
use crate::repo::{CommitRequest, FilePath, MAIN, Operation};
use crate::store::Actor;

/// What a new repository begins with.
#[derive(Debug, Clone)]
pub struct FirstCommit {
    /// Name of the account that makes it.
    pub author: String,
    /// What a Space's card says.
    pub sdk: Sdk,
}

// === impl FirstCommit ===

impl FirstCommit {
    /// What it takes on disk at most, with the folders around it.
    pub(in crate::lifecycle) const ROOM: DiskAmount = DiskAmount::new(64 << 10, 32);
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Gives a new repository its first commit, or takes it back.
    pub(in crate::lifecycle) async fn begin(
        &self,
        made: Repository,
        first: FirstCommit,
    ) -> Result<Repository, LifecycleError> {
        let begun = async {
            let room = self.disk_room(made.owner).await?;
            // Of the other SDKs files tell by themselves, once there are any.
            let untold = matches!(first.sdk, Sdk::Gradio | Sdk::Streamlit);
            let sdk = untold.then(|| first.sdk.as_str());
            let (kind, id) = (made.kind, made.id);
            let head = self.parts.first_commit(kind, id, &made.name, first, room);
            let head = head.await?;
            self.parts.store.set_first_head(id, &head, sdk).await?;
            let begun = self.parts.store.repository_by_id(id).await?;
            begun.ok_or(LifecycleError::NotFound)
        };
        let begun = begun.await;
        if begun.is_err() {
            // Half a repository would be in the way of the next try. The first error is the one to report.
            let _ = self.delete(made, Actor::Server).await;
        } else {
            self.parts.measure(made.kind, made.id, made.owner).await;
        }
        begun
    }
}

// === impl Parts ===

impl Parts {
    /// Makes the first commit of a repository that has none.
    pub(in crate::lifecycle) async fn first_commit(
        &self,
        kind: RepoKind,
        id: RepoUid,
        name: &RepoName,
        first: FirstCommit,
        room: DiskReservation,
    ) -> Result<Revision, LifecycleError> {
        let mut spool = self.repos.spool(room)?;
        let mut operations = Vec::new();
        for (path, text) in first_files(kind, &name.name, first.sdk) {
            operations.push(Operation::Put {
                path: path.parse::<FilePath>()?,
                content: spool.put(text.as_bytes())?,
            });
        }
        let request = CommitRequest {
            branch: MAIN.to_owned(),
            parent: None,
            title: "initial commit".to_owned(),
            description: String::new(),
            author: first.author,
            operations,
            spool,
        };
        Ok(self.repos.commit(id, request).await?)
    }
}
