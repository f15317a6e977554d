//! Who is asking, and what they may do.
//!
//! A request carries a token or nothing, a browser's a session in its place. Either is looked up by its hash; what it
//! may do is [`may`], a pure function of who asks, what for, and with what. A [`ticket`] carries a session to the
//! origin of one private Space. Who somebody is may also be found out at a [`Provider`], where their organisation signs
//! them in; and people sign in at Spaces with their accounts here ([`oauth`]).

mod accounts;
mod allowance;
mod credentials;
mod device;
mod oauth;
mod oidc_client;
mod password;
mod permission;
mod session;
mod signature;
mod space_token;
mod ticket;
mod token;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use http::HeaderMap;

use crate::domain::{Account, Grant, MemberRole, Membership, Millis, OAuthGrantId, RepoUid, now};
use crate::keys::SigningKey;
use crate::store::{Store, StoreError, TokenRecord};

pub use allowance::{AddressAllowance, Allowance};
pub use credentials::{HUB_AUTHORIZATION, cookies};
pub use device::{
    DEVICE_CODE_INTERVAL, DEVICE_CODE_LIFE, DeviceAnswer, DeviceCodes, DeviceRefused,
};
pub use oauth::{
    Authorization, AuthorizationRequest, CodeRefused, IdTokenSigner, OAuthError, OAuthTokens,
    RedirectUri, RefreshRefused, id_claims, was_given_to,
};
pub use oidc_client::{Attempt, Provider, ProviderError, ProviderSettings};
pub use password::PASSWORD_LENGTH;
pub use permission::{Action, Credential, Object, may};
pub use session::{SESSION_LIFE, Session, opens_session};
pub use ticket::Purpose;
pub use token::{SecretToken, WantedToken, hash_token, is_token_name, looks_like_ours, new_token};

/// Who is asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The account that the token is of; `None` for anybody.
    pub account: Option<Account>,
    /// By what it is known; `None` exactly when `account` is.
    pub credential: Option<Credential>,
    /// What a fine-grained token, or a Space's own, may do.
    pub grants: Vec<Grant>,
    /// The organisations that the account is in.
    pub memberships: Vec<Membership>,
    /// What the account made in those where that counts.
    pub created: HashSet<RepoUid>,
    /// What was shown; `None` for what nobody keeps.
    evidence: Option<Evidence>,
}

/// By what the store knows what somebody has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    Token([u8; 32]),
    Session([u8; 32]),
    /// What somebody has allowed a Space, and until when its token is good.
    Application(OAuthGrantId, Millis),
}

/// How exactly the last use of a token is known.
const USED_WITHIN: Millis = 5 * 60 * 1000;

/// Finds out who is asking. Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    store: Store,
    signer: signature::Signer,
    devices: device::Devices,
    codes: oauth::Codes,
    id_tokens: IdTokenSigner,
    provider: Option<Provider>,
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
        Self::default()
    }
}

// === impl Auth ===

impl Auth {
    /// Looks tokens up in that store.
    ///
    /// # Panics
    /// When the system has no random numbers.
    pub fn new(store: Store) -> Self {
        let key = SigningKey::fresh().expect("the system has random numbers");
        let id_tokens = IdTokenSigner::new(&key).expect("it was just made");
        Self {
            signer: signature::Signer::new(store.derive_key("signatures")),
            devices: device::Devices::default(),
            codes: oauth::Codes::default(),
            id_tokens,
            provider: None,
            store,
        }
    }

    /// The same, where people may sign in at that provider too.
    #[must_use]
    pub fn with_provider(self, provider: Option<Provider>) -> Self {
        Self { provider, ..self }
    }

    /// The same, where ID tokens are signed with a key that outlives the process.
    #[must_use]
    pub fn with_id_tokens(self, id_tokens: IdTokenSigner) -> Self {
        Self { id_tokens, ..self }
    }

    /// Where people may sign in beside here.
    pub fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
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
        if token::SPACE_PREFIXES
            .iter()
            .any(|prefix| token.starts_with(prefix))
        {
            return self.authenticate_space(token).await;
        }
        if token.starts_with(token::ACCESS_PREFIX) {
            return self.authenticate_application(token).await;
        }
        self.authenticate_hash(hash_token(token)).await
    }

    /// The same principal as it is now: what somebody may do can have changed since they were asked, and what they showed
    /// may open nothing any more.
    ///
    /// # Errors
    /// `BadToken` when the token was deleted or has expired, or the session has ended.
    pub async fn renewed(&self, principal: &Principal) -> Result<Principal, AuthError> {
        match principal.evidence {
            Some(Evidence::Token(hash)) => self.authenticate_hash(hash).await,
            Some(Evidence::Session(hash)) => {
                let session = self.session_by_hash(hash).await?;
                Ok(session.ok_or(AuthError::BadToken)?.principal)
            }
            Some(Evidence::Application(grant, until)) => self.application(grant, until).await,
            None => Ok(principal.clone()),
        }
    }

    async fn authenticate_hash(&self, hash: [u8; 32]) -> Result<Principal, AuthError> {
        let now = now();
        let record = self
            .store
            .token_by_hash(&hash, now)
            .await?
            .ok_or(AuthError::BadToken)?;
        if record.last_used_at.is_none_or(|at| now - at > USED_WITHIN) {
            // Nobody waits for it, and nobody is kept out when it fails.
            let store = self.store.clone();
            tokio::spawn(async move {
                if let Err(error) = store.touch_token(&hash, now).await {
                    tracing::warn!("the time of a token's use could not be stored: {error}");
                }
            });
        }
        let credential = Credential::Token(record.scope);
        let principal = self.principal(record.account, credential, record.grants);
        Ok(Principal {
            evidence: Some(Evidence::Token(hash)),
            ..principal.await?
        })
    }

    /// What is known of the token of a request to the house; `None` for one without, and for what nobody keeps: the
    /// token of a Space.
    ///
    /// # Errors
    /// `BadToken` when something else stands in its place.
    pub async fn token_of(&self, headers: &HeaderMap) -> Result<Option<TokenRecord>, AuthError> {
        match credentials::token(headers)? {
            Some(token) => Ok(self.store.token_by_hash(&hash_token(&token), now()).await?),
            None => Ok(None),
        }
    }

    /// An account with all that it is part of, as far as `credential` and `grants` let it act.
    async fn principal(
        &self,
        account: Account,
        credential: Credential,
        grants: Vec<Grant>,
    ) -> Result<Principal, StoreError> {
        let memberships = self.store.memberships(account.id).await?;
        let contributes = memberships
            .iter()
            .any(|one| one.role == MemberRole::Contributor);
        let created = if contributes {
            self.store.created_by(account.id).await?
        } else {
            Vec::new()
        };
        Ok(Principal {
            account: Some(account),
            credential: Some(credential),
            grants,
            memberships,
            created: created.into_iter().collect(),
            evidence: None,
        })
    }
}
