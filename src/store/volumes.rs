//! Volumes: what owners mount into their Spaces' containers.

use super::fields::Fields;
use super::running::replace_instances;
use super::{Store, StoreError};
use crate::domain::{Millis, SpaceId, Volume};

impl Store {
    /// Sets all volumes of a Space and has its instances replaced.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_volumes(
        &self,
        space: SpaceId,
        volumes: &[Volume],
        now: Millis,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(volumes).unwrap_or_else(|_| "[]".to_owned());
        let mut write = self.write().await?;
        replace_instances(&mut write, space, now).await?;
        sqlx::query(
            "INSERT INTO volumes (space_id, volumes) VALUES ($1, $2) \
             ON CONFLICT (space_id) DO UPDATE SET volumes = excluded.volumes",
        )
        .bind(space.to_string())
        .bind(text)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(())
    }

    /// The volumes of all Spaces that have some.
    ///
    /// # Errors
    /// Ours only.
    pub async fn all_volumes(&self) -> Result<Vec<(SpaceId, Vec<Volume>)>, StoreError> {
        let rows = sqlx::query("SELECT space_id, volumes FROM volumes")
            .fetch_all(&self.readers)
            .await?;
        let read = rows.iter().map(|row| {
            let fields = Fields::new(row, "volumes", "space_id")?;
            let volumes = fields.optional_json("volumes")?.unwrap_or_default();
            Ok((fields.parsed("space_id")?, volumes))
        });
        read.collect()
    }

    /// The volumes of a Space.
    ///
    /// # Errors
    /// Ours only.
    pub async fn volumes(&self, space: SpaceId) -> Result<Vec<Volume>, StoreError> {
        let row = sqlx::query("SELECT space_id, volumes FROM volumes WHERE space_id = $1")
            .bind(space.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else {
            return Ok(Vec::new());
        };
        let fields = Fields::new(&row, "volumes", "space_id")?;
        Ok(fields.optional_json("volumes")?.unwrap_or_default())
    }
}
