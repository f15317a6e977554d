//! Builds: begun, ended, found. They are queued by [`Store::publish`].
//!
//! ```text
//! queued ──begin──► running ──finish──► succeeded | failed
//!    ▲                 ▲                            │
//!    └─────retry───────┴───────────begin────────────┘        queued, running ──publish──► superseded
//! ```

use sqlx::any::AnyRow;

use super::fields::Fields;
use super::{Store, StoreError};
use crate::domain::{
    AccountId, Artifact, BuildError, BuildFacts, BuildId, BuildState, Millis, SpaceId,
};

macro_rules! select_builds {
    ($rest:literal) => {
        concat!(
            "SELECT id, revision, state, cached, tries, artifact, error, created_at, finished_at FROM builds ",
            $rest
        )
    };
}

impl Store {
    /// One build.
    ///
    /// # Errors
    /// Ours only.
    pub async fn build(&self, id: BuildId) -> Result<Option<BuildFacts>, StoreError> {
        self.one_build(select_builds!("WHERE id = $1"), id.to_string())
            .await
    }

    /// The Space's newest build: that of its newest publish, however it went.
    ///
    /// # Errors
    /// Ours only.
    pub async fn newest_build(&self, space: SpaceId) -> Result<Option<BuildFacts>, StoreError> {
        let query = select_builds!("WHERE space_id = $1 ORDER BY generation DESC LIMIT 1");
        self.one_build(query, space.to_string()).await
    }

    /// The Space's newest build that succeeded.
    ///
    /// # Errors
    /// Ours only.
    pub async fn newest_good_build(
        &self,
        space: SpaceId,
    ) -> Result<Option<BuildFacts>, StoreError> {
        let query = select_builds!(
            "WHERE space_id = $1 AND state = 'succeeded' ORDER BY generation DESC LIMIT 1"
        );
        self.one_build(query, space.to_string()).await
    }

