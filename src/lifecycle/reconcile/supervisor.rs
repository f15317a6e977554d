//! What one supervisor works with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::registry::{Registry, Supervised};
use crate::domain::SpaceId;
use crate::lifecycle::Parts;
use crate::lifecycle::artifacts::Artifacts;

/// The supervisor of a Space, for all that is done on its behalf.
#[derive(Clone)]
pub(in crate::lifecycle) struct Supervisor {
    pub(in crate::lifecycle) id: SpaceId,
    pub(in crate::lifecycle) parts: Arc<Parts>,
    pub(in crate::lifecycle) own: Supervised,
    pub(in crate::lifecycle) registry: Arc<Registry>,
    pub(in crate::lifecycle) artifacts: Arc<Artifacts>,
    pub(in crate::lifecycle) tasks: TaskTracker,
    pub(in crate::lifecycle) closing: CancellationToken,
}
