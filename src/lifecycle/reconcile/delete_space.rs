//! Removes what a Space leaves whose owner has removed it. Nobody reaches it any more, and nothing of it runs.

use anyhow::Context;

use super::stored::Stored;
use super::supervisor::Supervisor;

/// Removes all of it. The row goes last: while it is there, a restart comes back to this.
pub(super) async fn delete(supervisor: &Supervisor, stored: &Stored) -> anyhow::Result<()> {
    let parts = &supervisor.parts;
    let space = &stored.space;
    parts.runtimes.forget(space.id.into()).await?;
    parts.ledger.forget(space.id);
    parts.journal.remove(space.id);
    supervisor.artifacts.sweep().await;
    parts
        .finish_removal(space.id.into())
        .await
        .context("its repository could not be removed")?;
    // What was laid out for it may have been the last of what somebody else removed.
    parts.sweep_checkouts().await;
    Ok(())
}
