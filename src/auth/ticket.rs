//! Tickets: how a browser that is signed in at the hub is let into a private Space, which lives on another origin and
//! never sees the hub's cookie.
//!
//! A ticket names one Space and one session and is signed; it opens nothing else, and nothing any more once the session
//! has ended. In an address it lives for a minute ([`Purpose::Address`]), long enough to be exchanged for the one that
//! the Space's own origin keeps as a cookie ([`Purpose::Cookie`]).

use super::session::Session;
use super::{Auth, Principal, now};
use crate::domain::{Millis, SpaceId};
use crate::store::StoreError;

/// Where a ticket is carried. One for the one place is worth nothing in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// In a query, which histories and logs keep.
    Address,
    /// In a cookie of the Space's own origin.
    Cookie,
}

// === impl Purpose ===

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Cookie => "cookie",
        }
    }

    fn life(self) -> Millis {
        match self {
            Self::Address => 60 * 1000,
            Self::Cookie => 12 * 3600 * 1000,
        }
    }
}

// === impl Auth ===

impl Auth {
    /// A ticket to that Space. Who makes one has checked that the session may visit it.
    pub fn ticket(&self, purpose: Purpose, space: SpaceId, session: &Session) -> String {
        let until = now().saturating_add(purpose.life());
        let session = hex::encode(session.hash);
        let signature = self.sign(&claim(purpose, space, &session), until);
        format!("{session}.{until}.{signature}")
    }

    /// The session a ticket to that Space was made for; `None` when the ticket is no such thing, has expired, or its
    /// session has ended.
    ///
    /// # Errors
    /// Ours only.
    pub async fn redeem(
        &self,
        purpose: Purpose,
        space: SpaceId,
        ticket: &str,
    ) -> Result<Option<Session>, StoreError> {
        match self.read_ticket(purpose, space, ticket, now()) {
            Some(hash) => self.session_by_hash(hash).await,
            None => Ok(None),
        }
    }

    /// Who comes with a ticket to that Space: anybody, if it is not good.
    ///
    /// # Errors
    /// Ours only.
    pub async fn authenticate_ticket(
        &self,
        space: SpaceId,
        ticket: &str,
    ) -> Result<Principal, StoreError> {
        let session = self.redeem(Purpose::Cookie, space, ticket).await?;
        Ok(session.map_or_else(Principal::anonymous, |session| session.principal))
    }

    fn read_ticket(
        &self,
        purpose: Purpose,
        space: SpaceId,
        ticket: &str,
        now: Millis,
    ) -> Option<[u8; 32]> {
        let mut parts = ticket.splitn(3, '.');
        let (session, until, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let until: Millis = until.parse().ok()?;
        let claim = claim(purpose, space, session);
        let genuine = self.was_signed(&claim, until, signature, now);
        genuine.then(|| hex::decode(session).ok()?.try_into().ok())?
    }
}

/// What a ticket's signature says that its bearer may do.
fn claim(purpose: Purpose, space: SpaceId, session: &str) -> String {
    format!("visit {space} by {} as {session}", purpose.word())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use super::*;
    use crate::domain::Role;
    use crate::store::{Actor, Sealer, Store};

    #[tokio::test]
    async fn a_ticket_opens_one_space_for_one_session_in_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("data.db").display());
        let store = Store::connect(&url, Sealer::new(&[7; 32])).await.unwrap();
        let account = store
            .create_account(&"ada".parse().unwrap(), Role::User, Actor::Server)
            .await
            .unwrap();
        let auth = Auth::new(store);
        let text = auth.begin_session(account.id).await.unwrap();
        let session = auth.session(text.expose()).await.unwrap().unwrap();
        let (space, other) = (SpaceId::new(), SpaceId::new());
        let ticket = auth.ticket(Purpose::Cookie, space, &session);

        let visitor = auth.authenticate_ticket(space, &ticket).await.unwrap();
        assert_eq!(visitor.account, Some(account));
        let read = |purpose, space, text: &str, at| auth.read_ticket(purpose, space, text, at);
        assert!(read(Purpose::Cookie, other, &ticket, now()).is_none());
        assert!(read(Purpose::Address, space, &ticket, now()).is_none());
        assert!(read(Purpose::Cookie, space, &ticket, now() + 13 * 3600 * 1000).is_none());
        for at in 0..ticket.len() {
            let mut forged = ticket.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(read(Purpose::Cookie, space, &forged, now()).is_none());
        }

        auth.end_session(&session).await.unwrap();
        let nobody = auth.authenticate_ticket(space, &ticket).await.unwrap();
        assert_eq!(nobody, Principal::anonymous());
    }
}
