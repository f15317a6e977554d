//! What people have allowed Spaces.

use sqlx::any::AnyRow;

use super::fields::Fields;
use super::{Store, StoreError, now};
use crate::domain::{
    Account, AccountId, AccountKind, Millis, OAuthGrantId, OAuthScopes, RepoName, Role, SpaceId,
};

/// Something allowed, to be remembered.
#[derive(Debug, Clone)]
pub struct NewOAuthGrant {
    /// Chosen by whoever remembers it.
    pub id: OAuthGrantId,
    /// Who allows it.
    pub account: AccountId,
    /// Whom.
    pub space: SpaceId,
    /// Whose the Space is.
    pub owner: AccountId,
    /// What.
    pub scopes: OAuthScopes,
    /// The first moment at which it is allowed no more.
    pub expires_at: Millis,
}

/// What is remembered of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthGrant {
    /// By which tokens name it.
    pub id: OAuthGrantId,
    /// Who allows it.
    pub account: Account,
    /// Whom.
    pub space: SpaceId,
    /// What.
    pub scopes: OAuthScopes,
    /// The first moment at which it is allowed no more.
    pub expires_at: Millis,
    /// How many refresh tokens of it were used.
    pub refreshes: i64,
}

/// A Space that somebody has allowed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSpace {
    /// Which.
    pub space: SpaceId,
    /// Its full name.
    pub name: RepoName,
    /// What it was allowed last.
    pub scopes: OAuthScopes,
    /// When that was.
    pub at: Millis,
}

/// What one account has allowed one Space at once: on so many devices it is signed in there. The oldest gives way.
const MOST: i64 = 20;

/// What is allowed to a Space that is there, is run, and is still whose it was.
const CURRENT: &str = "FROM oauth_grants g \
     JOIN accounts a ON a.id = g.account_id \
     JOIN repositories r ON r.id = g.space_id AND r.owner_id = g.owner_id AND r.removed_at IS NULL \
     JOIN spaces s ON s.id = g.space_id AND s.disabled IS NULL \
     JOIN accounts o ON o.id = r.owner_id \
     WHERE g.expires_at > $1";

impl Store {
    /// Remembers it.
    ///
    /// # Errors
    /// `NotFound` when there is no such account or Space.
    pub async fn create_oauth_grant(&self, grant: NewOAuthGrant) -> Result<(), StoreError> {
        let now = now();
        let mut write = self.write().await?;
        sqlx::query("DELETE FROM oauth_grants WHERE expires_at <= $1")
            .bind(now)
            .execute(&mut *write)
            .await?;
        let inserted = sqlx::query(
            "INSERT INTO oauth_grants (id, account_id, space_id, owner_id, scopes, created_at, expires_at, refreshes) \
             SELECT $1, a.id, r.id, $4, $5, $6, $7, 0 FROM accounts a, repositories r WHERE a.id = $2 AND r.id = $3",
        )
        .bind(grant.id.to_string())
        .bind(grant.account.to_string())
        .bind(grant.space.to_string())
        .bind(grant.owner.to_string())
        .bind(grant.scopes.to_string())
        .bind(now)
        .bind(grant.expires_at)
        .execute(&mut *write)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sqlx::query(
            "DELETE FROM oauth_grants WHERE account_id = $1 AND space_id = $2 AND id NOT IN \
             (SELECT id FROM oauth_grants WHERE account_id = $1 AND space_id = $2 \
              ORDER BY created_at DESC, id DESC LIMIT $3)",
        )
        .bind(grant.account.to_string())
        .bind(grant.space.to_string())
        .bind(MOST)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// What that is, while it is allowed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn oauth_grant(&self, id: OAuthGrantId) -> Result<Option<OAuthGrant>, StoreError> {
        let text = format!(
            "SELECT g.id, g.account_id, a.name AS account_name, a.kind AS account_kind, a.role AS account_role, \
             g.space_id, g.scopes, g.expires_at, g.refreshes {CURRENT} AND g.id = $2"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(now())
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// What the account has allowed Spaces, the newest of each, by name.
    ///
    /// # Errors
    /// Ours only.
    pub async fn spaces_allowed_by(
        &self,
        account: AccountId,
    ) -> Result<Vec<AllowedSpace>, StoreError> {
        let text = format!(
            "SELECT g.id, g.space_id, o.name AS owner_name, r.name AS repo_name, g.scopes, g.created_at {CURRENT} \
             AND g.account_id = $2 ORDER BY o.name_key, r.name_key, g.created_at DESC, g.id DESC"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(now())
            .bind(account.to_string())
            .fetch_all(&self.readers)
            .await?;
        let mut allowed: Vec<AllowedSpace> = Vec::new();
        for row in &rows {
            let fields = Fields::new(row, "oauth_grants", "id")?;
            let space = fields.parsed("space_id")?;
            if allowed.last().is_none_or(|last| last.space != space) {
                allowed.push(AllowedSpace {
                    space,
                    name: RepoName {
                        owner: fields.parsed("owner_name")?,
                        name: fields.parsed("repo_name")?,
                    },
                    scopes: OAuthScopes::of_words(&fields.text("scopes")?),
                    at: fields.number("created_at")?,
                });
            }
        }
        Ok(allowed)
    }

    /// Counts a refresh token as used, if it is the newest; whether it was.
    ///
    /// # Errors
    /// Ours only.
    pub async fn count_oauth_refresh(
        &self,
        id: OAuthGrantId,
        refreshes: i64,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let counted = sqlx::query(
            "UPDATE oauth_grants SET refreshes = refreshes + 1 WHERE id = $1 AND refreshes = $2",
        )
        .bind(id.to_string())
        .bind(refreshes)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(counted.rows_affected() > 0)
    }

    /// Ends one, and all tokens that name it.
    ///
    /// # Errors
    /// Ours only.
    pub async fn delete_oauth_grant(&self, id: OAuthGrantId) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM oauth_grants WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Ends all that the account has allowed the Space.
    ///
    /// # Errors
    /// Ours only.
    pub async fn delete_oauth_grants_of(
        &self,
        account: AccountId,
        space: SpaceId,
    ) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM oauth_grants WHERE account_id = $1 AND space_id = $2")
            .bind(account.to_string())
            .bind(space.to_string())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<OAuthGrant, StoreError> {
    let fields = Fields::new(row, "oauth_grants", "id")?;
    Ok(OAuthGrant {
        id: fields.parsed("id")?,
        account: Account {
            id: fields.parsed("account_id")?,
            kind: fields.word("account_kind", AccountKind::from_word)?,
            name: fields.parsed("account_name")?,
            role: fields.word("account_role", Role::from_word)?,
        },
        space: fields.parsed("space_id")?,
        scopes: OAuthScopes::of_words(&fields.text("scopes")?),
        expires_at: fields.number("expires_at")?,
        refreshes: fields.number("refreshes")?,
    })
}
