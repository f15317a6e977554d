//! Variables: a Space's settings that anybody who sees it may read.

use super::fields::Fields;
use super::limits::Counted;
use super::running::replace_instances;
use super::{Store, StoreError};
use crate::domain::{Millis, SpaceId};

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name of its environment variable.
    pub key: String,
    /// What the Space finds there.
    pub value: String,
    /// What its owner wrote about it.
    pub description: Option<String>,
    /// When it was last set.
    pub updated_at: Millis,
}

impl Store {
    /// Sets a variable and has the Space's instances replaced.
    ///
    /// # Errors
    /// `TooMany`; `NotFound` when there is no such Space or it is being removed.
    pub async fn set_variable(
        &self,
        space: SpaceId,
        key: &str,
        value: &str,
        description: Option<&str>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        replace_instances(&mut write, space, now).await?;
        sqlx::query(
            "INSERT INTO variables (space_id, name, value, description, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (space_id, name) DO UPDATE SET value = excluded.value, \
             description = excluded.description, updated_at = excluded.updated_at",
        )
        .bind(space.to_string())
        .bind(key)
        .bind(value)
        .bind(description)
        .bind(now)
        .execute(&mut *write)
        .await?;
        Counted::Variables
            .check(&mut write, &space.to_string())
            .await?;
        write.commit().await?;
        Ok(())
    }

    /// Deletes a variable and has the Space's instances replaced; whether there was one. Nothing changes if not.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn delete_variable(
        &self,
        space: SpaceId,
        key: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut write = self.write_less().await?;
        replace_instances(&mut write, space, now).await?;
        let deleted = sqlx::query("DELETE FROM variables WHERE space_id = $1 AND name = $2")
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

    /// The Space's variables by name.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_variables(&self, space: SpaceId) -> Result<Vec<Variable>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, value, description, updated_at FROM variables WHERE space_id = $1 ORDER BY name",
        )
        .bind(space.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "variables", "name")?;
                Ok(Variable {
                    key: fields.text("name")?,
                    value: fields.text("value")?,
                    description: fields.optional_text("description")?,
                    updated_at: fields.number("updated_at")?,
                })
            })
            .collect()
    }
}
