//! What operators have set for single owners, and Spaces that they have disabled.

use sqlx::any::AnyRow;

use super::events::{Actor, record};
use super::fields::Fields;
use super::spaces::fetch;
use super::{Store, StoreError, now};
use crate::domain::{AccountId, QuotaOverrides, SpaceId};

macro_rules! select_quotas {
    ($rest:literal) => {
        concat!(
            "SELECT account_id, spaces, models, datasets, instances, cpu_millis, memory_bytes, disk_bytes, disk_files, builds, \
             cpu_seconds_per_day, build_minutes_per_day, egress_bytes_per_day FROM quotas ",
            $rest
        )
    };
}

impl Store {
    /// What was set for every owner of whom anything was.
    ///
    /// # Errors
    /// Ours only.
    pub async fn quotas(&self) -> Result<Vec<(AccountId, QuotaOverrides)>, StoreError> {
        let rows = sqlx::query(select_quotas!("ORDER BY account_id"))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// What was set for one owner.
    ///
    /// # Errors
    /// Ours only.
    pub async fn quota(&self, owner: AccountId) -> Result<QuotaOverrides, StoreError> {
        let row = sqlx::query(select_quotas!("WHERE account_id = $1"))
            .bind(owner.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let found = row.map(|row| read(&row)).transpose()?;
        Ok(found.map_or_else(QuotaOverrides::default, |(_, quota)| quota))
    }

    /// Sets all of it for one owner. `change` is what the audit trail says of it.
    ///
    /// # Errors
    /// Ours only.
    pub async fn set_quota(
        &self,
        owner: AccountId,
        quota: &QuotaOverrides,
        actor: Actor,
        change: &str,
    ) -> Result<(), StoreError> {
        let number =
            |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        let mut write = self.write().await?;
        sqlx::query("DELETE FROM quotas WHERE account_id = $1")
            .bind(owner.to_string())
            .execute(&mut *write)
            .await?;
        sqlx::query(
            "INSERT INTO quotas (account_id, spaces, models, datasets, instances, cpu_millis, memory_bytes, disk_bytes, \
             disk_files, builds, cpu_seconds_per_day, build_minutes_per_day, egress_bytes_per_day, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(owner.to_string())
        .bind(number(quota.spaces))
        .bind(number(quota.models))
        .bind(number(quota.datasets))
        .bind(number(quota.instances))
        .bind(number(quota.cpu_millis))
        .bind(number(quota.memory_bytes))
        .bind(number(quota.disk_bytes))
        .bind(number(quota.disk_files))
        .bind(number(quota.builds))
        .bind(number(quota.cpu_seconds_per_day))
        .bind(number(quota.build_minutes_per_day))
        .bind(number(quota.egress_bytes_per_day))
        .bind(now())
        .execute(&mut *write)
        .await?;
        record(&mut write, actor, "quota.set", None, change).await?;
        write.commit().await?;
        Ok(())
    }

    /// Lets a Space do nothing, for that reason, or lets it be again. What its owner answered to the state before goes with it.
    ///
    /// # Errors
    /// `NotFound` when there is no such Space or it is being removed.
    pub async fn set_disabled(
        &self,
        space: SpaceId,
        reason: Option<&str>,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        let updated = sqlx::query(
            "UPDATE spaces SET disabled = $2, generation = generation + 1 WHERE id = $1 \
             AND EXISTS (SELECT 1 FROM repositories r WHERE r.id = $1 AND r.removed_at IS NULL)",
        )
        .bind(space.to_string())
        .bind(reason.map(str::to_owned))
        .execute(&mut *write)
        .await?;
        if updated.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sqlx::query("DELETE FROM answers WHERE space_id = $1")
            .bind(space.to_string())
            .execute(&mut *write)
            .await?;
        let found = fetch(&mut *write, space).await?;
        let name = found.ok_or(StoreError::NotFound)?.name;
        let (action, detail) = match reason {
            Some(reason) => ("space.disable", format!("{name}: {reason}")),
            None => ("space.enable", name.to_string()),
        };
        record(&mut write, actor, action, Some(space), &detail).await?;
        write.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<(AccountId, QuotaOverrides), StoreError> {
    let fields = Fields::new(row, "quotas", "account_id")?;
    let number = |column| {
        let value = fields.optional_number(column)?;
        value
            .map(|value| {
                u64::try_from(value)
                    .map_err(|_| fields.corrupt(column, format_args!("{value} is negative")))
            })
            .transpose()
    };
    Ok((
        fields.parsed("account_id")?,
        QuotaOverrides {
            spaces: number("spaces")?,
            models: number("models")?,
            datasets: number("datasets")?,
            instances: number("instances")?,
            cpu_millis: number("cpu_millis")?,
            memory_bytes: number("memory_bytes")?,
            disk_bytes: number("disk_bytes")?,
            disk_files: number("disk_files")?,
            builds: number("builds")?,
            cpu_seconds_per_day: number("cpu_seconds_per_day")?,
            build_minutes_per_day: number("build_minutes_per_day")?,
            egress_bytes_per_day: number("egress_bytes_per_day")?,
        },
    ))
}
