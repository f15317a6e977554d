//! What visitors report, and which Spaces operators have stopped.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::fields::Fields;
use super::{Store, StoreError, now};
use crate::domain::{AccountId, Millis, SpaceId, SpaceName};

/// What a visitor told about a Space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// To close it by.
    pub id: String,
    /// About which.
    pub space: SpaceId,
    /// Its name.
    pub name: SpaceName,
    /// By whom; `None` is a visitor without an account.
    pub reporter: Option<AccountId>,
    /// In the visitor's words.
    pub reason: String,
    /// When.
    pub at: Millis,
}

/// Why an operator has stopped a Space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// In the operator's words, for the owner.
    pub reason: String,
    /// Since when.
    pub at: Millis,
    /// In the owner's words, for the operators.
    pub answer: Option<String>,
}

/// Open reports about one Space; a further one says nothing new.
const MAX_REPORTS: i64 = 20;

impl Store {
    /// Keeps a report; whether it was kept, which it is not when there are twenty about this Space.
    ///
    /// # Errors
    /// Ours only.
    pub async fn report(
        &self,
        space: SpaceId,
        reporter: Option<AccountId>,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let kept = sqlx::query(
            "INSERT INTO reports (id, space_id, reporter_id, reason, at) SELECT $1, id, $3, $4, $5 FROM spaces \
             WHERE id = $2 AND (SELECT COUNT(*) FROM reports WHERE space_id = $2) < $6",
        )
        .bind(Uuid::now_v7().simple().to_string())
        .bind(space.to_string())
        .bind(reporter.map(|id| id.to_string()))
        .bind(reason)
        .bind(now())
        .bind(MAX_REPORTS)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Open reports, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn reports(&self, limit: i64) -> Result<Vec<Report>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.id, r.space_id, a.name AS owner_name, s.name, r.reporter_id, r.reason, r.at FROM reports r \
             JOIN spaces s ON s.id = r.space_id JOIN accounts a ON a.id = s.owner_id \
             WHERE s.desired <> 'deleted' ORDER BY r.at DESC, r.id DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(read_report).collect()
    }

    /// Closes a report; whether there was one.
    ///
    /// # Errors
    /// Ours only.
    pub async fn close_report(&self, id: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let closed = sqlx::query("DELETE FROM reports WHERE id = $1")
            .bind(id)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(closed.rows_affected() > 0)
    }

    /// Notes that an operator has stopped the Space. A second time changes the reason and drops the answer.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space.
    pub async fn hold(
        &self,
        space: SpaceId,
        operator: AccountId,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let held = sqlx::query(
            "INSERT INTO holds (space_id, operator_id, reason, at) SELECT id, $2, $3, $4 FROM spaces \
             WHERE id = $1 AND desired <> 'deleted' \
             ON CONFLICT (space_id) DO UPDATE SET operator_id = $2, reason = $3, at = $4, answer = NULL, \
             answered_at = NULL",
        )
        .bind(space.to_string())
        .bind(operator.to_string())
        .bind(reason)
        .bind(now())
        .execute(&mut *write)
        .await?;
        if held.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        write.commit().await?;
        Ok(())
    }

    /// Lifts the hold; whether there was one.
    ///
    /// # Errors
    /// Ours only.
    pub async fn release(&self, space: SpaceId) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let released = sqlx::query("DELETE FROM holds WHERE space_id = $1")
            .bind(space.to_string())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(released.rows_affected() > 0)
    }

    /// Keeps the owner's answer to a hold; whether there is one to answer.
    ///
    /// # Errors
    /// Ours only.
    pub async fn answer_hold(&self, space: SpaceId, answer: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let answered = sqlx::query(
            "UPDATE holds SET answer = $2, answered_at = $3 WHERE space_id = $1",
        )
        .bind(space.to_string())
        .bind(answer)
        .bind(now())
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(answered.rows_affected() > 0)
    }

    /// Why an operator has stopped the Space, if one has.
    ///
    /// # Errors
    /// Ours only.
    pub async fn hold_of(&self, space: SpaceId) -> Result<Option<Hold>, StoreError> {
        let row = sqlx::query("SELECT space_id, reason, at, answer FROM holds WHERE space_id = $1")
            .bind(space.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read_hold(&row).map(|(_, hold)| hold)).transpose()
    }

    /// Every Space that an operator has stopped.
    ///
    /// # Errors
    /// Ours only.
    pub async fn holds(&self) -> Result<Vec<(SpaceId, Hold)>, StoreError> {
        let rows = sqlx::query("SELECT space_id, reason, at, answer FROM holds ORDER BY at DESC")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read_hold).collect()
    }
}

fn read_report(row: &AnyRow) -> Result<Report, StoreError> {
    let fields = Fields::new(row, "reports", "id")?;
    Ok(Report {
        id: fields.text("id")?,
        space: fields.parsed("space_id")?,
        name: SpaceName {
            owner: fields.parsed("owner_name")?,
            name: fields.parsed("name")?,
        },
        reporter: fields.optional_parsed("reporter_id")?,
        reason: fields.text("reason")?,
        at: fields.number("at")?,
    })
}

fn read_hold(row: &AnyRow) -> Result<(SpaceId, Hold), StoreError> {
    let fields = Fields::new(row, "holds", "space_id")?;
    let hold = Hold {
        reason: fields.text("reason")?,
        at: fields.number("at")?,
        answer: fields.optional_text("answer")?,
    };
    Ok((fields.parsed("space_id")?, hold))
}
