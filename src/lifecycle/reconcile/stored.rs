//! What the store knows of a Space, as the control plane looks at it.

use crate::domain::{BuildFacts, Space, SpaceId};
use crate::lifecycle::Parts;
use crate::store::StoreError;

/// What is stored of a Space.
pub(in crate::lifecycle) struct Stored {
    pub(in crate::lifecycle) space: Space,
    pub(in crate::lifecycle) newest: Option<BuildFacts>,
    pub(in crate::lifecycle) good: Option<BuildFacts>,
}

/// Reads a Space; `None` when there is none.
pub(in crate::lifecycle) async fn load(
    parts: &Parts,
    id: SpaceId,
) -> Result<Option<Stored>, StoreError> {
    let Some(space) = parts.store.space_by_id(id).await? else {
        return Ok(None);
    };
    let newest = parts.store.newest_build(id).await?;
    let good = match &newest {
        Some(build) if build.artifact.is_some() => newest.clone(),
        Some(_) => parts.store.newest_good_build(id).await?,
        None => None,
    };
    Ok(Some(Stored {
        space,
        newest,
        good,
    }))
}
