//! Keeps the gallery in step with the Spaces: reads on in the list of changes each time somebody looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::summary::showing;
use super::{PageError, WebState};
use crate::domain::{Millis, Space, Visibility};

/// Where the reader of changes stands. Cheap to clone; all clones are the same reader.
#[derive(Debug, Clone, Default)]
pub(super) struct Showcase(Arc<Mutex<Reader>>);

#[derive(Debug, Default)]
struct Reader {
    /// Everything up to this moment has been read.
    read: Millis,
    /// The database took no changes; before then nobody tries again.
    not_before: Option<Instant>,
    /// The tags that most Spaces have, since when. To count them all of them are read.
    tags: Option<(Instant, Vec<(String, i64)>)>,
}

/// Spaces read from the list of changes at once.
const PIECE: i64 = 200;

/// How long one visitor reads on for all; the next reads further. Only the first after a start has much to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the gallery is shown as it is after the database took no change.
const PAUSE: Duration = Duration::from_secs(10);

/// How many tags are offered, and how long they are kept.
const TAGS: i64 = 14;
const TAGS_KEPT: Duration = Duration::from_secs(60);

/// Changes are stored in the order of their transactions, their moments taken just before: this much may be out of order.
const OVERLAP: Millis = 2000;

// === impl Showcase ===

impl Showcase {
    /// The tags that most Spaces of the gallery have, and how many: those of deleted Spaces for a minute longer.
    pub(super) async fn tags(&self, state: &WebState) -> Result<Vec<(String, i64)>, PageError> {
        let mut reader = self.0.lock().await;
        if let Some((since, tags)) = &reader.tags
            && since.elapsed() < TAGS_KEPT
        {
            return Ok(tags.clone());
        }
        let tags = state.store.popular_tags(TAGS).await?;
        reader.tags = Some((Instant::now(), tags.clone()));
        Ok(tags)
    }

    /// Reads the changes since the last time. While the database takes none, the gallery is shown as it was.
    pub(super) async fn read_on(&self, state: &WebState) -> Result<(), PageError> {
        let begun = Instant::now();
        let mut reader = self.0.lock().await;
        if reader.not_before.is_some_and(|moment| begun < moment) {
            return Ok(());
        }
        let (mut at, mut id) = (reader.read.saturating_sub(OVERLAP), None);
        loop {
            let changed = state.store.changed_spaces(at, id, PIECE).await?;
            for space in &changed {
                match update(state, space).await {
                    Err(PageError::Unable(..)) => {
                        reader.not_before = Some(Instant::now() + PAUSE);
                        return Ok(());
                    }
                    updated => {
                        if updated? {
                            reader.tags = None;
                        }
                    }
                }
                (at, id) = (space.updated_at, Some(space.id));
            }
            reader.read = at.max(reader.read);
            let more = changed.len() as i64 == PIECE;
            if !more || begun.elapsed() > PATIENCE {
                return Ok(());
            }
        }
    }
}

/// Whether what the gallery shows of the Space has changed.
async fn update(state: &WebState, space: &Space) -> Result<bool, PageError> {
    if space.visibility == Visibility::Private || space.head.is_none() {
        Ok(state.store.show(space, None).await?)
    } else if !state.store.is_shown(space).await? {
        let showing = showing(state, space).await?;
        Ok(state.store.show(space, Some(&showing)).await?)
    } else {
        Ok(false)
    }
}
