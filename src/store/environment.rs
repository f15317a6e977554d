//! Variables and secrets set together, all or none.

use super::limits::Counted;
use super::running::replace_instances;
use super::{Store, StoreError};
use crate::domain::SecretValue;
use crate::domain::{Millis, SpaceId};

/// A variable or secret to be set.
#[derive(Debug, Clone)]
pub struct NewSetting {
    /// The name of its environment variable.
    pub name: String,
    /// What it is to be.
    pub value: SettingValue,
}

/// The value of a variable or of a secret.
#[derive(Debug, Clone)]
pub enum SettingValue {
    /// Whoever sees the Space may read it.
    Variable(String),
    /// Nobody reads it back.
    Secret(SecretValue),
}

impl Store {
    /// Sets them and has the Space's instances replaced, once. A name is a variable's or a secret's from then on, not both.
    ///
    /// # Errors
    /// `TooMany`; `NotFound` when there is no such Space or it is being removed. Nothing is set then.
    pub async fn set_all(
        &self,
        space: SpaceId,
        settings: &[NewSetting],
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        replace_instances(&mut write, space, now).await?;
        let id = space.to_string();
        for NewSetting { name, value } in settings {
            let (value, set, forget) = match value {
                SettingValue::Variable(value) => (
                    value.clone(),
                    "INSERT INTO variables (space_id, name, value, updated_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (space_id, name) DO UPDATE SET value = excluded.value, \
                     updated_at = excluded.updated_at",
                    "DELETE FROM secrets WHERE space_id = $1 AND name = $2",
                ),
                SettingValue::Secret(value) => (
                    self.sealer.seal(space, name, value),
                    "INSERT INTO secrets (space_id, name, sealed, updated_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (space_id, name) DO UPDATE SET sealed = excluded.sealed, \
                     updated_at = excluded.updated_at",
                    "DELETE FROM variables WHERE space_id = $1 AND name = $2",
                ),
            };
            sqlx::query(set)
                .bind(&id)
                .bind(name)
                .bind(value)
                .bind(now)
                .execute(&mut *write)
                .await?;
            sqlx::query(forget)
                .bind(&id)
                .bind(name)
                .execute(&mut *write)
                .await?;
        }
        Counted::Variables.check(&mut write, &id).await?;
        Counted::Secrets.check(&mut write, &id).await?;
        write.commit().await?;
        Ok(())
    }
}
