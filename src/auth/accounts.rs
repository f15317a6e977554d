//! What operators do with accounts, each with an entry in the audit trail.

use super::{Auth, SecretToken, WantedToken};
use crate::domain::{Account, AccountId, Owner, Role};
use crate::store::{Event, StoreError};

impl Auth {
    /// An account for somebody, and its first token.
    ///
    /// # Errors
    /// [`Taken::Owner`](crate::store::Taken::Owner) when the name is somebody's, in whatever case.
    pub async fn create_user(
        &self,
        by: AccountId,
        name: &Owner,
    ) -> Result<(Account, SecretToken), StoreError> {
        let account = self.store.create_account(name, Role::User).await?;
        let token = self
            .issue_token(WantedToken::plain(account.id, "first"))
            .await?;
        self.note_account(by, name.to_string()).await?;
        Ok((account, token))
    }

    /// An organisation with its first member, who chooses the others.
    ///
    /// # Errors
    /// [`Taken::Owner`](crate::store::Taken::Owner) when the name is somebody's, in whatever case.
    pub async fn create_organization(
        &self,
        by: AccountId,
        name: &Owner,
        admin: &Account,
    ) -> Result<Account, StoreError> {
        let made = self.store.create_organization(name, admin.id).await?;
        let detail = format!("{name}, an organisation of {}", admin.name);
        self.note_account(by, detail).await?;
        Ok(made)
    }

    /// For somebody who has lost what they entered with, or who has to go: their sessions, tokens and password end, and
    /// one token is made in their place. Whoever is known at a provider can come back from there.
    ///
    /// # Errors
    /// Ours only.
    pub async fn reset_user(
        &self,
        by: AccountId,
        user: &Account,
    ) -> Result<SecretToken, StoreError> {
        let (token, record) = WantedToken::plain(user.id, "first").made();
        self.store.reset_access(record).await?;
        self.devices.forget(user.id);
        self.note(by, "account.reset", user.name.to_string())
            .await?;
        Ok(token)
    }

    async fn note_account(&self, by: AccountId, detail: String) -> Result<(), StoreError> {
        self.note(by, "account.create", detail).await
    }

    async fn note(
        &self,
        by: AccountId,
        action: &'static str,
        detail: String,
    ) -> Result<(), StoreError> {
        let event = Event::now(by, action, None, detail);
        self.store.record(event).await
    }
}
