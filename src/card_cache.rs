//! What Spaces show of themselves: the front matter of each README, read once per commit.
//!
//! Unlike the builder, which refuses a card that asks for what cannot be, this takes from it whatever is readable: a
//! Space that does not build still has a title.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::domain::{Card, FrontMatter, OAuthApp, RepoUid, Revision, Space};
use crate::repo::{RepoError, Repos};

/// A README longer than this is not shown.
const MAX_README_BYTES: u64 = 1 << 20;

/// A front matter longer than this shows nothing: it is kept in memory, and strangers write it.
const MAX_FRONT_MATTER_BYTES: usize = 16 << 10;

/// How many Spaces are remembered before all are forgotten.
const MAX_REMEMBERED: usize = 1024;

/// The cards of all Spaces. Cheap to clone; all clones remember together.
#[derive(Clone)]
pub struct CardCache {
    repos: Repos,
    remembered: Arc<Mutex<Remembered>>,
}

/// The face of each repository, and of which commit it is.
type Remembered = HashMap<RepoUid, (Revision, Arc<CardMetadata>)>;

/// What one Space shows.
#[derive(Debug, Default, PartialEq)]
pub struct CardMetadata {
    /// The whole front matter; empty when there is none or it cannot be read.
    pub data: Map<String, Value>,
}

// === impl CardCache ===

impl CardCache {
    /// Reads from these repositories.
    pub fn new(repos: Repos) -> Self {
        Self {
            repos,
            remembered: Arc::default(),
        }
    }

    /// What the published commit of a Space shows.
    ///
    /// # Errors
    /// When the repository cannot be read; a missing or broken README is an empty face.
    pub async fn metadata(&self, space: &Space) -> Result<Arc<CardMetadata>, RepoError> {
        self.metadata_at(space.id.into(), space.head.as_ref()).await
    }

    /// What a commit of any repository shows; nothing before the first one.
    ///
    /// # Errors
    /// As [`CardCache::metadata`].
    pub async fn metadata_at(
        &self,
        id: RepoUid,
        head: Option<&Revision>,
    ) -> Result<Arc<CardMetadata>, RepoError> {
        let Some(head) = head else {
            return Ok(Arc::default());
        };
        if let Some((_, metadata)) = self.lock().get(&id).filter(|(known, _)| known == head) {
            return Ok(Arc::clone(metadata));
        }
        let readme = self.readme(id, head).await?;
        let metadata = Arc::new(
            readme.map_or_else(CardMetadata::default, |readme| CardMetadata::read(&readme)),
        );
        let mut remembered = self.lock();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(id, (head.clone(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// The README at a commit; `None` when there is none, or none that can be shown.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub async fn readme(
        &self,
        id: impl Into<RepoUid>,
        revision: &Revision,
    ) -> Result<Option<String>, RepoError> {
        let revision = revision.clone();
        let read =
            move |repo: &crate::repo::Repo| repo.read(&revision, "README.md", MAX_README_BYTES);
        match self.repos.read(id, read).await {
            Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
            Err(
                RepoError::NoRepository
                | RepoError::RevisionNotFound(_)
                | RepoError::EntryNotFound(_)
                | RepoError::Refused(_)
                | RepoError::TooLarge(_),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the published commit of a Space signs people in; `None` where it does not, or says so in a way that cannot be
    /// read.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub async fn oauth_app(&self, space: &Space) -> Result<Option<OAuthApp>, RepoError> {
        let Some(head) = &space.head else {
            return Ok(None);
        };
        let readme = self.readme(space.id, head).await?;
        Ok(readme.and_then(|readme| Card::oauth_app(&readme)))
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Remembered> {
        self.remembered.lock()
    }
}

// === impl CardMetadata ===

impl CardMetadata {
    fn read(readme: &str) -> Self {
        let head = FrontMatter::of(readme);
        let short = head.filter(|head| head.yaml.len() <= MAX_FRONT_MATTER_BYTES);
        let data = short.and_then(|head| head.read().ok());
        Self {
            data: data.unwrap_or_default(),
        }
    }

    /// A field that is text, cut to 300 characters.
    pub fn text(&self, key: &str) -> Option<String> {
        let text = self.data.get(key)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.chars().take(300).collect())
    }

    /// A field that is a list of texts, or several texts with commas between them.
    pub fn words(&self, key: &str) -> Vec<&str> {
        match self.data.get(key) {
            Some(Value::String(text)) => {
                let words = text.split(',').map(str::trim);
                words.filter(|word| !word.is_empty()).collect()
            }
            _ => self.list(key),
        }
    }

    /// A field that is a list of texts.
    pub fn list(&self, key: &str) -> Vec<&str> {
        let list = self.data.get(key).and_then(Value::as_array);
        list.map_or_else(Vec::new, |list| {
            list.iter().filter_map(Value::as_str).collect()
        })
    }

    /// The shown name: the card's title, or else the Space's own name.
    pub fn title(&self, space: &Space) -> String {
        self.text("title")
            .unwrap_or_else(|| space.name.name.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_would_not_build_still_shows() {
        let metadata =
            CardMetadata::read("---\ntitle: Sketch\nsdk: gradio\ntags: [a, 7, b]\n---\n# text\n");
        assert_eq!(metadata.text("title").as_deref(), Some("Sketch"));
        assert_eq!(metadata.words("tags"), ["a", "b"]);
        let metadata = CardMetadata::read(" \n---\ntags: a b, c,\n---");
        assert_eq!(metadata.words("tags"), ["a b", "c"]);
    }

    #[test]
    fn broken_and_huge_cards_show_nothing() {
        assert_eq!(
            CardMetadata::read("---\ntitle: [\n---\n"),
            CardMetadata::default()
        );
        assert_eq!(CardMetadata::read("no card"), CardMetadata::default());
        let huge = format!("---\ntitle: {}\n---\n", "x".repeat(MAX_FRONT_MATTER_BYTES));
        assert_eq!(CardMetadata::read(&huge), CardMetadata::default());
    }
}
