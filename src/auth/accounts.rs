//! What operators do with accounts, each with an entry in the audit trail.

use super::{Auth, SecretToken, WantedToken};
use crate::domain::{Account, AccountId, Owner, Role};
use crate::store::StoreError;

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
        let account = self
            .store
            .create_account(name, Role::User, by.into())
            .await?;
        let token = self
            .issue_token(WantedToken::plain(account.id, "first"))
            .await?;
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
        self.store.create_organization(name, admin, by.into()).await
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
        self.store.reset_access(user, record, by.into()).await?;
        self.devices.forget(user.id);
        self.codes.forget(user.id);
        Ok(token)
    }
}
