//! Which private models and datasets a Space does not get although its card names them.
//!
//! What a card names is mounted as the Space's owner may read it. A token for one Space alone may change that Space's
//! card; if that were all, it would read everything that its owner may. So each landing looks at what is new in the card:
//! what whoever moved `main` could not read themselves is written down, and stays denied for as long as it stands there.
//! Somebody who may read it allows it by taking it out and naming it again: another change of the card says nothing of it.

use super::commits::Landing;
use crate::auth::Principal;
use crate::domain::{Card, NamedRepository, Revision, Space, SpaceId};
use crate::lifecycle::{Parts, README_BYTES};
use crate::repo::RepoError;
use crate::store::StoreError;

// === impl Parts ===

impl Parts {
    /// Writes down what is denied once `main` has moved from what the Space's row has to `head`. To be called before that
    /// is recorded, so that it is done anew if it is not.
    pub(in crate::lifecycle) async fn deny_unseen(
        &self,
        space: &Space,
        head: &Revision,
        landing: &Landing,
    ) -> Result<(), StoreError> {
        let new = self.named_at(space.id, Some(head)).await;
        let old_denied = self.store.denied_repositories(space.id).await?;
        if new.is_empty() && old_denied.is_empty() {
            return Ok(());
        }
        let old = self.named_at(space.id, space.head.as_ref()).await;
        let of_source = match landing.copy_of {
            Some(source) => self.store.denied_repositories(source).await?,
            None => Vec::new(),
        };
        // Of several landings at once nobody knows who brought what.
        let alone = *head == landing.head && space.head == landing.before;
        let by = landing.by.as_ref().filter(|_| alone);
        let mut denied = Vec::new();
        for named in &new {
            let was_there = named.is_among(&old);
            let was_denied = named.is_among(&old_denied);
            let may_read = match by {
                Some(by) if !named.is_among(&of_source) => self.reads_private(by, named).await?,
                _ => false,
            };
            let is_denied = match was_there {
                true => was_denied,
                false => !may_read,
            };
            if is_denied {
                denied.push(NamedRepository {
                    revision: None,
                    ..named.clone()
                });
            }
        }
        // What runs until this is built, or is gone back to, may name what this does not.
        let mut of_builds = old;
        of_builds.extend(self.store.repositories_of_builds(space.id).await?);
        let stays = |one: &&NamedRepository| one.is_among(&of_builds) && !one.is_among(&new);
        denied.extend(old_denied.iter().filter(stays).cloned());
        if denied == old_denied {
            return Ok(());
        }
        self.store.set_denied_repositories(space.id, &denied).await
    }

    /// Whether somebody may read a repository, were it private. What is not there yet may be made later.
    async fn reads_private(
        &self,
        by: &Principal,
        named: &NamedRepository,
    ) -> Result<bool, StoreError> {
        let found = self
            .store
            .repository_by_name(named.kind, &named.name)
            .await?;
        Ok(match found {
            Some(found) => by.sees_private(&found),
            // Where somebody may make it they see what is made. Of others they see nothing private, and neither must a copy
            // of the Space in whose name it is read.
            None => by.may_create(&named.name.owner),
        })
    }

    /// What cannot be read names nothing: no build reads it either.
    async fn named_at(&self, space: SpaceId, revision: Option<&Revision>) -> Vec<NamedRepository> {
        let Some(revision) = revision.cloned() else {
            return Vec::new();
        };
        let read =
            move |repo: &crate::repo::Repo| match repo.read(&revision, "README.md", README_BYTES) {
                Err(RepoError::EntryNotFound(_)) => Ok(Vec::new()),
                read => read,
            };
        let readme = self.repos.read(space, read).await.unwrap_or_default();
        let card = Card::parse(&String::from_utf8_lossy(&readme)).ok();
        card.map(|card| card.repositories).unwrap_or_default()
    }
}
