//! A repository's row: how it is found, and how it is read.

use sqlx::any::AnyRow;

use super::StoreError;
use super::fields::Fields;
use crate::domain::{RepoKind, RepoName, Repository, Revision, Visibility};

/// What [`read`] reads, of `repositories r` and `accounts a`.
macro_rules! repository_columns {
    () => {
        "r.id, r.kind, r.owner_id, a.name AS owner_name, r.name, r.visibility, r.head, r.created_at, r.updated_at, \
         r.removed_at"
    };
}

macro_rules! select_repositories {
    ($($rest:literal)*) => {
        concat!(
            "SELECT ",
            $crate::store::repository_row::repository_columns!(),
            " FROM repositories r JOIN accounts a ON a.id = r.owner_id ",
            $($rest),*
        )
    };
}

pub(super) use {repository_columns, select_repositories};

/// A name as names are compared.
pub(super) fn name_key(name: &RepoName) -> String {
    name.name.as_str().to_ascii_lowercase()
}

pub(super) fn read(row: &AnyRow) -> Result<Repository, StoreError> {
    let fields = Fields::new(row, "repositories", "id")?;
    Ok(Repository {
        id: fields.parsed("id")?,
        kind: fields.word("kind", RepoKind::from_word)?,
        owner: fields.parsed("owner_id")?,
        name: RepoName {
            owner: fields.parsed("owner_name")?,
            name: fields.parsed("name")?,
        },
        visibility: fields.word("visibility", Visibility::from_word)?,
        head: fields.optional_parsed::<Revision>("head")?,
        created_at: fields.number("created_at")?,
        updated_at: fields.number("updated_at")?,
    })
}
