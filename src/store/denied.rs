//! Private models and datasets that a Space's card names and that are not mounted.

use super::fields::Fields;
use super::{Store, StoreError};
use crate::domain::{Artifact, NamedRepository, SpaceId};

impl Store {
    /// Sets which of the repositories that a Space's card names are not mounted while they are private.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space.
    pub async fn set_denied_repositories(
        &self,
        space: SpaceId,
        denied: &[NamedRepository],
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(denied).map_err(|_| StoreError::NotFound)?;
        let mut write = self.write().await?;
        let done = sqlx::query(
            "INSERT INTO denied_repositories (space_id, repositories) \
             SELECT id, $2 FROM spaces WHERE id = $1 \
             ON CONFLICT (space_id) DO UPDATE SET repositories = excluded.repositories",
        )
        .bind(space.to_string())
        .bind(text)
        .execute(&mut *write)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        write.commit().await?;
        Ok(())
    }

    /// What the cards of a Space's builds name that can be run.
    ///
    /// # Errors
    /// Ours only.
    pub async fn repositories_of_builds(
        &self,
        space: SpaceId,
    ) -> Result<Vec<NamedRepository>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, artifact FROM builds WHERE space_id = $1 AND artifact IS NOT NULL",
        )
        .bind(space.to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut named = Vec::new();
        for row in &rows {
            let artifact =
                Fields::new(row, "builds", "id")?.optional_json::<Artifact>("artifact")?;
            named.extend(
                artifact
                    .into_iter()
                    .flat_map(|one| one.settings.repositories),
            );
        }
        Ok(named)
    }

    /// Which those are.
    ///
    /// # Errors
    /// Ours only.
    pub async fn denied_repositories(
        &self,
        space: SpaceId,
    ) -> Result<Vec<NamedRepository>, StoreError> {
        let row = sqlx::query(
            "SELECT space_id, repositories FROM denied_repositories WHERE space_id = $1",
        )
        .bind(space.to_string())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else {
            return Ok(Vec::new());
        };
        let fields = Fields::new(&row, "denied_repositories", "space_id")?;
        Ok(fields.optional_json("repositories")?.unwrap_or_default())
    }
}
