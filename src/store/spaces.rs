//! What a Space has beside its repository, and Spaces found as wholes. What their owners may have them do is in `running`.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Transaction};

use super::accounts::key;
use super::fields::Fields;
use super::repository_row::{self, name_key};
use super::{Store, StoreError};
use crate::domain::{Desired, Millis, RepoName, Repository, SleepAfter, Space, SpaceId, Subdomain};

/// What a new Space runs with.
#[derive(Debug, Clone, Default)]
pub struct SpaceSettings {
    /// The hardware asked for; `None` takes the SDK's default.
    pub hardware: Option<String>,
    /// Idle time until it sleeps, kept in whole milliseconds.
    pub sleep_after: SleepAfter,
}

/// What [`read`] reads, of `repositories r`, `accounts a` and `spaces s`.
macro_rules! space_columns {
    () => {
        concat!(
            $crate::store::repository_row::repository_columns!(),
            ", s.subdomain, s.desired, s.disabled, s.generation, s.restarts, s.sdk, s.hardware, s.sleep_after_ms"
        )
    };
}

macro_rules! select_spaces {
    ($($rest:literal)*) => {
        concat!(
            "SELECT ",
            $crate::store::spaces::space_columns!(),
            " FROM repositories r JOIN accounts a ON a.id = r.owner_id JOIN spaces s ON s.id = r.id ",
            $($rest),*
        )
    };
}

pub(super) use {select_spaces, space_columns};

// === impl Store ===

impl Store {
    /// The Space of that name, in whatever case, unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn space_by_name(&self, name: &RepoName) -> Result<Option<Space>, StoreError> {
        let row = sqlx::query(select_spaces!(
            "WHERE a.name_key = $1 AND r.kind = 'space' AND r.name_key = $2 AND r.removed_at IS NULL"
        ))
        .bind(key(&name.owner))
        .bind(name_key(name))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// The Space of that identifier, also while it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn space_by_id(&self, id: SpaceId) -> Result<Option<Space>, StoreError> {
        fetch(&self.readers, id).await
    }

    /// Every Space there is, those being removed too: what a server that starts must look after.
    ///
    /// # Errors
    /// Ours only.
    pub async fn space_ids(&self) -> Result<Vec<SpaceId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM spaces ORDER BY id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Fields::new(row, "spaces", "id")?.parsed("id"))
            .collect()
    }

    pub(super) async fn space_by_subdomain(
        &self,
        label: &Subdomain,
    ) -> Result<Option<Space>, StoreError> {
        let row = sqlx::query(select_spaces!("WHERE s.subdomain = $1"))
            .bind(label.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }
}

/// Part of a creation: the row beside the repository's.
pub(super) async fn insert(
    write: &mut Transaction<'static, Any>,
    repository: &Repository,
    settings: &SpaceSettings,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO spaces (id, subdomain, desired, generation, restarts, hardware, sleep_after_ms) \
         VALUES ($1, $2, $3, 1, 0, $4, $5)",
    )
    .bind(repository.id.to_string())
    .bind(repository.name.subdomain()?.as_str().to_owned())
    .bind(Desired::Running.as_str())
    .bind(settings.hardware.clone())
    .bind(settings.sleep_after.map(millis))
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// The Space of that identifier as `executor`, perhaps a transaction, sees it.
pub(super) async fn fetch<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: SpaceId,
) -> Result<Option<Space>, StoreError> {
    let row = sqlx::query(select_spaces!("WHERE r.id = $1"))
        .bind(id.to_string())
        .fetch_optional(executor)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// A sleep time as it is stored.
pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

fn duration(millis: Millis) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

pub(super) fn read(row: &AnyRow) -> Result<Space, StoreError> {
    let Repository {
        id,
        kind: _,
        owner,
        name,
        visibility,
        head,
        created_at,
        updated_at,
    } = repository_row::read(row)?;
    let fields = Fields::new(row, "spaces", "id")?;
    let sleep_after = match fields.optional_number("sleep_after_ms")? {
        Some(negative) if negative < 0 => {
            return Err(fields.corrupt("sleep_after_ms", format_args!("{negative} is negative")));
        }
        after => after.map(duration),
    };
    let subdomain = match fields.optional_parsed("subdomain")? {
        Some(subdomain) => subdomain,
        // It has given its address up.
        None => name
            .subdomain()
            .map_err(|error| fields.corrupt("subdomain", error))?,
    };
    let desired = match fields.optional_number("removed_at")? {
        Some(_) => Desired::Deleted,
        None => fields.word("desired", Desired::from_word)?,
    };
    Ok(Space {
        id: id.space(),
        owner,
        name,
        subdomain,
        visibility,
        desired,
        disabled: fields.optional_text("disabled")?,
        generation: fields.number("generation")?,
        restarts: fields.number("restarts")?,
        head,
        sdk: fields.optional_text("sdk")?,
        hardware: fields.optional_text("hardware")?,
        sleep_after,
        created_at,
        updated_at,
    })
}
