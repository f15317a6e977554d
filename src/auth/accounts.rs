//! Accounts that operators make, each with an entry in the audit trail.

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

    async fn note_account(&self, by: AccountId, detail: String) -> Result<(), StoreError> {
        let event = Event::now(by, "account.create", None, detail);
        self.store.record(event).await
    }
}