    /// Marks a build as being made; whether it is worth making. One that is marked already may be begun again: its
    /// maker may have died. That costs work at most, for a build ends once. So may one that failed: whoever begins it has
    /// seen that the next try may end otherwise.
    ///
    /// # Errors
    /// Ours only.
    pub async fn begin_build(&self, id: BuildId) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let begun = sqlx::query(
            "UPDATE builds SET state = 'running' WHERE id = $1 AND state IN ('queued', 'running', 'failed')",
        )
        .bind(id.to_string())
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(begun.rows_affected() > 0)
    }

    /// Records how a running build ended, one try richer if it failed; whether it counts. It does not when the build was superseded or has ended.
    ///
    /// # Errors
    /// Ours only.
    pub async fn finish_build(
        &self,
        id: BuildId,
        result: Result<Artifact, BuildError>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let (state, artifact, error) = match result {
            Ok(artifact) => (BuildState::Succeeded, Some(json(&artifact)), None),
            Err(error) => (BuildState::Failed, None, Some(json(&error))),
        };
        let mut write = self.write().await?;
        let finished = sqlx::query(
            "UPDATE builds SET state = $2, artifact = $3, error = $4, finished_at = $5, tries = tries + $6 \
             WHERE id = $1 AND state = 'running'",
        )
        .bind(id.to_string())
        .bind(state.as_str())
        .bind(artifact)
        .bind(error)
        .bind(now)
        .bind(i64::from(state == BuildState::Failed))
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(finished.rows_affected() > 0)
    }

    /// Puts a running build that the server failed back in the queue, one try richer; whether it was running.
    ///
    /// # Errors
    /// Ours only.
    pub async fn retry_build(&self, id: BuildId, now: Millis) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let queued = sqlx::query(
            "UPDATE builds SET state = 'queued', tries = tries + 1, finished_at = $2 \
             WHERE id = $1 AND state = 'running'",
        )
        .bind(id.to_string())
        .bind(now)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(queued.rows_affected() > 0)
    }

    /// The artifacts of every good build that is kept, of Spaces that are not being removed: what a sweep of the
    /// artifacts' folder leaves alone. A build under way may be making others.
    ///
    /// # Errors
    /// `Corrupt` when one cannot be read; then nothing may be swept.
    pub async fn artifacts_in_use(&self) -> Result<Vec<Artifact>, StoreError> {
        let rows = sqlx::query(
            "SELECT b.id, b.artifact FROM builds b JOIN repositories r ON r.id = b.space_id \
             WHERE b.state = 'succeeded' AND r.removed_at IS NULL ORDER BY b.id",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(artifact).collect()
    }

    /// What the good builds of a Space that are kept have made, the newest first.
    ///
    /// # Errors
    /// `Corrupt` when one cannot be read.
    pub async fn artifacts_of(&self, space: SpaceId) -> Result<Vec<Artifact>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, artifact FROM builds WHERE space_id = $1 AND state = 'succeeded' ORDER BY generation DESC",
        )
        .bind(space.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(artifact).collect()
    }

    /// The good builds of an account's Spaces that have newer ones, the oldest first, each with its Space.
    ///
    /// # Errors
    /// `Corrupt` when one cannot be read.
    pub async fn earlier_builds(
        &self,
        owner: AccountId,
    ) -> Result<Vec<(SpaceId, BuildFacts)>, StoreError> {
        let rows = sqlx::query(
            "SELECT b.* FROM builds b JOIN repositories r ON r.id = b.space_id \
             WHERE r.owner_id = $1 AND b.state = 'succeeded' AND b.generation < \
               (SELECT MAX(n.generation) FROM builds n WHERE n.space_id = b.space_id AND n.state = 'succeeded') \
             ORDER BY b.id",
        )
        .bind(owner.to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut builds = Vec::new();
        for row in &rows {
            let space = Fields::new(row, "builds", "id")?.parsed("space_id")?;
            builds.push((space, read(row)?));
        }
        Ok(builds)
    }

    /// Forgets a good build that has a newer one; whether it was there.
    ///
    /// # Errors
    /// Ours only.
    pub async fn forget_build(&self, id: BuildId) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        let forgotten = sqlx::query(
            "DELETE FROM builds WHERE id = $1 AND state = 'succeeded' AND EXISTS \
               (SELECT 1 FROM builds n WHERE n.space_id = builds.space_id AND n.state = 'succeeded' \
                AND n.generation > builds.generation)",
        )
        .bind(id.to_string())
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(forgotten.rows_affected() > 0)
    }

    /// Forgets all but the newest `keep` builds of each Space, and returns how many. The newest, the newest good one
    /// and those that wait or run always stay.
    ///
    /// # Errors
    /// Ours only.
    pub async fn prune_builds(&self, keep: i64) -> Result<u64, StoreError> {
        let mut write = self.write_less().await?;
        let pruned = sqlx::query(
            "DELETE FROM builds WHERE state NOT IN ('queued', 'running') AND id IN (\
               SELECT id FROM (\
                 SELECT id, state, \
                   ROW_NUMBER() OVER (PARTITION BY space_id ORDER BY generation DESC) AS place, \
                   ROW_NUMBER() OVER (PARTITION BY space_id, state ORDER BY generation DESC) AS place_in_state \
                 FROM builds) AS ranked \
               WHERE place > $1 AND NOT (state = 'succeeded' AND place_in_state = 1))",
        )
        .bind(keep.max(1))
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(pruned.rows_affected())
    }

    async fn one_build(
        &self,
        query: &'static str,
        id: String,
    ) -> Result<Option<BuildFacts>, StoreError> {
        let row = sqlx::query(query)
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| read(&row)).transpose()
    }
}

/// How `cached` is stored.
pub(super) fn cached_word(cached: bool) -> &'static str {
    if cached { "yes" } else { "no" }
}

/// What a good build made.
fn artifact(row: &AnyRow) -> Result<Artifact, StoreError> {
    let fields = Fields::new(row, "builds", "id")?;
    fields
        .optional_json("artifact")?
        .ok_or_else(|| fields.corrupt("artifact", "missing in a build that succeeded"))
}

fn read(row: &AnyRow) -> Result<BuildFacts, StoreError> {
    let fields = Fields::new(row, "builds", "id")?;
    let cached = |word: &str| {
        [true, false]
            .into_iter()
            .find(|&flag| cached_word(flag) == word)
    };
    let facts = BuildFacts {
        id: fields.parsed("id")?,
        revision: fields.parsed("revision")?,
        state: fields.word("state", BuildState::from_word)?,
        cached: fields.word("cached", cached)?,
        tries: fields.number("tries")?,
        artifact: fields.optional_json("artifact")?,
        error: fields.optional_json("error")?,
        created_at: fields.number("created_at")?,
        finished_at: fields.optional_number("finished_at")?,
    };
    match facts.state {
        BuildState::Succeeded if facts.artifact.is_none() => {
            Err(fields.corrupt("artifact", "missing in a build that succeeded"))
        }
        BuildState::Failed if facts.error.is_none() => {
            Err(fields.corrupt("error", "missing in a build that failed"))
        }
        _ => Ok(facts),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("text keys and plain values only")
}
