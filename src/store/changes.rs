//! Changing a repository of any kind: each change is one transaction, and finds nothing once the repository is being
//! removed. Of a Space it raises the generation too.

use sqlx::{Any, Transaction};

use super::accounts::key;
use super::events::{Actor, record};
use super::limits::Counted;
use super::repositories::fetch;
use super::repository_row::name_key;
use super::{Store, StoreError, is_unique_violation, now};
use crate::domain::{
    AccountId, Millis, RepoKind, RepoName, RepoUid, Repository, Revision, Visibility,
};

// === impl Store ===

impl Store {
    /// Remembers where `main` is. A Space's is published with [`Self::publish`].
    ///
    /// # Errors
    /// `NotFound` when the repository is gone or being removed.
    pub async fn set_head(&self, id: RepoUid, head: Option<&Revision>) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        touch(&mut write, id, now()).await?;
        sqlx::query("UPDATE repositories SET head = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(head.map(Revision::as_str))
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Remembers a first commit, which nobody has published, and what a Space was made as, if that is to be known. One
    /// that came later and is remembered already stays.
    ///
    /// # Errors
    /// `NotFound` when the repository is gone or being removed.
    pub async fn set_first_head(
        &self,
        id: RepoUid,
        head: &Revision,
        sdk: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        touch(&mut write, id, now()).await?;
        let first = sqlx::query("UPDATE repositories SET head = $2 WHERE id = $1 AND head IS NULL")
            .bind(id.to_string())
            .bind(head.as_str())
            .execute(&mut *write)
            .await?;
        if first.rows_affected() > 0 {
            sqlx::query(
                "UPDATE spaces SET generation = generation + 1, sdk = COALESCE(sdk, $2) WHERE id = $1",
            )
            .bind(id.to_string())
            .bind(sdk.map(str::to_owned))
            .execute(&mut *write)
            .await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Sets who sees the repository.
    ///
    /// # Errors
    /// `NotFound` when it is gone or being removed.
    pub async fn set_visibility(
        &self,
        id: RepoUid,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<Repository, StoreError> {
        let mut write = self.write().await?;
        touch(&mut write, id, now()).await?;
        sqlx::query("UPDATE repositories SET visibility = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(visibility.as_str())
            .execute(&mut *write)
            .await?;
        sqlx::query("UPDATE spaces SET generation = generation + 1 WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        let changed = fetch(&mut *write, id).await?.ok_or(StoreError::NotFound)?;
        let more = format!(": {}", visibility.as_str());
        record_change(&mut write, actor, "visibility", &changed, &more).await?;
        write.commit().await?;
        Ok(changed)
    }

    /// Gives the repository another name, perhaps another owner; its old name leads to it from then on. A Space's address
    /// changes with it, and its instances are replaced: they know themselves by name.
    ///
    /// # Errors
    /// [`Taken::Repository`](super::Taken::Repository) or [`Taken::Subdomain`](super::Taken::Subdomain) with what is in
    /// the way; `Name` when a Space's name cannot be an address; `NotFound` when the repository is gone or being removed,
    /// or there is no such account.
    pub async fn rename_repository(
        &self,
        id: RepoUid,
        owner: AccountId,
        to: &RepoName,
        actor: Actor,
    ) -> Result<Repository, StoreError> {
        let mut write = self.write().await?;
        touch(&mut write, id, now()).await?;
        // As it is by now, not as whoever asks last saw it: of two renamings at once both old names lead here.
        let before = fetch(&mut *write, id).await?.ok_or(StoreError::NotFound)?;
        match write_name(&mut write, &before, owner, to).await {
            Err(StoreError::Database(error)) if is_unique_violation(&error) => {
                drop(write);
                return Err(self.what_is_taken(before.kind, to).await?);
            }
            written => written?,
        }
        remember_name(&mut write, &before).await?;
        let renamed = fetch(&mut *write, id).await?.ok_or(StoreError::NotFound)?;
        let more = format!(" -> {}", renamed.name);
        record_change(&mut write, actor, "move", &before, &more).await?;
        write.commit().await?;
        Ok(renamed)
    }

    /// Begins the removal of a repository, which is for good: its name, and a Space's address, are free at once. What it
    /// was.
    ///
    /// # Errors
    /// `NotFound` when it is gone or being removed.
    pub async fn begin_removal(&self, id: RepoUid, actor: Actor) -> Result<Repository, StoreError> {
        let now = now();
        let mut write = self.write_less().await?;
        touch(&mut write, id, now).await?;
        let going = fetch(&mut *write, id).await?.ok_or(StoreError::NotFound)?;
        sqlx::query("UPDATE repositories SET removed_at = $2 WHERE id = $1")
            .bind(id.to_string())
            .bind(now)
            .execute(&mut *write)
            .await?;
        sqlx::query(
            "UPDATE spaces SET subdomain = NULL, generation = generation + 1 WHERE id = $1",
        )
        .bind(id.to_string())
        .execute(&mut *write)
        .await?;
        record_change(&mut write, actor, "delete", &going, "").await?;
        write.commit().await?;
        Ok(going)
    }

    /// Ends a removal, once the files are gone: the repository's row, and every row that hangs on it. Done already is
    /// done.
    ///
    /// # Errors
    /// Ours only.
    pub async fn finish_removal(&self, id: RepoUid) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM repositories WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

/// Begins a change of a repository: it comes first in its transaction, so that changes of one repository wait for each
/// other in one place.
///
/// # Errors
/// `NotFound` when the repository is gone or being removed.
pub(super) async fn touch(
    write: &mut Transaction<'static, Any>,
    id: RepoUid,
    now: Millis,
) -> Result<(), StoreError> {
    let touched =
        sqlx::query("UPDATE repositories SET updated_at = $2 WHERE id = $1 AND removed_at IS NULL")
            .bind(id.to_string())
            .bind(now)
            .execute(&mut **write)
            .await?;
    if touched.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

async fn write_name(
    write: &mut Transaction<'static, Any>,
    before: &Repository,
    owner: AccountId,
    to: &RepoName,
) -> Result<(), StoreError> {
    let id = before.id.to_string();
    sqlx::query("UPDATE repositories SET owner_id = $2, name = $3, name_key = $4 WHERE id = $1")
        .bind(id.clone())
        .bind(owner.to_string())
        .bind(to.name.as_str().to_owned())
        .bind(name_key(to))
        .execute(&mut **write)
        .await?;
    if before.kind == RepoKind::Space {
        sqlx::query(
            "UPDATE spaces SET subdomain = $2, restarts = restarts + 1, generation = generation + 1 WHERE id = $1",
        )
        .bind(id)
        .bind(to.subdomain()?.as_str().to_owned())
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}

/// Part of a renaming: the old name leads to the repository.
async fn remember_name(
    write: &mut Transaction<'static, Any>,
    before: &Repository,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO former_names (kind, owner_key, name_key, repo_id) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kind, owner_key, name_key) DO UPDATE SET repo_id = excluded.repo_id",
    )
    .bind(before.kind.as_str())
    .bind(key(&before.name.owner))
    .bind(name_key(&before.name))
    .bind(before.id.to_string())
    .execute(&mut **write)
    .await?;
    Counted::FormerNames
        .check(write, &before.id.to_string())
        .await
}

/// Writes into the audit trail what was done to a repository: of a Space with its identifier, of others with their kind.
async fn record_change(
    write: &mut Transaction<'static, Any>,
    actor: Actor,
    what: &str,
    repository: &Repository,
    more: &str,
) -> Result<(), StoreError> {
    let name = &repository.name;
    let (action, space, detail) = match repository.kind {
        RepoKind::Space => {
            let space = repository.id.space();
            (
                format!("space.{what}"),
                Some(space),
                format!("{name}{more}"),
            )
        }
        RepoKind::Model | RepoKind::Dataset => {
            let kind = repository.kind.as_str();
            (
                format!("repository.{what}"),
                None,
                format!("{kind} {name}{more}"),
            )
        }
    };
    record(write, actor, &action, space, &detail).await
}
