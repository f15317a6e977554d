//! Sessions: what a browser holds instead of a token, and what its forms carry.

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use super::token::{are_letters, random_letters};
use super::{
    Auth, AuthError, Credential, Evidence, Principal, SecretToken, hash_token, now, password,
};
use crate::domain::{Account, AccountId, Millis, Owner, Scope};
use crate::store::{StoreError, TokenRecord};

/// How long a session lasts: thirty days from signing in.
pub const SESSION_LIFE: Millis = 30 * 24 * 3600 * 1000;

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub principal: Principal,
    /// What the store knows the session by.
    pub hash: [u8; 32],
}

// === impl Auth ===

impl Auth {
    /// Whose session that is; `None` when it is none, or has expired. It may do what the account may do.
    ///
    /// # Errors
    /// Ours only.
    pub async fn session(&self, text: &str) -> Result<Option<Session>, StoreError> {
        if !are_letters(text) {
            return Ok(None);
        }
        self.session_by_hash(hash_token(text)).await
    }

    pub(super) async fn session_by_hash(
        &self,
        hash: [u8; 32],
    ) -> Result<Option<Session>, StoreError> {
        let Some(account) = self.store.session(&hash, now()).await? else {
            return Ok(None);
        };
        let principal = self.principal(account, Credential::Session, Vec::new());
        let principal = Principal {
            evidence: Some(Evidence::Session(hash)),
            ..principal.await?
        };
        Ok(Some(Session { principal, hash }))
    }

    /// Begins a session for an account whose owner has just shown who they are. Every signing in makes another one, so
    /// that nobody is signed in with a session that somebody else chose.
    ///
    /// # Errors
    /// `NotFound` when there is no such account.
    pub async fn begin_session(&self, account: AccountId) -> Result<SecretToken, StoreError> {
        let text = random_letters();
        let expires_at = now().saturating_add(SESSION_LIFE);
        self.store
            .create_session(account, &hash_token(&text), expires_at)
            .await?;
        Ok(SecretToken(text))
    }

    /// Ends a session at once, wherever it is held.
    ///
    /// # Errors
    /// Ours only.
    pub async fn end_session(&self, session: &Session) -> Result<(), StoreError> {
        self.store.delete_session(&session.hash).await
    }

    /// The account of that name and password.
    ///
    /// # Errors
    /// `BadToken` when there is no such account, it has no password, or another one.
    pub async fn check_password(
        &self,
        name: &str,
        password: &str,
        client: IpAddr,
    ) -> Result<AccountId, AuthError> {
        let known = match name.parse::<Owner>() {
            Ok(name) => self.store.password(&name).await?,
            Err(_) => None,
        };
        let (account, hash) = known.map_or((None, None), |(account, hash)| (Some(account), hash));
        let matches = password::verify(password.to_owned(), hash, client).await;
        account
            .filter(|_| matches)
            .map(|account| account.id)
            .ok_or(AuthError::BadToken)
    }

    /// Sets the password of the session's account and ends all its other sessions.
    ///
    /// # Errors
    /// Ours only.
    pub async fn set_password(
        &self,
        session: &Session,
        account: AccountId,
        password: &str,
        client: IpAddr,
    ) -> Result<(), StoreError> {
        let hash = password::hash(password.to_owned(), client).await;
        self.store.set_password(account, &hash, &session.hash).await
    }

    /// Forgets who the session's account is at that provider, and ends all its other sessions.
    ///
    /// # Errors
    /// Ours only.
    pub async fn disconnect(
        &self,
        session: &Session,
        account: &Account,
        issuer: &str,
    ) -> Result<(), StoreError> {
        let kept = &session.hash;
        self.store.remove_identities(account, issuer, kept).await
    }
}

/// Whether somebody can sign in with that token: a session may do all that its account may, so must the token.
pub fn opens_session(token: &TokenRecord) -> bool {
    token.scope == Scope::Write && token.expires_at.is_none_or(|end| end > now())
}

// === impl Session ===

impl Session {
    /// What every form of this session carries, so that a page of another origin cannot send one. It tells nothing of
    /// the session itself.
    pub fn form_token(&self) -> String {
        hex::encode(&blake3::derive_key("glasshouse 2026 token of forms", &self.hash)[..16])
    }

    /// Whether a form carried it.
    pub fn is_form_token(&self, text: &str) -> bool {
        self.form_token().as_bytes().ct_eq(text.as_bytes()).into()
    }
}
