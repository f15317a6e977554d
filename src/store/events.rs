//! The audit trail: who did what, to be read by operators. It is only ever added to.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::fields::Fields;
use super::{Store, StoreError, now};
use crate::domain::{AccountId, Millis, SpaceId};

/// Something that somebody did.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: Millis,
    /// Who; `None` is the server itself, or somebody unknown.
    pub actor: Option<AccountId>,
    /// What, in one of the code's own words such as `space.delete`.
    pub action: &'static str,
    /// To which Space.
    pub space: Option<SpaceId>,
    /// What else an operator would want to know; never a secret's value.
    pub detail: String,
}

/// An [`Event`] read back: its word may come from another version of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// When.
    pub at: Millis,
    /// Who; the account may be gone.
    pub actor: Option<AccountId>,
    /// What.
    pub action: String,
    /// To which Space; it may be gone.
    pub space: Option<SpaceId>,
    /// What else there is to know.
    pub detail: String,
}

impl Event {
    /// What an account does now.
    pub fn now(
        actor: AccountId,
        action: &'static str,
        space: Option<SpaceId>,
        detail: String,
    ) -> Self {
        Self {
            at: now(),
            actor: Some(actor),
            action,
            space,
            detail,
        }
    }
}

impl Store {
    /// Adds to the trail.
    ///
    /// # Errors
    /// Ours only.
    pub async fn record(&self, event: Event) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO events (id, at, actor_id, action, space_id, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::now_v7().simple().to_string())
        .bind(event.at)
        .bind(event.actor.map(|id| id.to_string()))
        .bind(event.action)
        .bind(event.space.map(|id| id.to_string()))
        .bind(event.detail)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// The newest `limit` events, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn events(&self, limit: i64) -> Result<Vec<EventRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, actor_id, action, space_id, detail FROM events ORDER BY at DESC, id DESC LIMIT $1",
        )
        .bind(limit.max(0))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<EventRecord, StoreError> {
    let fields = Fields::new(row, "events", "id")?;
    Ok(EventRecord {
        at: fields.number("at")?,
        actor: fields.optional_parsed("actor_id")?,
        action: fields.text("action")?,
        space: fields.optional_parsed("space_id")?,
        detail: fields.text("detail")?,
    })
}
