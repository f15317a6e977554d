//! What a Space is to run, and how: each change is one transaction that raises its generation, and finds nothing once the
//! Space is being removed.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Transaction};

use super::changes::touch;
use super::events::{Actor, record};
use super::spaces::{fetch, millis};
use super::{Store, StoreError, now};
use crate::domain::{BuildId, BuildState, Millis, Revision, SleepAfter, Space, SpaceId};

/// An update of one Space, whose identifier is `$1`.
macro_rules! update_space {
    ($set:literal) => {
        concat!(
            "UPDATE spaces SET generation = generation + 1, ",
            $set,
            " WHERE id = $1"
        )
    };
}

// === impl Store ===

impl Store {
    /// Makes `revision` what the Space is to run: its head moves, builds that wait or run are superseded, and a new one
    /// is queued, all or nothing. `sdk` is the word of a readable card; `None` leaves the word there was. With
    /// `cached`, the build may use artifacts made earlier.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn publish(
        &self,
        space: SpaceId,
        revision: &Revision,
        sdk: Option<&str>,
        cached: bool,
    ) -> Result<BuildId, StoreError> {
        let now = now();
        let build = BuildId::new();
        let mut write = self.write().await?;
        // The row lock that this takes on PostgreSQL puts publishes of one Space in a row.
        touch(&mut write, space.into(), now).await?;
        sqlx::query("UPDATE repositories SET head = $2 WHERE id = $1")
            .bind(space.to_string())
            .bind(revision.as_str())
            .execute(&mut *write)
            .await?;
        let generation: Option<i64> = sqlx::query_scalar(concat!(
            update_space!("sdk = COALESCE($2, sdk)"),
            " RETURNING generation"
        ))
        .bind(space.to_string())
        .bind(sdk)
        .fetch_optional(&mut *write)
        .await?;
        let generation = generation.ok_or(StoreError::NotFound)?;
        sqlx::query(
            "UPDATE builds SET state = 'superseded', finished_at = $2 \
             WHERE space_id = $1 AND state IN ('queued', 'running')",
        )
        .bind(space.to_string())
        .bind(now)
        .execute(&mut *write)
        .await?;
        sqlx::query(
            "INSERT INTO builds (id, space_id, generation, revision, state, cached, tries, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        )
        .bind(build.to_string())
        .bind(space.to_string())
        .bind(generation)
        .bind(revision.as_str())
        .bind(BuildState::Queued.as_str())
        .bind(super::builds::cached_word(cached))
        .bind(now)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(build)
    }

    /// Has the Space stay down until it is restarted.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn pause_space(&self, space: SpaceId, actor: Actor) -> Result<Space, StoreError> {
        let update = start(space, update_space!("desired = 'paused'"));
        let mut write = self.write_less().await?;
        let changed = change(&mut write, space, update).await?;
        let name = changed.name.to_string();
        record(&mut write, actor, "space.pause", Some(space), &name).await?;
        write.commit().await?;
        Ok(changed)
    }

    /// Has the Space run, with its instances replaced.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn restart_space(&self, space: SpaceId) -> Result<Space, StoreError> {
        let update = start(
            space,
            update_space!("desired = 'running', restarts = restarts + 1"),
        );
        self.change(space, update).await
    }

    /// Sets the hardware, `None` for the SDK's default, and has the Space's instances replaced.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_hardware(
        &self,
        space: SpaceId,
        hardware: Option<&str>,
    ) -> Result<Space, StoreError> {
        let update = start(
            space,
            update_space!("hardware = $2, restarts = restarts + 1"),
        )
        .bind(hardware.map(str::to_owned));
        self.change(space, update).await
    }

    /// Sets the idle time until the Space sleeps, kept in whole milliseconds.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_sleep_after(
        &self,
        space: SpaceId,
        sleep_after: SleepAfter,
    ) -> Result<Space, StoreError> {
        let update =
            start(space, update_space!("sleep_after_ms = $2")).bind(sleep_after.map(millis));
        self.change(space, update).await
    }

    /// Runs an update from [`start`] and returns the Space as it is then.
    async fn change(
        &self,
        space: SpaceId,
        update: Query<'static, Any, AnyArguments>,
    ) -> Result<Space, StoreError> {
        let mut write = self.write().await?;
        let changed = change(&mut write, space, update).await?;
        write.commit().await?;
        Ok(changed)
    }
}

async fn change(
    write: &mut Transaction<'static, Any>,
    space: SpaceId,
    update: Query<'static, Any, AnyArguments>,
) -> Result<Space, StoreError> {
    touch(write, space.into(), now()).await?;
    update.execute(&mut **write).await?;
    fetch(&mut **write, space)
        .await?
        .ok_or(StoreError::NotFound)
}

/// Part of a larger change, and first in it as [`touch`] is: raises `restarts`, so that instances started before it are
/// replaced.
pub(super) async fn replace_instances(
    write: &mut Transaction<'static, Any>,
    space: SpaceId,
    now: Millis,
) -> Result<(), StoreError> {
    touch(write, space.into(), now).await?;
    let updated = sqlx::query(update_space!("restarts = restarts + 1"))
        .bind(space.to_string())
        .execute(&mut **write)
        .await?;
    if updated.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// An [`update_space`] with its first argument.
fn start(space: SpaceId, update: &'static str) -> Query<'static, Any, AnyArguments> {
    sqlx::query(update).bind(space.to_string())
}
