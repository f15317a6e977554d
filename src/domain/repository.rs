//! A repository of any kind: what Spaces, models and datasets have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::stored_words;
use super::{AccountId, Millis, RepoName, RepoUid, Revision, Space, Visibility};

/// What a repository holds. A model and a Space may have the same name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RepoKind {
    /// Weights and what goes with them.
    Model,
    /// Data.
    Dataset,
    /// A demo, which runs.
    Space,
}

stored_words!(RepoKind { Model = "model", Dataset = "dataset", Space = "space" });

/// A repository, whatever it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// For life.
    pub id: RepoUid,
    /// What it holds.
    pub kind: RepoKind,
    /// The owner's account.
    pub owner: AccountId,
    /// `owner/name`; the rules are the same for every kind.
    pub name: RepoName,
    /// Who sees it. Only Spaces are ever protected.
    pub visibility: Visibility,
    /// The newest commit of `main`; of a Space, the published one.
    pub head: Option<Revision>,
    /// When it was created.
    pub created_at: Millis,
    /// When it was last committed to or changed.
    pub updated_at: Millis,
}

/// As much of a repository as decides who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belonging {
    /// Which repository.
    pub id: RepoUid,
    /// The owner's account.
    pub owner: AccountId,
    /// Who sees it.
    pub visibility: Visibility,
}

// === impl Belonging ===

impl From<&Space> for Belonging {
    fn from(space: &Space) -> Self {
        Self {
            id: space.id.into(),
            owner: space.owner,
            visibility: space.visibility,
        }
    }
}

impl From<&Repository> for Belonging {
    fn from(repo: &Repository) -> Self {
        Self {
            id: repo.id,
            owner: repo.owner,
            visibility: repo.visibility,
        }
    }
}

// === impl RepoKind ===

impl RepoKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Model, Self::Dataset, Self::Space];

    /// The word for many of them, as paths below `/api/` have it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }

    /// What stands before `OWNER/NAME` in the addresses of pages, files and git; models have nothing there.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
        }
    }

    /// How it is called in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "Space",
        }
    }
}

// === impl Repository ===

impl From<&Space> for Repository {
    fn from(space: &Space) -> Self {
        Self {
            id: space.id.into(),
            kind: RepoKind::Space,
            owner: space.owner,
            name: space.name.clone(),
            visibility: space.visibility,
            head: space.head.clone(),
            created_at: space.created_at,
            updated_at: space.updated_at,
        }
    }
}
