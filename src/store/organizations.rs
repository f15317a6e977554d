//! Organisations: accounts that own things for others, and who these are.

use super::accounts::insert;
use super::events::{Actor, record};
use super::fields::Fields;
use super::limits::Counted;
use super::{Store, StoreError, now};
use crate::domain::{
    Account, AccountId, AccountKind, MemberRole, Membership, Millis, Owner, RepoUid, Role,
};

/// A member, as others see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Whose account.
    pub account: AccountId,
    /// The user's name.
    pub name: Owner,
    /// What the user may do there.
    pub role: MemberRole,
}

impl Store {
    /// A new organisation with its first member, who chooses the others.
    ///
    /// # Errors
    /// [`Taken::Owner`](super::Taken::Owner) when the name is somebody's, in whatever case.
    pub async fn create_organization(
        &self,
        name: &Owner,
        admin: &Account,
        actor: Actor,
    ) -> Result<Account, StoreError> {
        let mut write = self.write().await?;
        let made = insert(&mut write, AccountKind::Organization, name, Role::User).await?;
        sqlx::query("INSERT INTO members (organization_id, account_id, role) VALUES ($1, $2, $3)")
            .bind(made.id.to_string())
            .bind(admin.id.to_string())
            .bind(MemberRole::Admin.as_str())
            .execute(&mut *write)
            .await?;
        let detail = format!("{name}, an organisation of {}", admin.name);
        record(&mut write, actor, "account.create", None, &detail).await?;
        write.commit().await?;
        Ok(made)
    }

    /// Gives a user a role in an organisation, or another one.
    ///
    /// # Errors
    /// `TooMany`; `LastAdmin` when nobody would be left to choose members.
    pub async fn set_member(
        &self,
        organization: AccountId,
        account: AccountId,
        role: MemberRole,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO members (organization_id, account_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (organization_id, account_id) DO UPDATE SET role = excluded.role",
        )
        .bind(organization.to_string())
        .bind(account.to_string())
        .bind(role.as_str())
        .execute(&mut *write)
        .await?;
        Counted::Members
            .check(&mut write, &organization.to_string())
            .await?;
        has_admin(&mut write, organization).await?;
        write.commit().await?;
        Ok(())
    }

    /// Takes a user out of an organisation; whether there was one.
    ///
    /// # Errors
    /// `LastAdmin` when nobody would be left to choose members.
    pub async fn remove_member(
        &self,
        organization: AccountId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        let removed =
            sqlx::query("DELETE FROM members WHERE organization_id = $1 AND account_id = $2")
                .bind(organization.to_string())
                .bind(account.to_string())
                .execute(&mut *write)
                .await?;
        has_admin(&mut write, organization).await?;
        write.commit().await?;
        Ok(removed.rows_affected() > 0)
    }

    /// The members of an organisation, by name.
    ///
    /// # Errors
    /// Ours only.
    pub async fn members(&self, organization: AccountId) -> Result<Vec<Member>, StoreError> {
        let rows = sqlx::query(
            "SELECT m.account_id, a.name, m.role FROM members m JOIN accounts a ON a.id = m.account_id \
             WHERE m.organization_id = $1 ORDER BY a.name_key",
        )
        .bind(organization.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "members", "account_id")?;
                Ok(Member {
                    account: fields.parsed("account_id")?,
                    name: fields.parsed("name")?,
                    role: fields.word("role", MemberRole::from_word)?,
                })
            })
            .collect()
    }

    /// The organisations that a user is in, by name.
    ///
    /// # Errors
    /// Ours only.
    pub async fn memberships(&self, account: AccountId) -> Result<Vec<Membership>, StoreError> {
        let rows = sqlx::query(
            "SELECT m.organization_id, a.name, m.role FROM members m JOIN accounts a ON a.id = m.organization_id \
             WHERE m.account_id = $1 ORDER BY a.name_key",
        )
        .bind(account.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "members", "organization_id")?;
                Ok(Membership {
                    organization: fields.parsed("organization_id")?,
                    name: fields.parsed("name")?,
                    role: fields.word("role", MemberRole::from_word)?,
                })
            })
            .collect()
    }

    /// Remembers who made a repository; of one that is gone there is nothing to remember.
    ///
    /// # Errors
    /// Ours only.
    pub async fn set_creator(&self, repo: RepoUid, account: AccountId) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO creators (repo_id, account_id) SELECT id, $2 FROM repositories WHERE id = $1 \
             ON CONFLICT DO NOTHING",
        )
        .bind(repo.to_string())
        .bind(account.to_string())
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// The repositories of organisations that a user made.
    ///
    /// # Errors
    /// Ours only.
    pub async fn created_by(&self, account: AccountId) -> Result<Vec<RepoUid>, StoreError> {
        let rows = sqlx::query("SELECT repo_id FROM creators WHERE account_id = $1")
            .bind(account.to_string())
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Fields::new(row, "creators", "repo_id")?.parsed("repo_id"))
            .collect()
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// Ours only.
    pub async fn touch_token(&self, hash: &[u8; 32], at: Millis) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE hash = $1")
            .bind(hex::encode(hash))
            .bind(at.min(now()))
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

async fn has_admin(
    write: &mut sqlx::Transaction<'static, sqlx::Any>,
    organization: AccountId,
) -> Result<(), StoreError> {
    let admins: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM members WHERE organization_id = $1 AND role = $2")
            .bind(organization.to_string())
            .bind(MemberRole::Admin.as_str())
            .fetch_one(&mut **write)
            .await?;
    if admins == 0 {
        return Err(StoreError::LastAdmin);
    }
    Ok(())
}
