//! Models and datasets that a card names.

use serde::{Deserialize, Serialize};

use super::{RepoKind, RepoName};

/// A repository that a card names, there or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRepository {
    /// A model or a dataset.
    pub kind: RepoKind,
    /// `owner/name`.
    pub name: RepoName,
    /// A branch, a tag or a commit; `None` is the newest commit of `main`.
    pub revision: Option<String>,
}

// === impl NamedRepository ===

impl NamedRepository {
    /// Whether both name one repository, at whatever revision.
    pub fn is_same(&self, other: &Self) -> bool {
        let text = |name: &RepoName| name.to_string();
        self.kind == other.kind && text(&self.name).eq_ignore_ascii_case(&text(&other.name))
    }

    /// Whether it is one of those, at whatever revision.
    pub fn is_among(&self, all: &[Self]) -> bool {
        all.iter().any(|one| one.is_same(self))
    }

    /// The folder at which it is found inside a container.
    pub fn folder(&self) -> String {
        let Self { kind, name, .. } = self;
        format!("/{}/{name}", kind.plural())
    }
}
