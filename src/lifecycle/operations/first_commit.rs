//! The commit that every new repository begins with, so that `main` is there for whoever asks.

use crate::domain::{
    DiskAmount, RepoKind, RepoName, RepoUid, Repository, Revision, Sdk, Space, first_files,
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
    pub(in crate::lifecycle) async fn begin_space(
        &self,
        space: Space,
        first: FirstCommit,
    ) -> Result<Space, LifecycleError> {
        let made = Repository::from(&space);
        let begun = async {
            let room = self.disk_room(made.owner).await?;
            // Of the others files tell by themselves, once there are any.
            let untold = matches!(first.sdk, Sdk::Gradio | Sdk::Streamlit);
            let sdk = untold.then(|| first.sdk.as_str());
            let head = self
                .parts
                .first_commit(made.kind, made.id, &made.name, first, room);
            let head = head.await?;
            Ok(self.parts.store.set_head(space.id, &head, sdk).await?)
        };
        self.or_take_back(&made, begun.await).await
    }

    pub(in crate::lifecycle) async fn begin_repository(
        &self,
        made: Repository,
        first: FirstCommit,
    ) -> Result<Repository, LifecycleError> {
        let begun = async {
            let room = self.disk_room(made.owner).await?;
            let head = self
                .parts
                .first_commit(made.kind, made.id, &made.name, first, room);
            let head = Some(head.await?);
            self.parts.remember_head(made.id).await?;
            Ok(Repository {
                head,
                ..made.clone()
            })
        };
        self.or_take_back(&made, begun.await).await
    }

    async fn or_take_back<T>(
        &self,
        made: &Repository,
        begun: Result<T, LifecycleError>,
    ) -> Result<T, LifecycleError> {
        if begun.is_err() {
            // Half a repository would be in the way of the next try. The first error is the one to report.
            let _ = self.delete_repository(made.clone(), Actor::Server).await;
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
