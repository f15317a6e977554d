//! Spaces: created and found. Listing them is in `listing`, changing one in `changes`.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{Any, Executor};

use super::accounts::key;
use super::fields::Fields;
use super::repositories::name_key;
use super::{Store, StoreError, Taken, is_unique_violation, now};
use crate::domain::{
    AccountId, Desired, Millis, RepoName, SleepAfter, Space, SpaceId, Subdomain, Visibility,
};

/// A Space to be created.
#[derive(Debug, Clone)]
pub struct NewSpace {
    /// The account whose name the Space's begins with.
    pub owner: AccountId,
    /// Its full name; the owner's half is kept as the account spells it.
    pub name: RepoName,
    /// Who sees it.
    pub visibility: Visibility,
    /// The hardware asked for; `None` takes the SDK's default.
    pub hardware: Option<String>,
    /// Idle time until it sleeps.
    pub sleep_after: SleepAfter,
}

/// What [`read`] reads, of `spaces s` and `accounts a`.
macro_rules! space_columns {
    () => {
        "s.id, s.owner_id, a.name AS owner_name, s.name, s.subdomain, s.visibility, s.desired, s.disabled, s.generation, \
         s.restarts, s.head, s.sdk, s.hardware, s.sleep_after_ms, s.created_at, s.updated_at"
    };
}

macro_rules! select_spaces {
    ($($rest:literal)*) => {
        concat!(
            "SELECT ",
            $crate::store::spaces::space_columns!(),
            " FROM spaces s JOIN accounts a ON a.id = s.owner_id ",
            $($rest),*
        )
    };
}

pub(super) use {select_spaces, space_columns};

// === impl Store ===

impl Store {
    /// A new Space, with nothing published.
    ///
    /// # Errors
    /// [`Taken::Space`] or [`Taken::Subdomain`] with the Space that is in the way; `Name` when the name cannot be an
    /// address; `NotFound` when the account does not exist or is not called as the name begins.
    pub async fn create_space(&self, new: NewSpace) -> Result<Space, StoreError> {
        let owner = self.account_by_id(new.owner).await?;
        let owner = owner
            .filter(|account| key(&account.name) == key(&new.name.owner))
            .ok_or(StoreError::NotFound)?;
        let now = now();
        let name = RepoName {
            owner: owner.name,
            name: new.name.name,
        };
        let space = Space {
            id: SpaceId::new(),
            owner: owner.id,
            subdomain: name.subdomain()?,
            name,
            visibility: new.visibility,
            desired: Desired::Running,
            disabled: None,
            generation: 1,
            restarts: 0,
            head: None,
            sdk: None,
            hardware: new.hardware,
            sleep_after: new.sleep_after.map(|after| duration(millis(after))),
            created_at: now,
            updated_at: now,
        };
        match self.insert(&space).await {
            Err(StoreError::Database(error)) if is_unique_violation(&error) => {
                Err(self.what_is_taken(&space).await?)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(space),
        }
    }

    /// The Space of that name, in whatever case, unless it is being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn space_by_name(&self, name: &RepoName) -> Result<Option<Space>, StoreError> {
        let row = sqlx::query(select_spaces!(
            "WHERE a.name_key = $1 AND s.name_key = $2 AND s.desired <> 'deleted'"
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

    /// Every Space that is not being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn spaces_to_stay(&self) -> Result<Vec<SpaceId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM spaces WHERE desired <> 'deleted'")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Fields::new(row, "spaces", "id")?.parsed("id"))
            .collect()
    }

    /// How many Spaces the account has, without those being removed.
    ///
    /// # Errors
    /// Ours only.
    pub async fn count_spaces(&self, owner: AccountId) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar(
            "SELECT COUNT(*) FROM spaces WHERE owner_id = $1 AND desired <> 'deleted'",
        )
        .bind(owner.to_string())
        .fetch_one(&self.readers)
        .await?;
        Ok(count)
    }

    async fn insert(&self, space: &Space) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO spaces (id, owner_id, name, name_key, subdomain, visibility, desired, generation, restarts, \
             hardware, sleep_after_ms, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
        )
        .bind(space.id.to_string())
        .bind(space.owner.to_string())
        .bind(space.name.name.as_str())
        .bind(name_key(&space.name))
        .bind(space.subdomain.as_str())
        .bind(space.visibility.as_str())
        .bind(space.desired.as_str())
        .bind(space.generation)
        .bind(space.restarts)
        .bind(space.hardware.as_deref())
        .bind(space.sleep_after.map(millis))
        .bind(space.created_at)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// Says which Space is in the way of this one, which a unique index has just refused.
    pub(super) async fn what_is_taken(&self, refused: &Space) -> Result<StoreError, StoreError> {
        let there = self.space_by_subdomain(&refused.subdomain).await?;
        // It may have gone meanwhile; its name was taken all the same.
        let there = there.map_or_else(|| refused.name.clone(), |space| space.name);
        let same = key(&there.owner) == key(&refused.name.owner)
            && name_key(&there) == name_key(&refused.name);
        let what = if same {
            Taken::Space(there)
        } else {
            Taken::Subdomain(there)
        };
        Ok(StoreError::Taken { what })
    }

    async fn space_by_subdomain(&self, label: &Subdomain) -> Result<Option<Space>, StoreError> {
        let row = sqlx::query(select_spaces!(
            "WHERE s.subdomain = $1 AND s.desired <> 'deleted'"
        ))
        .bind(label.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| read(&row)).transpose()
    }
}

/// The Space of that identifier as `executor`, perhaps a transaction, sees it.
pub(super) async fn fetch<'e>(
    executor: impl Executor<'e, Database = Any>,
    id: SpaceId,
) -> Result<Option<Space>, StoreError> {
    let row = sqlx::query(select_spaces!("WHERE s.id = $1"))
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
    let fields = Fields::new(row, "spaces", "id")?;
    let sleep_after = match fields.optional_number("sleep_after_ms")? {
        Some(negative) if negative < 0 => {
            return Err(fields.corrupt("sleep_after_ms", format_args!("{negative} is negative")));
        }
        after => after.map(duration),
    };
    Ok(Space {
        id: fields.parsed("id")?,
        owner: fields.parsed("owner_id")?,
        name: RepoName {
            owner: fields.parsed("owner_name")?,
            name: fields.parsed("name")?,
        },
        subdomain: fields.parsed("subdomain")?,
        visibility: fields.word("visibility", Visibility::from_word)?,
        desired: fields.word("desired", Desired::from_word)?,
        disabled: fields.optional_text("disabled")?,
        generation: fields.number("generation")?,
        restarts: fields.number("restarts")?,
        head: fields.optional_parsed("head")?,
        sdk: fields.optional_text("sdk")?,
        hardware: fields.optional_text("hardware")?,
        sleep_after,
        created_at: fields.number("created_at")?,
        updated_at: fields.number("updated_at")?,
    })
}
