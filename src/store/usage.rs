//! What was used, by hour, Space and owner.

use std::sync::LazyLock;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::fields::Fields;
use super::{Store, StoreError};
use crate::domain::{AccountId, SpaceId, UsageCounts};

/// What one Space of one owner used in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// Which Space; it may be gone.
    pub space: SpaceId,
    /// Whose it was then; the account may be gone.
    pub owner: AccountId,
    /// What the owner was called.
    pub owner_name: String,
    /// The Space's full name then.
    pub name: String,
    /// How much.
    pub counts: UsageCounts,
}

/// Which hours are asked for, and whose.
#[derive(Debug, Clone, Copy)]
pub struct UsageSpan {
    /// The first hour.
    pub from: i64,
    /// The last hour, which is among them.
    pub to: i64,
    /// One owner's; `None` is everybody's.
    pub owner: Option<AccountId>,
    /// Rows at most, the newest hours first.
    pub limit: i64,
}

static ADD: LazyLock<String> = LazyLock::new(|| {
    let fields = UsageCounts::FIELDS;
    let places: Vec<_> = (6..6 + fields.len())
        .map(|place| format!("${place}"))
        .collect();
    let sums = fields
        .iter()
        .map(|field| format!("{field} = usage_hours.{field} + excluded.{field}"));
    format!(
        "INSERT INTO usage_hours (hour, space_id, owner_id, owner, name, {}) VALUES ($1, $2, $3, $4, $5, {}) \
         ON CONFLICT (hour, space_id, owner_id) DO UPDATE SET name = excluded.name, {}",
        fields.join(", "),
        places.join(", "),
        sums.collect::<Vec<_>>().join(", "),
    )
});

/// Where a page of [`Store::usage`] or [`Store::usage_sums`] ended: its last row's hour, or CPU time, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCursor {
    /// The last row's hour, or of sums its CPU microseconds.
    pub place: i64,
    /// Its Space.
    pub space: SpaceId,
    /// Its owner.
    pub owner: AccountId,
}

static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT hour, space_id, owner_id, owner, name, {} FROM usage_hours \
         WHERE hour >= $1 AND hour <= $2 AND ($3 = '' OR owner_id = $3) \
         AND ($6 = '' OR hour < $5 OR (hour = $5 AND (space_id, owner_id) > ($6, $7))) \
         ORDER BY hour DESC, space_id, owner_id LIMIT $4",
        UsageCounts::FIELDS.join(", ")
    )
});

/// Totals of each Space and owner with the names they had last, what took most CPU first. The hour is the span's first.
static SUMS: LazyLock<String> = LazyLock::new(|| {
    let newest = |column| {
        format!(
            "(SELECT n.{column} FROM usage_hours n WHERE n.space_id = g.space_id AND n.owner_id = g.owner_id \
             ORDER BY n.hour DESC LIMIT 1) AS {column}"
        )
    };
    format!(
        "SELECT g.*, {}, {} FROM (SELECT CAST($1 AS BIGINT) AS hour, space_id, owner_id, {} FROM usage_hours \
         WHERE hour >= $1 AND hour <= $2 AND ($3 = '' OR owner_id = $3) GROUP BY space_id, owner_id \
         HAVING $6 = '' OR CAST(SUM(cpu_micros) AS BIGINT) < $5 \
         OR (CAST(SUM(cpu_micros) AS BIGINT) = $5 AND (space_id, owner_id) > ($6, $7)) \
         ORDER BY SUM(cpu_micros) DESC, space_id, owner_id LIMIT $4) g \
         ORDER BY g.cpu_micros DESC, g.space_id, g.owner_id",
        newest("name"),
        newest("owner"),
        sums()
    )
});

/// Totals over each hour, with the hour as text too, which names the row.
static BY_HOUR: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CAST(hour AS TEXT) AS hour_text, {} FROM usage_hours \
         WHERE hour >= $1 AND hour <= $2 AND ($3 = '' OR owner_id = $3) GROUP BY hour ORDER BY hour DESC LIMIT $4",
        sums()
    )
});

/// Totals of each Space, what took most CPU first.
static BY_SPACE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT space_id, MAX(name) AS name, {} FROM usage_hours \
         WHERE hour >= $1 AND hour <= $2 AND ($3 = '' OR owner_id = $3) \
         GROUP BY space_id ORDER BY SUM(cpu_micros) DESC, space_id LIMIT $4",
        sums()
    )
});

/// The columns of totals.
fn sums() -> String {
    let sums = UsageCounts::FIELDS
        .iter()
        .map(|field| format!("CAST(SUM({field}) AS BIGINT) AS {field}"));
    sums.collect::<Vec<_>>().join(", ")
}

