//! Keeps the gallery in step with the Spaces: reads on in the list of changes each time somebody looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::look::showing;
use super::{PageError, WebState};
use crate::domain::{Millis, Space, Visibility};

/// Where the reader of changes stands. Cheap to clone; all clones are the same reader.
#[derive(Debug, Clone, Default)]
pub(super) struct Showcase(
    /// Everything up to this moment has been read.
    Arc<Mutex<Millis>>,
);

/// Spaces read from the list of changes at once.
const PIECE: i64 = 200;

/// How long one visitor reads on for all; the next reads further. Only the first after a start has much to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Changes are stored in the order of their transactions, their moments taken just before: this much may be out of order.
const OVERLAP: Millis = 2000;

// === impl Showcase ===

impl Showcase {
    /// Reads the changes since the last time.
    pub(super) async fn read_on(&self, state: &WebState) -> Result<(), PageError> {
        let begun = Instant::now();
        let mut read = self.0.lock().await;
        let (mut at, mut id) = (read.saturating_sub(OVERLAP), None);
        loop {
            let changed = state.store.changed_spaces(at, id, PIECE).await?;
            for space in &changed {
                update(state, space).await?;
                (at, id) = (space.updated_at, Some(space.id));
            }
            *read = at.max(*read);
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
