//! Tokens of Spaces: what a demo shows to the hub when it asks for a model from inside its own container.
//!
//! Such a token names its Space and how often that was restarted, and is signed: nobody has to keep it, a container that
//! outlives this process goes on having it, and a restart makes it worthless.

use super::token::SPACE_PREFIXES;
use super::{Auth, AuthError, Credential, Principal, SecretToken};
use crate::domain::{
    AccountId, Desired, Grant, GrantTarget, Millis, RepoUid, Scope, Space, SpaceId,
};
use crate::store::StoreError;

// === impl Auth ===

impl Auth {
    /// The token of a Space's instances. It reads what everybody may, the Space's own repository, and of `others` those
    /// that the Space's owner may read at that moment.
    pub fn space_token(&self, space: SpaceId, restarts: i64, others: &[RepoUid]) -> SecretToken {
        let others: Vec<_> = others.iter().map(RepoUid::to_string).collect();
        let claims = format!("{space}_{restarts}_{}", others.join("."));
        let signature = self.sign(&claim(&claims), Millis::MAX);
        SecretToken(format!("{}{claims}_{signature}", SPACE_PREFIXES[0]))
    }

    /// What an account may read, asked on its behalf; `None` if it is gone.
    ///
    /// # Errors
    /// Ours only.
    pub async fn reader(&self, account: AccountId) -> Result<Option<Principal>, StoreError> {
        match self.store.account_by_id(account).await? {
            Some(account) => Ok(Some(
                self.principal(account, Credential::Token(Scope::Read), Vec::new())
                    .await?,
            )),
            None => Ok(None),
        }
    }

    /// Who the bearer of such a token is: the Space's owner, as far as the token reaches.
    pub(super) async fn authenticate_space(&self, token: &str) -> Result<Principal, AuthError> {
        let (space, restarts, others) = self.read_space_token(token).ok_or(AuthError::BadToken)?;
        let space = self.store.space_by_id(space).await?;
        let is_current =
            |space: &Space| space.restarts == restarts && space.desired == Desired::Running;
        let space = space.filter(is_current).ok_or(AuthError::BadToken)?;
        let owner = self.store.account_by_id(space.owner).await?;
        let readable = [space.id.into()].into_iter().chain(others);
        let grants = readable.map(|id| Grant {
            on: GrantTarget::Repo(id),
            write: false,
        });
        let grants = grants.collect();
        let principal = self.principal(
            owner.ok_or(AuthError::BadToken)?,
            Credential::Space(space.id),
            grants,
        );
        Ok(principal.await?)
    }

    fn read_space_token(&self, token: &str) -> Option<(SpaceId, i64, Vec<RepoUid>)> {
        let rest = SPACE_PREFIXES
            .iter()
            .find_map(|prefix| token.strip_prefix(prefix))?;
        let (claims, signature) = rest.rsplit_once('_')?;
        if !self.is_signed(&claim(claims), Millis::MAX, signature) {
            return None;
        }
        let mut parts = claims.splitn(3, '_');
        let (space, restarts, others) = (parts.next()?, parts.next()?, parts.next()?);
        let others = others.split('.').filter(|id| !id.is_empty());
        let others = others.map(|id| id.parse().ok()).collect::<Option<_>>()?;
        Some((space.parse().ok()?, restarts.parse().ok()?, others))
    }
}

fn claim(claims: &str) -> String {
    format!("read as a Space: {claims}")
}
