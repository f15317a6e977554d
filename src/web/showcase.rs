//! Keeps the gallery in step with the Spaces: reads on in the list of changes each time somebody looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::look::showing;
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
}

/// Spaces read from the list of changes at once.
const PIECE: i64 = 200;

/// How long one visitor reads on for all; the next reads further. Only the first after a start has much to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the gallery is shown as it is after the database took no change.
const PAUSE: Duration = Duration::from_secs(10);

/// Changes are stored in the order of their transactions, their moments taken just before: this much may be out of order.
const OVERLAP: Millis = 2000;

// === impl Showcase ===

impl Showcase {
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
                    updated => updated?,
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

async fn update(state: &WebState, space: &Space) -> Result<(), PageError> {
    if space.visibility == Visibility::Private || space.head.is_none() {
        state.store.show(space, None).await?;
    } else if !state.store.is_shown(space).await? {
        let showing = showing(state, space).await?;
        state.store.show(space, Some(&showing)).await?;
    }
    Ok(())
}
