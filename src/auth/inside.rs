//! Tokens of Spaces: what a demo shows to the hub when it asks for a model from inside its own container.
//!
//! Such a token names its Space and how often that was restarted, and is signed: nobody has to keep it, a container that
//! outlives this process goes on having it, and a restart makes it worthless.

use super::token::SPACE_PREFIX;
use super::{Auth, AuthError, Principal, SecretToken};
use crate::domain::{Desired, Grant, GrantTarget, Millis, Scope, Space, SpaceId};

// === impl Auth ===

impl Auth {
    /// The token of a Space's instances. It reads what everybody may, and the Space's own repository.
    pub fn space_token(&self, space: SpaceId, restarts: i64) -> SecretToken {
        let signature = self.sign(&claim(space, restarts), Millis::MAX);
        SecretToken(format!("{SPACE_PREFIX}{space}_{restarts}_{signature}"))
    }

    /// Who the bearer of such a token is: the Space's owner, as far as the token reaches.
    pub(super) async fn authenticate_space(&self, token: &str) -> Result<Principal, AuthError> {
        let (space, restarts) = self.read_space_token(token).ok_or(AuthError::BadToken)?;
        let space = self.store.space_by_id(space).await?;
        let is_current =
            |space: &Space| space.restarts == restarts && space.desired == Desired::Running;
        let space = space.filter(is_current).ok_or(AuthError::BadToken)?;
        let owner = self.store.account_by_id(space.owner).await?;
        let grants = vec![Grant {
            on: GrantTarget::Repo(space.id.into()),
            write: false,
        }];
        let principal = self.principal(
            owner.ok_or(AuthError::BadToken)?,
            Scope::FineGrained,
            grants,
        );
        Ok(principal.await?)
    }

    fn read_space_token(&self, token: &str) -> Option<(SpaceId, i64)> {
        let mut parts = token.strip_prefix(SPACE_PREFIX)?.splitn(3, '_');
        let (space, restarts, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let (space, restarts) = (space.parse().ok()?, restarts.parse().ok()?);
        let genuine = self.is_signed(&claim(space, restarts), Millis::MAX, signature);
        genuine.then_some((space, restarts))
    }
}

fn claim(space: SpaceId, restarts: i64) -> String {
    format!("read as {space} after {restarts} restarts")
}
