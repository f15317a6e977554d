//! By what names identity providers know our accounts.

use sqlx::{Any, Transaction};

use super::accounts::{insert, read};
use super::events::record;
use super::sessions::end_sessions_but;
use super::{Store, StoreError, Taken, now};
use crate::domain::{Account, AccountId, AccountKind, Identity, Owner, Role};

const BY_IDENTITY: &str = "SELECT a.id, a.name, a.kind, a.role \
     FROM identities i JOIN accounts a ON a.id = i.account_id WHERE i.issuer = $1 AND i.subject = $2";

impl Store {
    /// The account that somebody has here.
    ///
    /// # Errors
    /// Ours only.
    pub async fn account_by_identity(
        &self,
        identity: &Identity,
    ) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(BY_IDENTITY)
            .bind(&identity.issuer)
            .bind(&identity.subject)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// A new account for somebody.
    ///
    /// # Errors
    /// [`Taken::Owner`] when the name is somebody's, in whatever case; [`Taken::Identity`] when they have an account.
    pub async fn create_account_of(
        &self,
        identity: &Identity,
        name: &Owner,
    ) -> Result<Account, StoreError> {
        let mut write = self.write().await?;
        let account = insert(&mut write, AccountKind::User, name, Role::User).await?;
        tie(&mut write, identity, account.id).await?;
        let actor = account.id.into();
        record(&mut write, actor, "account.create", None, name.as_str()).await?;
        write.commit().await?;
        Ok(account)
    }

    /// Ties somebody to an account that there is.
    ///
    /// # Errors
    /// [`Taken::Identity`] when they have an account, this one or another.
    pub async fn add_identity(
        &self,
        identity: &Identity,
        account: &Account,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        tie(&mut write, identity, account.id).await?;
        let (actor, name) = (account.id.into(), account.name.as_str());
        record(&mut write, actor, "identity.connect", None, name).await?;
        write.commit().await?;
        Ok(())
    }

    /// Whether the account is somebody there.
    ///
    /// # Errors
    /// Ours only.
    pub async fn has_identity(&self, account: AccountId, issuer: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM identities WHERE account_id = $1 AND issuer = $2")
            .bind(account.to_string())
            .bind(issuer)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// Forgets who the account is there, and ends every session of it but the one kept: others may be theirs.
    ///
    /// # Errors
    /// Ours only.
    pub async fn remove_identities(
        &self,
        account: &Account,
        issuer: &str,
        kept: &[u8; 32],
    ) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM identities WHERE account_id = $1 AND issuer = $2")
            .bind(account.id.to_string())
            .bind(issuer)
            .execute(&mut *write)
            .await?;
        end_sessions_but(&mut write, account.id, kept).await?;
        let (actor, name) = (account.id.into(), account.name.as_str());
        record(&mut write, actor, "identity.disconnect", None, name).await?;
        write.commit().await?;
        Ok(())
    }
}

async fn tie(
    write: &mut Transaction<'static, Any>,
    identity: &Identity,
    account: AccountId,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO identities (issuer, subject, account_id, created_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(account.to_string())
    .bind(now())
    .execute(&mut **write)
    .await
    .map_err(|error| StoreError::or_taken(error, Taken::Identity))?;
    Ok(())
}
