//! Access and refresh tokens: each names what somebody has allowed, and is signed.

use crate::auth::token::ACCESS_PREFIX;
use crate::auth::{Auth, AuthError, Credential, Evidence, Principal, SecretToken};
use crate::domain::{
    Account, AccountId, Grant, GrantTarget, Millis, OAuthApp, OAuthGrantId, OAuthScope,
    OAuthScopes, Space, SpaceId, now,
};
use crate::store::{NewOAuthGrant, OAuthGrant, StoreError};

use super::codes::Authorization;

/// What refresh tokens begin with. They are good for nothing but another access token.
const REFRESH_PREFIX: &str = "hf_refresh_";

/// How long access tokens can be renewed before somebody has to sign in again: thirty days.
const RENEWED_FOR: Millis = 30 * 24 * 3600 * 1000;

/// What a client is given for a code or a refresh token.
#[derive(Debug)]
pub struct OAuthTokens {
    /// Whose.
    pub account: Account,
    /// Of what.
    pub scopes: OAuthScopes,
    /// Good for [`Self::seconds`].
    pub access: SecretToken,
    /// How long that is.
    pub seconds: u64,
    /// For the next one.
    pub refresh: Option<SecretToken>,
}

/// Why a refresh token is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefused {
    /// Unknown, too old, ended, or another client's.
    #[error("the refresh token is unknown, has expired or was revoked; sign in again")]
    Unknown,
    /// There is a newer one, so that somebody else has this one: nothing is allowed any more.
    #[error("the refresh token was used before; sign in again")]
    UsedBefore,
    /// The Space's card asks for something else, or the account is not among those who may sign in.
    #[error("this Space does not sign this account in with these scopes any more; sign in again")]
    NotAllowed,
}

// === impl Auth ===

impl Auth {
    /// What somebody has allowed begins; `None` if its code was shown a second time meanwhile, or the account or the Space
    /// is gone. `renews` is whether there is a refresh token.
    ///
    /// # Errors
    /// Ours only.
    pub async fn begin_oauth_grant(
        &self,
        id: OAuthGrantId,
        authorization: &Authorization,
        app: &OAuthApp,
        renews: bool,
    ) -> Result<Option<OAuthTokens>, StoreError> {
        let life = if renews { RENEWED_FOR } else { life(app) };
        let new = NewOAuthGrant {
            id,
            account: authorization.account,
            space: authorization.space,
            owner: authorization.owner,
            scopes: authorization.scopes,
            expires_at: now().saturating_add(life),
        };
        match self.store.create_oauth_grant(new).await {
            Err(StoreError::NotFound) => return Ok(None),
            other => other?,
        }
        if self.was_stolen(id) {
            self.store.delete_oauth_grant(id).await?;
            return Ok(None);
        }
        let grant = self.store.oauth_grant(id).await?;
        Ok(grant.map(|grant| self.oauth_tokens(grant, app, renews.then_some(0))))
    }

    /// New tokens for a refresh token, which is worth nothing from then on. One that is used again ends what it was made
    /// for (RFC 9700 §4.14.2).
    ///
    /// # Errors
    /// Inside when it is none; outside ours only.
    pub async fn refresh_oauth_grant(
        &self,
        token: &str,
        client: SpaceId,
        app: &OAuthApp,
    ) -> Result<Result<OAuthTokens, RefreshRefused>, StoreError> {
        let Some((id, number)) = self.read_refresh_token(token) else {
            return Ok(Err(RefreshRefused::Unknown));
        };
        let grant = self.store.oauth_grant(id).await?;
        let Some(grant) = grant.filter(|grant| grant.space == client) else {
            return Ok(Err(RefreshRefused::Unknown));
        };
        let named = grant
            .scopes
            .iter()
            .all(|scope| app.scopes.iter().any(|own| own == scope.as_str()));
        if !named || !self.may_sign_in(grant.account.id, app).await? {
            return Ok(Err(RefreshRefused::NotAllowed));
        }
        if !self.store.count_oauth_refresh(id, number).await? {
            self.store.delete_oauth_grant(id).await?;
            return Ok(Err(RefreshRefused::UsedBefore));
        }
        Ok(Ok(self.oauth_tokens(grant, app, Some(number + 1))))
    }

    /// Ends what a token was made for, if it is one of that client's (RFC 7009).
    ///
    /// # Errors
    /// Ours only.
    pub async fn revoke_oauth_token(&self, token: &str, client: SpaceId) -> Result<(), StoreError> {
        let access = self.read_access_token(token).map(|(id, _)| id);
        let refresh = || self.read_refresh_token(token).map(|(id, _)| id);
        let Some(id) = access.or_else(refresh) else {
            return Ok(());
        };
        let grant = self.store.oauth_grant(id).await?;
        match grant.filter(|grant| grant.space == client) {
            Some(_) => self.store.delete_oauth_grant(id).await,
            None => Ok(()),
        }
    }

