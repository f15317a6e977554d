//! Models and datasets: created, found, changed, removed. Spaces have files of their own; what both can do, be found
//! under a former name, stands here too.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::accounts::key;
use super::events::{Actor, record};
use super::fields::Fields;
use super::limits::Counted;
use super::{Store, StoreError, Taken, now};
use crate::domain::{
    AccountId, RepoKind, RepoName, RepoUid, Repository, Revision, Space, SpaceId, Visibility,
};

/// A model or dataset to be created.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// What it will hold; Spaces are created by [`Store::create_space`].
    pub kind: RepoKind,
    /// The account whose name it begins with.
    pub owner: AccountId,
    /// Its full name; the owner's half is kept as the account spells it.
    pub name: RepoName,
    /// Who sees it.
    pub visibility: Visibility,
}

macro_rules! select_repositories {
    ($($rest:literal)*) => {
        concat!(
            "SELECT s.id, s.kind, s.owner_id, a.name AS owner_name, s.name, s.visibility, s.head, s.created_at, \
             s.updated_at FROM repositories s JOIN accounts a ON a.id = s.owner_id ",
            $($rest),*
        )
    };
}

pub(super) use select_repositories;

// === impl Store ===

impl Store {
    /// A new model or dataset, with nothing in it.
    ///
    /// # Errors
    /// [`Taken::Repository`] when the owner has one of that kind and name; `NotFound` when the account does not exist or
    /// is not called as the name begins.
    pub async fn create_repository(&self, new: NewRepository) -> Result<Repository, StoreError> {
        let owner = self.account_by_id(new.owner).await?;
        let owner = owner
            .filter(|account| key(&account.name) == key(&new.name.owner))
            .ok_or(StoreError::NotFound)?;
        let now = now();
        let repository = Repository {
            id: RepoUid::new(),
            kind: new.kind,
            owner: owner.id,
            name: RepoName {
                owner: owner.name,
                name: new.name.name,
            },
            visibility: new.visibility,
            head: None,
            created_at: now,
            updated_at: now,
        };
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO repositories (id, kind, owner_id, name, name_key, visibility, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(repository.id.to_string())
        .bind(repository.kind.as_str())
        .bind(repository.owner.to_string())
        .bind(repository.name.name.as_str())
        .bind(name_key(&repository.name))
        .bind(repository.visibility.as_str())
        .bind(now)
        .execute(&mut *write)
        .await
        .map_err(|error| {
            StoreError::or_taken(error, Taken::Repository(repository.name.clone()))
        })?;
        write.commit().await?;
        Ok(repository)
    }

    /// The repository of that kind and name, in whatever case; a Space unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_by_name(
        &self,
        kind: RepoKind,
        name: &RepoName,
    ) -> Result<Option<Repository>, StoreError> {
        if kind == RepoKind::Space {
            let space = self.space_by_name(name).await?;
            return Ok(space.as_ref().map(Repository::from));
        }
        let row = sqlx::query(select_repositories!(
            "WHERE a.name_key = $1 AND s.kind = $2 AND s.name_key = $3"
        ))
        .bind(key(&name.owner))
        .bind(kind.as_str())
        .bind(name_key(name))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The repository of that kind and identifier; a Space unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_by_id(
        &self,
        kind: RepoKind,
        id: RepoUid,
    ) -> Result<Option<Repository>, StoreError> {
        if kind == RepoKind::Space {
            let space = self.space_by_id(id.space()).await?;
            let there = |space: &Space| space.desired != crate::domain::Desired::Deleted;
            return Ok(space.filter(there).as_ref().map(Repository::from));
        }
        let row = sqlx::query(select_repositories!("WHERE s.id = $1 AND s.kind = $2"))
            .bind(id.to_string())
            .bind(kind.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The repository that once had that name, unless another has it now.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_by_former_name(
        &self,
        kind: RepoKind,
        name: &RepoName,
    ) -> Result<Option<Repository>, StoreError> {
        let row = sqlx::query(
            "SELECT repo_id FROM former_names WHERE kind = $1 AND owner_key = $2 AND name_key = $3",
        )
        .bind(kind.as_str())
        .bind(key(&name.owner))
        .bind(name_key(name))
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let id = Fields::new(&row, "former_names", "repo_id")?.parsed("repo_id")?;
        self.repository_by_id(kind, id).await
    }

    /// Names that Spaces had once, in lower case.
    ///
    /// # Errors
    /// Ours only.
    pub async fn former_space_names(&self) -> Result<Vec<(RepoName, SpaceId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT owner_key, name_key, repo_id FROM former_names WHERE kind = 'space'",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "former_names", "repo_id")?;
                let name = RepoName {
                    owner: fields.parsed("owner_key")?,
                    name: fields.parsed("name_key")?,
                };
                Ok((name, fields.parsed("repo_id")?))
            })
            .collect()
    }

    /// Every model and dataset there is.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_ids(&self) -> Result<Vec<RepoUid>, StoreError> {
        let rows = sqlx::query("SELECT id FROM repositories ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Fields::new(row, "repositories", "id")?.parsed("id"))
            .collect()
    }

    /// Every repository of an account, Spaces that are being removed among them.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repositories_of(
        &self,
        owner: AccountId,
    ) -> Result<Vec<(RepoKind, RepoUid)>, StoreError> {
        let mut found = Vec::new();
        let spaces = sqlx::query("SELECT id FROM spaces WHERE owner_id = $1 ORDER BY id")
            .bind(owner.to_string())
            .fetch_all(&self.readers)
            .await?;
        for row in &spaces {
            let id = Fields::new(row, "spaces", "id")?.parsed("id")?;
            found.push((RepoKind::Space, id));
        }
        let others =
            sqlx::query("SELECT id, kind FROM repositories WHERE owner_id = $1 ORDER BY id")
                .bind(owner.to_string())
                .fetch_all(&self.readers)
                .await?;
        for row in &others {
            let fields = Fields::new(row, "repositories", "id")?;
            found.push((
                fields.word("kind", RepoKind::from_word)?,
                fields.parsed("id")?,
            ));
        }
        Ok(found)
    }

