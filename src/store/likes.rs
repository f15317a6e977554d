//! Likes: who likes which repository, of any kind.

use std::collections::HashMap;

use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments, AssertSqlSafe};

use super::fields::Fields;
use super::limits::Counted;
use super::{Store, StoreError, now, showcase};
use crate::domain::{AccountId, Millis, Owner, RepoUid};

/// What somebody likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    /// Which repository; it may be private by now.
    pub repo: RepoUid,
    /// Since when.
    pub at: Millis,
}

/// The most likes or likers that are listed.
const MOST: i64 = 1000;

/// Repositories whose likes are counted in one query.
const COUNTED_AT_ONCE: usize = 200;

impl Store {
    /// Notes that the account likes the repository; noted already is noted, and one that is gone is liked by nobody.
    ///
    /// # Errors
    /// `TooMany`.
    pub async fn like(&self, account: AccountId, repo: RepoUid) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO likes (account_id, repo_id, liked_at) SELECT $1, id, $3 FROM repositories WHERE id = $2 \
             ON CONFLICT DO NOTHING",
        )
        .bind(account.to_string())
        .bind(repo.to_string())
        .bind(now())
        .execute(&mut *write)
        .await?;
        Counted::Likes
            .check(&mut write, &account.to_string())
            .await?;
        showcase::count_likes(&mut write, repo).await?;
        write.commit().await?;
        Ok(())
    }

    /// Forgets that the account likes the repository.
    ///
    /// # Errors
    /// Ours only.
    pub async fn unlike(&self, account: AccountId, repo: RepoUid) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM likes WHERE account_id = $1 AND repo_id = $2")
            .bind(account.to_string())
            .bind(repo.to_string())
            .execute(&mut *write)
            .await?;
        showcase::count_likes(&mut write, repo).await?;
        write.commit().await?;
        Ok(())
    }

    /// Whether the account likes the repository.
    ///
    /// # Errors
    /// Ours only.
    pub async fn is_liked(&self, account: AccountId, repo: RepoUid) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM likes WHERE account_id = $1 AND repo_id = $2")
            .bind(account.to_string())
            .bind(repo.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// How many accounts like each of these; those that nobody likes are left out.
    ///
    /// # Errors
    /// Ours only.
    pub async fn count_likes(
        &self,
        repos: &[RepoUid],
    ) -> Result<HashMap<RepoUid, i64>, StoreError> {
        let mut counts = HashMap::new();
        for some in repos.chunks(COUNTED_AT_ONCE) {
            let mut arguments = AnyArguments::default();
            let mut places = Vec::with_capacity(some.len());
            for repo in some {
                arguments
                    .add(repo.to_string())
                    .map_err(sqlx::Error::Encode)?;
                places.push(format!("${}", arguments.len()));
            }
            let query = format!(
                "SELECT repo_id, COUNT(*) AS likes FROM likes WHERE repo_id IN ({}) GROUP BY repo_id",
                places.join(", ")
            );
            let rows = sqlx::query_with::<Any, _>(AssertSqlSafe(query), arguments)
                .fetch_all(&self.readers)
                .await?;
            for row in &rows {
                let fields = Fields::new(row, "likes", "repo_id")?;
                counts.insert(fields.parsed("repo_id")?, fields.number("likes")?);
            }
        }
        Ok(counts)
    }

    /// Who likes the repository, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn likers(&self, repo: RepoUid) -> Result<Vec<Owner>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.id, a.name FROM likes l JOIN accounts a ON a.id = l.account_id WHERE l.repo_id = $1 \
             ORDER BY l.liked_at DESC, a.id LIMIT $2",
        )
        .bind(repo.to_string())
        .bind(MOST)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| Fields::new(row, "accounts", "id")?.parsed("name"))
            .collect()
    }

    /// What the account likes, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn likes_of(&self, account: AccountId) -> Result<Vec<Like>, StoreError> {
        let rows = sqlx::query(
            "SELECT repo_id, liked_at FROM likes WHERE account_id = $1 ORDER BY liked_at DESC, repo_id LIMIT $2",
        )
        .bind(account.to_string())
        .bind(MOST)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "likes", "repo_id")?;
                Ok(Like {
                    repo: fields.parsed("repo_id")?,
                    at: fields.number("liked_at")?,
                })
            })
            .collect()
    }
}
