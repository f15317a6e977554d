//! Spaces as clients.

use crate::auth::{Auth, SecretToken};
use crate::domain::{Desired, Millis, Space, SpaceId};
use crate::store::StoreError;

// === impl Auth ===

impl Auth {
    /// The secret by which the server knows a Space (RFC 6749 §2.3.1). With another owner it has another one.
    pub fn oauth_secret(&self, space: &Space) -> SecretToken {
        SecretToken(self.sign(&claim(space), Millis::MAX))
    }

    /// Whether that is its secret.
    pub fn is_oauth_secret(&self, space: &Space, secret: &str) -> bool {
        self.is_signed(&claim(space), Millis::MAX, secret)
    }

    /// The Space that is called that as a client: one that is there, and that no operator has stopped.
    ///
    /// # Errors
    /// Ours only.
    pub async fn oauth_client(&self, id: &str) -> Result<Option<Space>, StoreError> {
        // An identifier can be written in several ways, a client is known by one.
        let known = id.parse::<SpaceId>().ok();
        let Some(known) = known.filter(|known| known.to_string() == id) else {
            return Ok(None);
        };
        let space = self.store.space_by_id(known).await?;
        Ok(space.filter(|space| space.desired != Desired::Deleted && space.disabled.is_none()))
    }
}

fn claim(space: &Space) -> String {
    format!("be the client {} of {}", space.id, space.owner)
}
