//! Accounts: created by operators, never renamed yet.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::events::{Actor, record};
use super::fields::Fields;
use super::{Store, StoreError, Taken, now};
use crate::domain::{Account, AccountId, AccountKind, Owner, Role};

impl Store {
    /// A new account.
    ///
    /// # Errors
    /// [`Taken::Owner`] when the name is somebody's, in whatever case.
    pub async fn create_account(
        &self,
        name: &Owner,
        role: Role,
        actor: Actor,
    ) -> Result<Account, StoreError> {
        let mut write = self.write().await?;
        let account = insert(&mut write, AccountKind::User, name, role).await?;
        record(&mut write, actor, "account.create", None, name.as_str()).await?;
        write.commit().await?;
        Ok(account)
    }

    /// The account of that name, in whatever case.
    ///
    /// # Errors
    /// Ours only.
    pub async fn account_by_name(&self, name: &Owner) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("SELECT id, name, kind, role FROM accounts WHERE name_key = $1")
            .bind(key(name))
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The account of that identifier.
    ///
    /// # Errors
    /// Ours only.
    pub async fn account_by_id(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query("SELECT id, name, kind, role FROM accounts WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query("SELECT id, name, kind, role FROM accounts ORDER BY name_key")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }
}

/// The form under which an owner's name is unique.
pub(super) fn key(name: &Owner) -> String {
    name.as_str().to_ascii_lowercase()
}

/// Part of a creation.
pub(super) async fn insert(
    write: &mut Transaction<'static, Any>,
    kind: AccountKind,
    name: &Owner,
    role: Role,
) -> Result<Account, StoreError> {
    let account = Account {
        id: AccountId::new(),
        kind,
        name: name.clone(),
        role,
    };
    sqlx::query(
        "INSERT INTO accounts (id, name, name_key, kind, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(account.id.to_string())
    .bind(name.as_str())
    .bind(key(name))
    .bind(kind.as_str())
    .bind(role.as_str())
    .bind(now())
    .execute(&mut **write)
    .await
    .map_err(|error| StoreError::or_taken(error, Taken::Owner))?;
    Ok(account)
}

pub(super) fn read(row: &AnyRow) -> Result<Account, StoreError> {
    let fields = Fields::new(row, "accounts", "id")?;
    Ok(Account {
        id: fields.parsed("id")?,
        kind: fields.word("kind", AccountKind::from_word)?,
        name: fields.parsed("name")?,
        role: fields.word("role", Role::from_word)?,
    })
}
