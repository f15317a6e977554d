//! Changing a Space: each change is one transaction that raises its generation, and finds nothing once the Space is
//! being removed.

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Transaction};

use super::events::{Actor, record};
use super::repositories::{forget, name_key, remember_name};
use super::spaces::{fetch, millis};
use super::{Store, StoreError, is_unique_violation, now};
use crate::domain::{
    AccountId, BuildId, BuildState, Desired, Millis, RepoKind, RepoName, Revision, SleepAfter,
    Space, SpaceId, Visibility,
};

/// An update of one Space: `$1` is its identifier, `$2` the present.
macro_rules! update_space {
    ($set:literal) => {
        concat!(
            "UPDATE spaces SET generation = generation + 1, updated_at = $2, ",
            $set,
            " WHERE id = $1 AND desired <> 'deleted'"
        )
    };
}

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
        let generation: Option<i64> = sqlx::query_scalar(concat!(
            update_space!("head = $3, sdk = COALESCE($4, sdk)"),
            " RETURNING generation"
        ))
        .bind(space.to_string())
        .bind(now)
        .bind(revision.as_str())
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

    /// Remembers the first commit of a Space, which nobody has published, and what it was made as, if that is to be known.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space, it is being removed, or it has been published meanwhile.
    pub async fn set_head(
        &self,
        space: SpaceId,
        head: &Revision,
        sdk: Option<&str>,
    ) -> Result<Space, StoreError> {
        let update = concat!(
            update_space!("head = $3, sdk = COALESCE(sdk, $4)"),
            " AND head IS NULL"
        );
        let update = start(space, update)
            .bind(head.as_str().to_owned())
            .bind(sdk.map(str::to_owned));
        self.change(space, update).await
    }

    /// Sets what the owner wants. `Deleted` is for good, and frees the Space's name and address at once.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_desired(
        &self,
        space: SpaceId,
        desired: Desired,
        actor: Actor,
    ) -> Result<Space, StoreError> {
        let update = start(space, update_space!("desired = $3")).bind(desired.as_str());
        let (mut write, action) = match desired {
            Desired::Running => (self.write().await?, "space.run"),
            Desired::Paused => (self.write_less().await?, "space.pause"),
            Desired::Deleted => (self.write_less().await?, "space.delete"),
        };
        let changed = change(&mut write, space, update).await?;
        let name = changed.name.to_string();
        record(&mut write, actor, action, Some(space), &name).await?;
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
            update_space!("hardware = $3, restarts = restarts + 1"),
        )
        .bind(hardware);
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
            start(space, update_space!("sleep_after_ms = $3")).bind(sleep_after.map(millis));
        self.change(space, update).await
    }

    /// Sets who sees the Space.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_visibility(
        &self,
        space: SpaceId,
        visibility: Visibility,
        actor: Actor,
    ) -> Result<Space, StoreError> {
        let update = start(space, update_space!("visibility = $3")).bind(visibility.as_str());
        let mut write = self.write().await?;
        let changed = change(&mut write, space, update).await?;
        let detail = format!("{}: {}", changed.name, visibility.as_str());
        record(&mut write, actor, "space.visibility", Some(space), &detail).await?;
        write.commit().await?;
        Ok(changed)
    }

    /// Gives the Space another name, perhaps another owner, and so another address; its old name leads to it from then
    /// on. Its instances are replaced: they know themselves by name.
    ///
    /// # Errors
    /// [`Taken::Space`] or [`Taken::Subdomain`] with the Space that is in the way; `Name` when the name cannot be an
    /// address; `NotFound` when there is no such Space, or account.
    pub async fn rename_space(
        &self,
        space: &Space,
        owner: AccountId,
        to: &RepoName,
        actor: Actor,
    ) -> Result<Space, StoreError> {
        let subdomain = to.subdomain()?;
        let mut write = self.write().await?;
        let update = start(
            space.id,
            update_space!(
                "owner_id = $3, name = $4, name_key = $5, subdomain = $6, restarts = restarts + 1"
            ),
        )
        .bind(owner.to_string())
        .bind(to.name.as_str().to_owned())
        .bind(name_key(to))
        .bind(subdomain.as_str().to_owned());
        let updated = match update.execute(&mut *write).await {
            Err(error) if is_unique_violation(&error) => {
                drop(write);
                let refused = Space {
                    name: to.clone(),
                    subdomain,
                    ..space.clone()
                };
                return Err(self.what_is_taken(&refused).await?);
            }
            updated => updated?,
        };
        if updated.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        remember_name(&mut write, RepoKind::Space, &space.name, space.id.into()).await?;
        let renamed = fetch(&mut *write, space.id)
            .await?
            .ok_or(StoreError::NotFound)?;
        let detail = format!("{} -> {}", space.name, renamed.name);
        record(&mut write, actor, "space.move", Some(space.id), &detail).await?;
        write.commit().await?;
        Ok(renamed)
    }

    /// Removes the Space's row and every row that hangs on it; done already is done.
    ///
    /// # Errors
    /// Ours only.
    pub async fn remove_space(&self, space: SpaceId) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM spaces WHERE id = $1")
            .bind(space.to_string())
            .execute(&mut *write)
            .await?;
        forget(&mut write, space.into()).await?;
        write.commit().await?;
        Ok(())
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
    let updated = update.execute(&mut **write).await?;
    if updated.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    fetch(&mut **write, space)
        .await?
        .ok_or(StoreError::NotFound)
}

/// Part of a larger change: raises `restarts`, so that instances started before it are replaced. It comes first in its
/// transaction, so that changes of one Space wait for each other in one place.
pub(super) async fn replace_instances(
    write: &mut Transaction<'static, Any>,
    space: SpaceId,
    now: Millis,
) -> Result<(), StoreError> {
    let updated = sqlx::query(update_space!("restarts = restarts + 1"))
        .bind(space.to_string())
        .bind(now)
        .execute(&mut **write)
        .await?;
    if updated.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// An [`update_space`] with its first two arguments.
fn start(space: SpaceId, update: &'static str) -> Query<'static, Any, AnyArguments> {
    sqlx::query(update).bind(space.to_string()).bind(now())
}
