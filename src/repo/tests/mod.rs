//! The room against git itself and against a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

mod commits;
mod fetch;
mod large;
mod model;
mod reading;
mod refs;
mod tidy;
mod versions;

use super::*;
use crate::domain::{AccountId, Revision, SpaceId};
use crate::ledger::{DiskReservation, Ledger, LedgerLimits};

struct House {
    repos: Repos,
    space: SpaceId,
    ledger: Ledger,
    owner: AccountId,
    folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        Self::with(RepoLimits::default()).await
    }

    async fn with(limits: RepoLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repos = Repos::new(folder.path().join("repos"), limits).unwrap();
        let space = SpaceId::new();
        let house = Self {
            repos,
            space,
            ledger: Ledger::new(LedgerLimits::default()),
            owner: AccountId::new(),
            folder,
        };
        house.create(space).await;
        house
    }

    async fn create(&self, id: SpaceId) {
        let prepared = self.repos.prepare(self.room()).await.unwrap();
        self.repos.create(id, prepared).await.unwrap();
    }

    /// As much as anybody wants.
    fn room(&self) -> DiskReservation {
        self.ledger.reserve_disk(self.owner)
    }

    fn git_folder(&self) -> PathBuf {
        self.repos.open(self.space).unwrap().folder.clone()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.git_folder(), arguments)
    }

    async fn commit(
        &self,
        parent: Option<&Revision>,
        changes: &[Edit<'_>],
    ) -> Result<Revision, RepoError> {
        let mut spool = self.repos.spool(self.room())?;
        let mut operations = Vec::new();
        for change in changes {
            operations.push(match *change {
                Put(path, bytes) => Operation::Put {
                    path: path.parse()?,
                    content: spool.put(bytes)?,
                },
                Delete(path) => Operation::DeleteFile {
                    path: path.parse()?,
                },
                DeleteFolder(path) => Operation::DeleteFolder {
                    path: path.parse()?,
                },
                Restore(from) => Operation::Restore { from: from.clone() },
            });
        }
        let request = CommitRequest {
            branch: MAIN.to_owned(),
            parent: parent.cloned(),
            title: "A title".to_owned(),
            description: "and more".to_owned(),
            author: "ann".to_owned(),
            operations,
            spool,
        };
        self.repos.commit(self.space, request).await
    }

    fn files(&self, at: &Revision) -> BTreeMap<String, Vec<u8>> {
        let repo = self.repos.open(self.space).unwrap();
        let page = repo.tree(at, "", true, None, usize::MAX).unwrap();
        let files = page
            .entries
            .into_iter()
            .filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
        files
            .map(|entry| {
                let bytes = repo.read(at, &entry.path, u64::MAX).unwrap();
                (entry.path, bytes)
            })
            .collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Edit<'a> {
    Put(&'a str, &'a [u8]),
    Delete(&'a str),
    DeleteFolder(&'a str),
    Restore(&'a Revision),
}
use Edit::{Delete, DeleteFolder, Put, Restore};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
