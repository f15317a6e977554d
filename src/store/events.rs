//! The audit trail: who did what, to be read by operators. It is only ever added to.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use uuid::Uuid;

use super::fields::Fields;
use super::{Store, StoreError, now};
use crate::domain::{AccountId, Millis, SpaceId};

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an account.
    Account(AccountId),
    /// The server itself: at its first start, or because what it had begun for somebody failed.
    Server,
}

/// Something that somebody did. Its words may come from another version of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// When.
    pub at: Millis,
    /// Who; the account may be gone.
    pub actor: Option<AccountId>,
    /// What, such as `space.delete`.
    pub action: String,
    /// To which Space; it may be gone.
    pub space: Option<SpaceId>,
    /// What else there is to know.
    pub detail: String,
}

impl From<AccountId> for Actor {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

/// Part of a larger change: what was done is in the trail if it was done, and not otherwise. `detail` is what else an
/// operator would want to know, never a secret's value.
pub(super) async fn record(
    write: &mut Transaction<'static, Any>,
    actor: Actor,
    action: &str,
    space: Option<SpaceId>,
    detail: &str,
) -> Result<(), StoreError> {
    let actor = match actor {
        Actor::Account(id) => Some(id.to_string()),
        Actor::Server => None,
    };
    sqlx::query(
        "INSERT INTO events (id, at, actor_id, action, space_id, detail) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(Uuid::now_v7().simple().to_string())
    .bind(now())
    .bind(actor)
    .bind(action.to_owned())
    .bind(space.map(|id| id.to_string()))
    .bind(detail.to_owned())
    .execute(&mut **write)
    .await?;
    Ok(())
}

impl Store {
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
