//! Access tokens, known only by their hash: who reads the database cannot act as anybody.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::events::{Actor, record};
use super::fields::Fields;
use super::limits::Counted;
use super::{Store, StoreError, Taken, now};
use crate::domain::{Account, AccountId, AccountKind, Grant, Millis, Role, Scope};

/// A token to be remembered.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose.
    pub account: AccountId,
    /// What the account calls it; unique there.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// The first moment at which it is worthless; `None` for never.
    pub expires_at: Option<Millis>,
    /// What it may do when its scope says so.
    pub grants: Vec<Grant>,
}

/// What is remembered of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Whose.
    pub account: Account,
    /// What the account calls it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The first moment at which it is worthless; `None` for never.
    pub expires_at: Option<Millis>,
    /// What it may do when its scope says so.
    pub grants: Vec<Grant>,
    /// When it was last used, to within some minutes; `None` for never.
    pub last_used_at: Option<Millis>,
}

const LIST: &str = "SELECT t.hash, t.account_id, a.name AS account_name, a.kind, a.role, t.name, t.scope, t.expires_at, \
     t.grants, t.last_used_at \
     FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE t.account_id = $1 ORDER BY t.created_at, t.name";
const BY_HASH: &str = "SELECT t.hash, t.account_id, a.name AS account_name, a.kind, a.role, t.name, t.scope, t.expires_at, \
     t.grants, t.last_used_at \
     FROM tokens t JOIN accounts a ON a.id = t.account_id \
     WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)";

impl Store {
    /// Remembers a token, and forgets those of the account that have expired where there would be too many.
    ///
    /// # Errors
    /// `TooMany`; [`Taken::Token`] when the account has one of that name; `NotFound` when there is no such account.
    pub async fn create_token(&self, token: NewToken) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let account = token.account.to_string();
        insert(&mut write, token).await?;
        if Counted::Tokens.check(&mut write, &account).await.is_err() {
            let expired = "DELETE FROM tokens WHERE account_id = $1 AND expires_at <= $2";
            sqlx::query(expired)
                .bind(&account)
                .bind(now())
                .execute(&mut *write)
                .await?;
            Counted::Tokens.check(&mut write, &account).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// Remembers a token as the only thing its account can be entered with from now on: sessions, other tokens and the
    /// password are forgotten. An identity elsewhere stays connected.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn reset_access(
        &self,
        user: &Account,
        token: NewToken,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        for forget in [
            "DELETE FROM sessions WHERE account_id = $1",
            "DELETE FROM tokens WHERE account_id = $1",
            "DELETE FROM passwords WHERE account_id = $1",
            "DELETE FROM oauth_grants WHERE account_id = $1",
        ] {
            sqlx::query(forget)
                .bind(user.id.to_string())
                .execute(&mut *write)
                .await?;
        }
        insert(&mut write, token).await?;
        let name = user.name.as_str();
        record(&mut write, actor, "account.reset", None, name).await?;
        write.commit().await?;
        Ok(())
    }

    /// The token with that SHA-256, unless it has expired at `now`. The look-up by hash takes the place of a comparison
    /// in constant time: what its timing tells is about a hash nobody can steer.
    ///
    /// # Errors
    /// Ours only.
    pub async fn token_by_hash(
        &self,
        hash: &[u8; 32],
        now: Millis,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let row = sqlx::query(BY_HASH)
            .bind(hex::encode(hash))
            .bind(now)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The account's tokens, oldest first, expired ones too.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_tokens(&self, account: AccountId) -> Result<Vec<TokenRecord>, StoreError> {
        let rows = sqlx::query(LIST)
            .bind(account.to_string())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Forgets the account's token of that name; whether there was one.
    ///
    /// # Errors
    /// Ours only.
    pub async fn delete_token(&self, account: AccountId, name: &str) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        let deleted = sqlx::query("DELETE FROM tokens WHERE account_id = $1 AND name = $2")
            .bind(account.to_string())
            .bind(name)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(deleted.rows_affected() > 0)
    }
}

async fn insert(write: &mut Transaction<'static, Any>, token: NewToken) -> Result<(), StoreError> {
    let grants = (!token.grants.is_empty())
        .then(|| serde_json::to_string(&token.grants).expect("text keys and plain values only"));
    let inserted = sqlx::query(
        "INSERT INTO tokens (hash, account_id, name, scope, created_at, expires_at, grants) \
         SELECT $1, id, $3, $4, $5, $6, $7 FROM accounts WHERE id = $2",
    )
    .bind(hex::encode(token.hash))
    .bind(token.account.to_string())
    .bind(token.name)
    .bind(token.scope.as_str())
    .bind(now())
    .bind(token.expires_at)
    .bind(grants)
    .execute(&mut **write)
    .await
    .map_err(|error| StoreError::or_taken(error, Taken::Token))?;
    match inserted.rows_affected() {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

fn read(row: &AnyRow) -> Result<TokenRecord, StoreError> {
    let account = Fields::new(row, "accounts", "account_id")?;
    let fields = Fields::new(row, "tokens", "hash")?;
    Ok(TokenRecord {
        account: Account {
            kind: fields.word("kind", AccountKind::from_word)?,
            id: account.parsed("account_id")?,
            name: account.parsed("account_name")?,
            role: account.word("role", Role::from_word)?,
        },
        name: fields.text("name")?,
        scope: fields.word("scope", Scope::from_word)?,
        expires_at: fields.optional_number("expires_at")?,
        grants: fields.optional_json("grants")?.unwrap_or_default(),
        last_used_at: fields.optional_number("last_used_at")?,
    })
}
