//! Secrets: sealed on their way in, opened only on their way to the Space.

use super::fields::Fields;
use super::limits::Counted;
use super::running::replace_instances;
use super::{Store, StoreError};
use crate::domain::SecretValue;
use crate::domain::{Millis, SpaceId};

/// What may be told about a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFacts {
    /// The name of its environment variable.
    pub key: String,
    /// What its owner wrote about it.
    pub description: Option<String>,
    /// When it was last set.
    pub updated_at: Millis,
}

impl Store {
    /// Sets a secret and has the Space's instances replaced.
    ///
    /// # Errors
    /// `TooMany`; `NotFound` when there is no such Space or it is being removed.
    pub async fn set_secret(
        &self,
        space: SpaceId,
        key: &str,
        value: &SecretValue,
        description: Option<&str>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        replace_instances(&mut write, space, now).await?;
        sqlx::query(
            "INSERT INTO secrets (space_id, name, sealed, description, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (space_id, name) DO UPDATE SET sealed = excluded.sealed, \
             description = excluded.description, updated_at = excluded.updated_at",
        )
        .bind(space.to_string())
        .bind(key)
        .bind(self.sealer.seal(space, key, value))
        .bind(description)
        .bind(now)
        .execute(&mut *write)
        .await?;
        Counted::Secrets
            .check(&mut write, &space.to_string())
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Deletes a secret and has the Space's instances replaced; whether there was one. Nothing changes if not.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn delete_secret(
        &self,
        space: SpaceId,
        key: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        replace_instances(&mut write, space, now).await?;
        let deleted = sqlx::query("DELETE FROM secrets WHERE space_id = $1 AND name = $2")
            .bind(space.to_string())
            .bind(key)
            .execute(&mut *write)
            .await?;
        if deleted.rows_affected() == 0 {
            write.rollback().await?;
            return Ok(false);
        }
        write.commit().await?;
        Ok(true)
    }

    /// The Space's secrets by name, without their values.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_secrets(&self, space: SpaceId) -> Result<Vec<SecretFacts>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, description, updated_at FROM secrets WHERE space_id = $1 ORDER BY name",
        )
        .bind(space.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "secrets", "name")?;
                Ok(SecretFacts {
                    key: fields.text("name")?,
                    description: fields.optional_text("description")?,
                    updated_at: fields.number("updated_at")?,
                })
            })
            .collect()
    }

    /// The Space's secrets by name, opened: for the start of an instance, and for nothing else.
    ///
    /// # Errors
    /// `Corrupt` when one was sealed under another key.
    pub async fn reveal_secrets(
        &self,
        space: SpaceId,
    ) -> Result<Vec<(String, SecretValue)>, StoreError> {
        let rows =
            sqlx::query("SELECT name, sealed FROM secrets WHERE space_id = $1 ORDER BY name")
                .bind(space.to_string())
                .fetch_all(&self.readers)
                .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "secrets", "name")?;
                let key = fields.text("name")?;
                let value = self
                    .sealer
                    .open(space, &key, &fields.text("sealed")?)
                    .ok_or_else(|| StoreError::Corrupt {
                        table: "secrets",
                        id: format!("{space} {key}"),
                        problem: "it does not open under the server's key".into(),
                    })?;
                Ok((key, value))
            })
            .collect()
    }
}
