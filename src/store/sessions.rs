//! How people with a browser come back: passwords, known by their argon2id hash, and sessions, known by the hash of
//! what the browser keeps.

use sqlx::{Any, Transaction};

use super::accounts::read;
use super::{Store, StoreError, now};
use crate::domain::{Account, AccountId, Millis, Owner};

/// Sessions that one account has at once.
const MOST: i64 = 100;

const BY_HASH: &str = "SELECT a.id, a.name, a.kind, a.role \
     FROM sessions x JOIN accounts a ON a.id = x.account_id WHERE x.hash = $1 AND x.expires_at > $2";

impl Store {
    /// The account of that name, in whatever case, and the hash of its password if it has one.
    ///
    /// # Errors
    /// Ours only.
    pub async fn password(
        &self,
        name: &Owner,
    ) -> Result<Option<(Account, Option<String>)>, StoreError> {
        let Some(account) = self.account_by_name(name).await? else {
            return Ok(None);
        };
        let hash = sqlx::query_scalar("SELECT hash FROM passwords WHERE account_id = $1")
            .bind(account.id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(Some((account, hash)))
    }

    /// Sets the account's password and ends every session of it but the one kept.
    ///
    /// # Errors
    /// Ours only.
    pub async fn set_password(
        &self,
        account: AccountId,
        hash: &str,
        kept: &[u8; 32],
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO passwords (account_id, hash, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (account_id) DO UPDATE SET hash = $2, updated_at = $3",
        )
        .bind(account.to_string())
        .bind(hash)
        .bind(now())
        .execute(&mut *write)
        .await?;
        end_sessions_but(&mut write, account, kept).await?;
        write.commit().await?;
        Ok(())
    }

    /// Remembers a session until `expires_at`, and forgets those that have expired, and of the account's others the
    /// oldest when there are more than a hundred.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn create_session(
        &self,
        account: AccountId,
        hash: &[u8; 32],
        expires_at: Millis,
    ) -> Result<(), StoreError> {
        let now = now();
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut *write)
            .await?;
        let inserted = sqlx::query(
            "INSERT INTO sessions (hash, account_id, created_at, expires_at) \
             SELECT $1, id, $3, $4 FROM accounts WHERE id = $2",
        )
        .bind(hex::encode(hash))
        .bind(account.to_string())
        .bind(now)
        .bind(expires_at)
        .execute(&mut *write)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sqlx::query(
            "DELETE FROM sessions WHERE account_id = $1 AND hash NOT IN \
             (SELECT hash FROM sessions WHERE account_id = $1 ORDER BY expires_at DESC, hash LIMIT $2)",
        )
        .bind(account.to_string())
        .bind(MOST)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// Whose session that is, unless it has expired at `now`.
    ///
    /// # Errors
    /// Ours only.
    pub async fn session(
        &self,
        hash: &[u8; 32],
        now: Millis,
    ) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(BY_HASH)
            .bind(hex::encode(hash))
            .bind(now)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// Ours only.
    pub async fn delete_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM sessions WHERE hash = $1")
            .bind(hex::encode(hash))
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

pub(super) async fn end_sessions_but(
    write: &mut Transaction<'static, Any>,
    account: AccountId,
    kept: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND hash <> $2")
        .bind(account.to_string())
        .bind(hex::encode(kept))
        .execute(&mut **write)
        .await?;
    Ok(())
}
