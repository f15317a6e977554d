//! What visitors report, and what owners answer whose Spaces are disabled.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::events::{Actor, record};
use super::fields::Fields;
use super::{Store, StoreError, now};
use crate::domain::{AccountId, Millis, RepoName, SpaceId};

/// What a visitor told about a Space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// To close it by.
    pub id: String,
    /// About which.
    pub space: SpaceId,
    /// Its name.
    pub name: RepoName,
    /// By whom; `None` is a visitor without an account.
    pub reporter: Option<AccountId>,
    /// In the visitor's words.
    pub reason: String,
    /// When.
    pub at: Millis,
}

/// What an owner says to a Space's being disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which.
    pub space: SpaceId,
    /// Its name.
    pub name: RepoName,
    /// Why it is disabled, in an operator's words.
    pub reason: String,
    /// In the owner's words.
    pub answer: String,
    /// When.
    pub at: Millis,
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
            "SELECT t.id, t.space_id, a.name AS owner_name, r.name, t.reporter_id, t.reason, t.at FROM reports t \
             JOIN repositories r ON r.id = t.space_id JOIN accounts a ON a.id = r.owner_id \
             WHERE r.removed_at IS NULL ORDER BY t.at DESC, t.id DESC LIMIT $1",
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
    pub async fn close_report(&self, id: &str, actor: Actor) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        let closed: Option<String> =
            sqlx::query_scalar("DELETE FROM reports WHERE id = $1 RETURNING space_id")
                .bind(id)
                .fetch_optional(&mut *write)
                .await?;
        let Some(space) = closed else {
            return Ok(false);
        };
        record(&mut write, actor, "report.close", space.parse().ok(), "").await?;
        write.commit().await?;
        Ok(true)
    }

    /// Keeps what its owner says to a Space's being disabled, in place of what was said before; whether it is disabled.
    ///
    /// # Errors
    /// Ours only.
    pub async fn answer(&self, space: SpaceId, answer: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let kept = sqlx::query(
            "INSERT INTO answers (space_id, answer, at) SELECT id, $2, $3 FROM spaces \
             WHERE id = $1 AND disabled IS NOT NULL \
             ON CONFLICT (space_id) DO UPDATE SET answer = $2, at = $3",
        )
        .bind(space.to_string())
        .bind(answer)
        .bind(now())
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Disabled Spaces whose owners have answered, the newest answer first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn answers(&self, limit: i64) -> Result<Vec<Answered>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.id, s.disabled, a.name AS owner_name, r.name, w.answer, w.at FROM answers w \
             JOIN repositories r ON r.id = w.space_id JOIN spaces s ON s.id = r.id \
             JOIN accounts a ON a.id = r.owner_id \
             WHERE s.disabled IS NOT NULL AND r.removed_at IS NULL ORDER BY w.at DESC, s.id DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let read = |row| {
            let fields = Fields::new(row, "answers", "id")?;
            Ok(Answered {
                space: fields.parsed("id")?,
                name: RepoName {
                    owner: fields.parsed("owner_name")?,
                    name: fields.parsed("name")?,
                },
                reason: fields.text("disabled")?,
                answer: fields.text("answer")?,
                at: fields.number("at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// What the owner of that Space answered.
    ///
    /// # Errors
    /// Ours only.
    pub async fn answer_of(&self, space: SpaceId) -> Result<Option<String>, StoreError> {
        let answer = sqlx::query_scalar("SELECT answer FROM answers WHERE space_id = $1")
            .bind(space.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(answer)
    }
}

fn read_report(row: &AnyRow) -> Result<Report, StoreError> {
    let fields = Fields::new(row, "reports", "id")?;
    Ok(Report {
        id: fields.text("id")?,
        space: fields.parsed("space_id")?,
        name: RepoName {
            owner: fields.parsed("owner_name")?,
            name: fields.parsed("name")?,
        },
        reporter: fields.optional_parsed("reporter_id")?,
        reason: fields.text("reason")?,
        at: fields.number("at")?,
    })
}