    /// How many of a kind the account has; Spaces without those being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn count_repositories(
        &self,
        owner: AccountId,
        kind: RepoKind,
    ) -> Result<i64, StoreError> {
        if kind == RepoKind::Space {
            return self.count_spaces(owner).await;
        }
        let count = sqlx::query_scalar(
            "SELECT COUNT(*) FROM repositories WHERE owner_id = $1 AND kind = $2",
        )
        .bind(owner.to_string())
        .bind(kind.as_str())
        .fetch_one(&self.readers)
        .await?;
        Ok(count)
    }

    /// Remembers where `main` of a model or dataset is.
    ///
    /// # Errors
    /// `NotFound` when it is gone.
    pub async fn set_repository_head(
        &self,
        id: RepoUid,
        head: Option<&Revision>,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let updated =
            sqlx::query("UPDATE repositories SET head = $2, updated_at = $3 WHERE id = $1")
                .bind(id.to_string())
                .bind(head.map(Revision::as_str))
                .bind(now())
                .execute(&mut *write)
                .await?;
        found(updated.rows_affected())?;
        write.commit().await?;
        Ok(())
    }

    /// Sets who sees a model or dataset.
    ///
    /// # Errors
    /// `NotFound` when it is gone.
    pub async fn set_repository_visibility(
        &self,
        repository: &Repository,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let updated =
            sqlx::query("UPDATE repositories SET visibility = $2, updated_at = $3 WHERE id = $1")
                .bind(repository.id.to_string())
                .bind(visibility.as_str())
                .bind(now())
                .execute(&mut *write)
                .await?;
        found(updated.rows_affected())?;
        let detail = format!("{}: {}", named(repository), visibility.as_str());
        record(&mut write, actor, "repository.visibility", None, &detail).await?;
        write.commit().await?;
        Ok(())
    }

    /// Gives a model or dataset another name, perhaps another owner; its old name leads to it from then on.
    ///
    /// # Errors
    /// [`Taken::Repository`] when the name is another's; `NotFound` when it or the new owner's account is gone.
    pub async fn rename_repository(
        &self,
        repository: &Repository,
        owner: AccountId,
        to: &RepoName,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let updated = sqlx::query(
            "UPDATE repositories SET owner_id = $2, name = $3, name_key = $4, updated_at = $5 WHERE id = $1",
        )
        .bind(repository.id.to_string())
        .bind(owner.to_string())
        .bind(to.name.as_str())
        .bind(name_key(to))
        .bind(now())
        .execute(&mut *write)
        .await
        .map_err(|error| StoreError::or_taken(error, Taken::Repository(to.clone())))?;
        found(updated.rows_affected())?;
        remember_name(&mut write, repository.kind, &repository.name, repository.id).await?;
        let detail = format!("{} -> {to}", named(repository));
        record(&mut write, actor, "repository.move", None, &detail).await?;
        write.commit().await?;
        Ok(())
    }

    /// Removes a model or dataset with every row that hangs on it, and remembers that its files are still to go.
    ///
    /// # Errors
    /// `NotFound` when it is gone.
    pub async fn remove_repository(
        &self,
        repository: &Repository,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let id = repository.id;
        let mut write = self.write_less().await?;
        let deleted = sqlx::query("DELETE FROM repositories WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        found(deleted.rows_affected())?;
        sqlx::query("INSERT INTO removals (repo_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        forget(&mut write, id).await?;
        let detail = named(repository);
        record(&mut write, actor, "repository.delete", None, &detail).await?;
        write.commit().await?;
        Ok(())
    }

    /// The removed models and datasets whose files may still be there.
    ///
    /// # Errors
    /// Ours only.
    pub async fn removals(&self) -> Result<Vec<RepoUid>, StoreError> {
        let rows = sqlx::query("SELECT repo_id FROM removals ORDER BY repo_id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Fields::new(row, "removals", "repo_id")?.parsed("repo_id"))
            .collect()
    }

    /// Notes that a removed repository's files are gone.
    ///
    /// # Errors
    /// Ours only.
    pub async fn finish_removal(&self, id: RepoUid) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM removals WHERE repo_id = $1")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

/// Part of a renaming: the old name leads to the repository.
pub(super) async fn remember_name(
    write: &mut Transaction<'static, Any>,
    kind: RepoKind,
    name: &RepoName,
    id: RepoUid,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO former_names (kind, owner_key, name_key, repo_id) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kind, owner_key, name_key) DO UPDATE SET repo_id = excluded.repo_id",
    )
    .bind(kind.as_str())
    .bind(key(&name.owner))
    .bind(name_key(name))
    .bind(id.to_string())
    .execute(&mut **write)
    .await?;
    Counted::FormerNames.check(write, &id.to_string()).await
}

/// Part of a removal: what is known of a repository beside its own row.
pub(super) async fn forget(
    write: &mut Transaction<'static, Any>,
    id: RepoUid,
) -> Result<(), StoreError> {
    for delete in [
        "DELETE FROM former_names WHERE repo_id = $1",
        "DELETE FROM likes WHERE repo_id = $1",
        "DELETE FROM creators WHERE repo_id = $1",
    ] {
        sqlx::query(delete)
            .bind(id.to_string())
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

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
        head: fields.optional_parsed("head")?,
        created_at: fields.number("created_at")?,
        updated_at: fields.number("updated_at")?,
    })
}

/// As the audit trail has it: `model ada/tiny`.
fn named(repository: &Repository) -> String {
    format!("{} {}", repository.kind.noun(), repository.name)
}
