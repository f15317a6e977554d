//! Who is asking, and what they may do.
//!
//! A request carries a token or nothing, a browser's a session in its place. Either is looked up by its hash; what it
//! may do is [`may`], a pure function of who asks, what for, and whose Space it is. A [`ticket`] carries a session to the
//! origin of one private Space.

mod credentials;
mod password;
mod permission;
mod session;
mod ticket;
mod token;

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;

use crate::domain::{Account, Millis, Scope};
use crate::store::{Store, StoreError};

pub use password::PASSWORD_LENGTH;
pub use permission::{Action, may};
pub use session::{SESSION_LIFE, Session};
pub use ticket::Purpose;
pub use token::{SecretToken, hash_token, looks_like_ours, new_token};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account that the token is of; `None` for anybody.
    pub account: Option<Account>,
    /// What the token may do; `None` exactly when `account` is.
    pub scope: Option<Scope>,
}

/// Finds out who is asking. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    ticket_key: [u8; 32],
}

/// Why nobody knows who is asking.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is a token, or something in its place, and it opens nothing: unknown, expired, or not a token at all. The
    /// text is the one that the Hub's clients tell apart from a missing repository.
    #[error("Invalid credentials in Authorization header")]
    BadToken,
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

// === impl Principal ===

impl Principal {
    /// Anybody.
    pub fn anonymous() -> Self {
        Self {
            account: None,
            scope: None,
        }
    }
}

// === impl Auth ===

impl Auth {
    /// Looks tokens up in that store.
    pub fn new(store: Store) -> Self {
        let ticket_key = store.derive_key("tickets to private Spaces");
        Self { store, ticket_key }
    }

    /// Who a request to the house itself comes from. A token stands in `x-hf-authorization` (as `gradio_client` sends
    /// it) or else in `Authorization`, as `Bearer TOKEN` or as the password of `Basic` (as git sends it). Neither
    /// header is anybody.
    ///
    /// # Errors
    /// `BadToken` when such a header holds anything but a token that is valid now.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, AuthError> {
        match credentials::token(headers)? {
            Some(token) => self.authenticate_token(&token).await,
            None => Ok(Principal::anonymous()),
        }
    }

    /// Who a request to a Space comes from. As [`Auth::authenticate`], but an `Authorization` that holds none of our
    /// tokens is the Space's own affair, and its bearer anybody to us.
    ///
    /// # Errors
    /// `BadToken` when a token of ours is not valid now, or `x-hf-authorization` holds anything else.
    pub async fn authenticate_visitor(&self, headers: &HeaderMap) -> Result<Principal, AuthError> {
        match credentials::visitor_token(headers)? {
            Some(token) => self.authenticate_token(&token).await,
            None => Ok(Principal::anonymous()),
        }
    }

    /// Who a bare token is of.
    ///
    /// # Errors
    /// `BadToken` when it is not valid now.
    pub async fn authenticate_token(&self, token: &str) -> Result<Principal, AuthError> {
        if !looks_like_ours(token) {
            return Err(AuthError::BadToken);
        }
        let record = self
            .store
            .token_by_hash(&hash_token(token), now())
            .await?
            .ok_or(AuthError::BadToken)?;
        Ok(Principal {
            account: Some(record.account),
            scope: Some(record.scope),
        })
    }
}

fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
