//! What operators look at: how many there are of everything, and the newest builds of all Spaces.

use super::fields::Fields;
use super::{Store, StoreError};
use crate::domain::{BuildError, BuildState, Millis, RepoName, SpaceId};

/// A build among those of all Spaces.
#[derive(Debug, Clone)]
pub struct BuildRecord {
    /// Of which Space.
    pub space: RepoName,
    /// Where it stands.
    pub state: BuildState,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// Why it failed, if it did.
    pub error: Option<BuildError>,
}

impl Store {
    /// How many Spaces there are, and how many accounts.
    ///
    /// # Errors
    /// Ours only.
    pub async fn counts(&self) -> Result<(u64, u64), StoreError> {
        let (spaces, accounts): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM repositories WHERE kind = 'space' AND removed_at IS NULL), (SELECT COUNT(*) FROM accounts)",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok((spaces.unsigned_abs(), accounts.unsigned_abs()))
    }

    /// Spaces that are to run and whose newest version could not be built, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn spaces_not_built(&self, limit: i64) -> Result<Vec<SpaceId>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.id FROM spaces s JOIN repositories r ON r.id = s.id JOIN builds b ON b.space_id = s.id \
             WHERE r.removed_at IS NULL AND s.desired = 'running' AND s.disabled IS NULL AND b.state = 'failed' \
               AND b.generation = (SELECT MAX(generation) FROM builds WHERE space_id = s.id) \
             ORDER BY b.id DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| Fields::new(row, "spaces", "id")?.parsed("id"))
            .collect()
    }

    /// The newest builds, those that wait and run among them, newest first.
    ///
    /// # Errors
    /// Ours only.
    pub async fn recent_builds(&self, limit: i64) -> Result<Vec<BuildRecord>, StoreError> {
        // Identifiers are made in the order of time, so the newest ones need no index of their own.
        let rows = sqlx::query(
            "SELECT b.id, b.state, b.error, b.created_at, b.finished_at, r.name, a.name AS owner_name \
             FROM builds b JOIN repositories r ON r.id = b.space_id JOIN accounts a ON a.id = r.owner_id \
             WHERE r.removed_at IS NULL ORDER BY b.id DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "builds", "id")?;
                Ok(BuildRecord {
                    space: RepoName {
                        owner: fields.parsed("owner_name")?,
                        name: fields.parsed("name")?,
                    },
                    state: fields.word("state", BuildState::from_word)?,
                    created_at: fields.number("created_at")?,
                    finished_at: fields.optional_number("finished_at")?,
                    error: fields.optional_json("error")?,
                })
            })
            .collect()
    }
}
