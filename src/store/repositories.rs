//! Repositories of every kind: created and found. Changing one is in `changes`, listing them in `listing`, and what only a
//! Space has in `spaces`.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor};

use super::accounts::key;
use super::fields::Fields;
use super::repository_row::{name_key, read, select_repositories};
use super::spaces::{self, SpaceSettings};
use super::{Store, StoreError, Taken, is_unique_violation, now};
use crate::domain::{AccountId, RepoKind, RepoName, RepoUid, Repository, SpaceId, Visibility};

/// A repository to be created.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// What it will hold.
    pub kind: RepoKind,
    /// The account whose name it begins with.
    pub owner: AccountId,
    /// Its full name; the owner's half is kept as the account spells it.
    pub name: RepoName,
    /// Who sees it.
    pub visibility: Visibility,
    /// What a Space runs with; of other kinds nothing is kept of it.
    pub settings: SpaceSettings,
}

// === impl Store ===

impl Store {
    /// A new repository, with nothing in it.
    ///
    /// # Errors
    /// [`Taken::Repository`] when the owner has one of that kind and name, [`Taken::Subdomain`] with the Space that has
    /// the address; `Name` when a Space's name cannot be an address; `NotFound` when the account does not exist or is not
    /// called as the name begins.
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
        match self.insert(&repository, &new.settings).await {
            Err(StoreError::Database(error)) if is_unique_violation(&error) => {
                Err(self.what_is_taken(new.kind, &repository.name).await?)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(repository),
        }
    }

    async fn insert(
        &self,
        repository: &Repository,
        settings: &SpaceSettings,
    ) -> Result<(), StoreError> {
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
        .bind(repository.created_at)
        .execute(&mut *write)
        .await?;
        if repository.kind == RepoKind::Space {
            spaces::insert(&mut write, repository, settings).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Says which repository is in the way of a name, which a unique index has just refused.
    pub(super) async fn what_is_taken(
        &self,
        kind: RepoKind,
        refused: &RepoName,
    ) -> Result<StoreError, StoreError> {
        let there = self.repository_by_name(kind, refused).await?;
        if there.is_none()
            && kind == RepoKind::Space
            && let Some(other) = self.space_by_subdomain(&refused.subdomain()?).await?
        {
            let what = Taken::Subdomain(other.name);
            return Ok(StoreError::Taken { what });
        }
        // It may have gone meanwhile; its name was taken all the same.
        let there = there.map_or_else(|| refused.clone(), |there| there.name);
        let what = Taken::Repository(there);
        Ok(StoreError::Taken { what })
    }

    /// The repository of that kind and name, in whatever case, unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_by_name(
        &self,
        kind: RepoKind,
        name: &RepoName,
    ) -> Result<Option<Repository>, StoreError> {
        let row = sqlx::query(select_repositories!(
            "WHERE a.name_key = $1 AND r.kind = $2 AND r.name_key = $3 AND r.removed_at IS NULL"
        ))
        .bind(key(&name.owner))
        .bind(kind.as_str())
        .bind(name_key(name))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The repository of that identifier, unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_by_id(&self, id: RepoUid) -> Result<Option<Repository>, StoreError> {
        fetch(&self.readers, id).await
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
        let row = sqlx::query(select_repositories!(
            "JOIN former_names f ON f.repo_id = r.id \
             WHERE f.kind = $1 AND f.owner_key = $2 AND f.name_key = $3 AND r.removed_at IS NULL"
        ))
        .bind(kind.as_str())
        .bind(key(&name.owner))
        .bind(name_key(name))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| read(&row)).transpose()
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

    /// Every repository there is, those being removed too: what a server that starts must look after.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repository_ids(&self) -> Result<Vec<(RepoKind, RepoUid)>, StoreError> {
        let rows = sqlx::query("SELECT id, kind FROM repositories ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(kind_and_id).collect()
    }

    /// Every repository that is not being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repositories_to_stay(&self) -> Result<Vec<(RepoKind, RepoUid)>, StoreError> {
        let rows =
            sqlx::query("SELECT id, kind FROM repositories WHERE removed_at IS NULL ORDER BY id")
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(kind_and_id).collect()
    }

    /// Every repository of one account, those being removed too.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repositories_of(
        &self,
        owner: AccountId,
    ) -> Result<Vec<(RepoKind, RepoUid)>, StoreError> {
        let rows = sqlx::query("SELECT id, kind FROM repositories WHERE owner_id = $1 ORDER BY id")
            .bind(owner.to_string())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(kind_and_id).collect()
    }

    /// How many of a kind the account has, without those being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn count_repositories(
        &self,
        owner: AccountId,
        kind: RepoKind,
    ) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT COUNT(*) FROM repositories WHERE owner_id = $1 AND kind = $2 AND removed_at IS NULL",
        )
        .bind(owner.to_string())
        .bind(kind.as_str())
        .fetch_one(&self.readers)
        .await?;
        Ok(count)
    }
}

/// The repository of that identifier as `executor`, perhaps a transaction, sees it, unless it is being removed.
pub(super) async fn fetch<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: RepoUid,
) -> Result<Option<Repository>, StoreError> {
    let row = sqlx::query(select_repositories!(
        "WHERE r.id = $1 AND r.removed_at IS NULL"
    ))
    .bind(id.to_string())
    .fetch_optional(executor)
    .await?;
    row.map(|row| read(&row)).transpose()
}

fn kind_and_id(row: &AnyRow) -> Result<(RepoKind, RepoUid), StoreError> {
    let fields = Fields::new(row, "repositories", "id")?;
    Ok((
        fields.word("kind", RepoKind::from_word)?,
        fields.parsed("id")?,
    ))
}