    /// Whether the card lets the account sign in.
    ///
    /// # Errors
    /// Ours only.
    pub async fn may_sign_in(
        &self,
        account: AccountId,
        app: &OAuthApp,
    ) -> Result<bool, StoreError> {
        if app.organizations.is_empty() {
            return Ok(true);
        }
        let memberships = self.store.memberships(account).await?;
        Ok(memberships.iter().any(|one| {
            let name = one.name.as_str();
            let mut allowed = app.organizations.iter();
            allowed.any(|organization| organization.as_str().eq_ignore_ascii_case(name))
        }))
    }

    /// What somebody has allowed a Space already, with whoever owns it now.
    ///
    /// # Errors
    /// Ours only.
    pub async fn allowed_before(
        &self,
        account: AccountId,
        space: &Space,
    ) -> Result<OAuthScopes, StoreError> {
        let allowed = self.store.spaces_allowed_by(account).await?;
        let own = allowed.into_iter().find(|one| one.space == space.id);
        Ok(own.map(|one| one.scopes).unwrap_or_default())
    }

    /// Who the bearer of an access token acts for, as far as that was allowed.
    pub(in crate::auth) async fn authenticate_application(
        &self,
        token: &str,
    ) -> Result<Principal, AuthError> {
        let (id, until) = self.read_access_token(token).ok_or(AuthError::BadToken)?;
        self.application(id, until).await
    }

    /// The same, of one that was read before.
    pub(in crate::auth) async fn application(
        &self,
        id: OAuthGrantId,
        until: Millis,
    ) -> Result<Principal, AuthError> {
        if until <= now() {
            return Err(AuthError::BadToken);
        }
        let grant = self.store.oauth_grant(id).await?;
        let grant = grant.ok_or(AuthError::BadToken)?;
        let scopes = grant.scopes;
        let writes = scopes.has(OAuthScope::WriteRepos) || scopes.has(OAuthScope::ManageRepos);
        let own = Grant {
            on: GrantTarget::Owner(grant.account.id),
            write: writes,
        };
        let reads = writes || scopes.has(OAuthScope::ReadRepos);
        let grants = reads.then_some(own).into_iter().collect();
        let credential = Credential::Application(scopes);
        let mut principal = self.principal(grant.account, credential, grants).await?;
        if !scopes.has(OAuthScope::ReadMemberships) {
            principal.memberships.clear();
            principal.created.clear();
        }
        principal.evidence = Some(Evidence::Application(id, until));
        Ok(principal)
    }

    fn oauth_tokens(&self, grant: OAuthGrant, app: &OAuthApp, refresh: Option<i64>) -> OAuthTokens {
        let id = grant.id;
        let now = now();
        let until = now.saturating_add(life(app)).min(grant.expires_at);
        let space = grant.space;
        let signature = self.sign(&access_claim(space, id), until);
        let access = format!("{ACCESS_PREFIX}{space}_{id}_{until}_{signature}");
        let refresh = refresh.map(|number| {
            let signature = self.sign(&refresh_claim(id, number), Millis::MAX);
            SecretToken(format!("{REFRESH_PREFIX}{id}_{number}_{signature}"))
        });
        OAuthTokens {
            account: grant.account,
            scopes: grant.scopes,
            access: SecretToken(access),
            seconds: u64::try_from((until - now + 999) / 1000).unwrap_or_default(),
            refresh,
        }
    }

    fn read_access_token(&self, token: &str) -> Option<(OAuthGrantId, Millis)> {
        let (space, rest) = token.strip_prefix(ACCESS_PREFIX)?.split_once('_')?;
        let space = space.parse().ok()?;
        let (id, until, signature) = parts(rest)?;
        let signed = self.is_signed(&access_claim(space, id), until, signature);
        signed.then_some((id, until))
    }

    fn read_refresh_token(&self, token: &str) -> Option<(OAuthGrantId, i64)> {
        let (id, number, signature) = parts(token.strip_prefix(REFRESH_PREFIX)?)?;
        let signed = self.is_signed(&refresh_claim(id, number), Millis::MAX, signature);
        signed.then_some((id, number))
    }
}

/// Whether a token says of itself that it was given to that Space, which therefore may see it.
pub fn was_given_to(token: &str, space: SpaceId) -> bool {
    let rest = token.strip_prefix(ACCESS_PREFIX);
    rest.and_then(|rest| rest.split_once('_'))
        .is_some_and(|(named, _)| named == space.to_string())
}

fn life(app: &OAuthApp) -> Millis {
    Millis::from(app.minutes.min(OAuthApp::MOST_MINUTES)) * 60 * 1000
}

/// A grant, a number and a signature.
fn parts(rest: &str) -> Option<(OAuthGrantId, i64, &str)> {
    let mut parts = rest.splitn(3, '_');
    let (id, number, signature) = (parts.next()?, parts.next()?, parts.next()?);
    Some((id.parse().ok()?, number.parse().ok()?, signature))
}

fn access_claim(space: SpaceId, id: OAuthGrantId) -> String {
    format!("act as {space} is allowed by {id}")
}

fn refresh_claim(id: OAuthGrantId, number: i64) -> String {
    format!("renew what is allowed by {id}, for the time {number}")
}