impl Store {
    /// Adds to what was used, all rows or none.
    ///
    /// # Errors
    /// Ours only.
    pub async fn add_usage(&self, rows: &[UsageRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut write = self.write().await?;
        for row in rows {
            let mut query = sqlx::query(AssertSqlSafe(ADD.as_str()))
                .bind(row.hour)
                .bind(row.space.to_string())
                .bind(row.owner.to_string())
                .bind(row.owner_name.clone())
                .bind(row.name.clone());
            for value in row.counts.values() {
                query = query.bind(i64::try_from(value).unwrap_or(i64::MAX));
            }
            query.execute(&mut *write).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// What was used in a span of hours, the newest first, from where an earlier page ended.
    ///
    /// # Errors
    /// Ours only.
    pub async fn usage(
        &self,
        span: UsageSpan,
        after: Option<&UsageCursor>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.page(SELECT.as_str(), span, after).await
    }

    /// What each Space of each owner used over a whole span, most CPU time first, from where an earlier page ended. What
    /// is used between two pages may move a Space from one to the other.
    ///
    /// # Errors
    /// Ours only.
    pub async fn usage_sums(
        &self,
        span: UsageSpan,
        after: Option<&UsageCursor>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.page(SUMS.as_str(), span, after).await
    }

    async fn page(
        &self,
        query: &'static str,
        span: UsageSpan,
        after: Option<&UsageCursor>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let text = |id: Option<String>| id.unwrap_or_default();
        let query = sqlx::query(AssertSqlSafe(query))
            .bind(span.from)
            .bind(span.to)
            .bind(text(span.owner.map(|owner| owner.to_string())))
            .bind(span.limit.max(0))
            .bind(after.map_or(0, |after| after.place))
            .bind(text(after.map(|after| after.space.to_string())))
            .bind(text(after.map(|after| after.owner.to_string())));
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(read).collect()
    }

    /// All that was used in each hour of a span, the newest first. Hours in which nothing was are left out.
    ///
    /// # Errors
    /// Ours only.
    pub async fn usage_by_hour(
        &self,
        span: UsageSpan,
    ) -> Result<Vec<(i64, UsageCounts)>, StoreError> {
        let rows = self.rows(BY_HOUR.as_str(), span).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "usage_hours", "hour_text")?;
                Ok((fields.parsed("hour_text")?, counts(&fields)?))
            })
            .collect()
    }

    /// All that each Space used in a span, by its name; what took most CPU first. The limit is one of Spaces.
    ///
    /// # Errors
    /// Ours only.
    pub async fn usage_by_space(
        &self,
        span: UsageSpan,
    ) -> Result<Vec<(String, UsageCounts)>, StoreError> {
        let rows = self.rows(BY_SPACE.as_str(), span).await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "usage_hours", "space_id")?;
                Ok((fields.text("name")?, counts(&fields)?))
            })
            .collect()
    }

    async fn rows(&self, query: &'static str, span: UsageSpan) -> Result<Vec<AnyRow>, StoreError> {
        let owner = span
            .owner
            .map_or_else(String::new, |owner| owner.to_string());
        let query = sqlx::query(AssertSqlSafe(query))
            .bind(span.from)
            .bind(span.to)
            .bind(owner)
            .bind(span.limit.max(0));
        Ok(query.fetch_all(&self.readers).await?)
    }

    /// What each owner used in a span of hours of that for which there are quotas per day: CPU time, time of building,
    /// bytes sent. The rest is zero.
    ///
    /// # Errors
    /// Ours only.
    pub async fn used_by_owner(
        &self,
        from: i64,
        to: i64,
    ) -> Result<Vec<(AccountId, UsageCounts)>, StoreError> {
        let rows = sqlx::query(
            "SELECT owner_id, CAST(SUM(cpu_micros) AS BIGINT) AS cpu_micros, \
             CAST(SUM(build_millis) AS BIGINT) AS build_millis, CAST(SUM(bytes_out) AS BIGINT) AS bytes_out \
             FROM usage_hours WHERE hour >= $1 AND hour <= $2 GROUP BY owner_id ORDER BY owner_id",
        )
        .bind(from)
        .bind(to)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let fields = Fields::new(row, "usage_hours", "owner_id")?;
                let sum = |column| {
                    Ok::<_, StoreError>(u64::try_from(fields.number(column)?).unwrap_or(0))
                };
                let used = UsageCounts {
                    cpu_micros: sum("cpu_micros")?,
                    build_millis: sum("build_millis")?,
                    bytes_out: sum("bytes_out")?,
                    ..UsageCounts::default()
                };
                Ok((fields.parsed("owner_id")?, used))
            })
            .collect()
    }

    /// Forgets what was used before that hour.
    ///
    /// # Errors
    /// Ours only.
    pub async fn forget_usage(&self, before: i64) -> Result<(), StoreError> {
        let mut write = self.write_less().await?;
        sqlx::query("DELETE FROM usage_hours WHERE hour < $1")
            .bind(before)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<UsageRow, StoreError> {
    let fields = Fields::new(row, "usage_hours", "space_id")?;
    Ok(UsageRow {
        hour: fields.number("hour")?,
        space: fields.parsed("space_id")?,
        owner: fields.parsed("owner_id")?,
        owner_name: fields.text("owner")?,
        name: fields.text("name")?,
        counts: counts(&fields)?,
    })
}

fn counts(fields: &Fields<'_>) -> Result<UsageCounts, StoreError> {
    UsageCounts::read(|field| {
        let number = fields.number(field)?;
        u64::try_from(number)
            .map_err(|_| fields.corrupt(field, format_args!("{number} is negative")))
    })
}
