//! A copy of a SQLite database, made while a server goes on writing to it.

use std::path::Path;

use sqlx::{AnyConnection, Connection, Row};

use super::StoreError;
use super::sqlite::url_of;

/// Writes the database at `from`, as it is at one moment, to a new file at `to`. Whoever writes meanwhile is not held up.
///
/// # Errors
/// When `from` is no database that can be read, or `to` cannot be written or exists.
pub async fn copy_database(from: &Path, to: &Path) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    let mut source = AnyConnection::connect(&url_of(from).map_err(sqlx::Error::Io)?).await?;
    sqlx::raw_sql("PRAGMA busy_timeout = 30000;")
        .execute(&mut source)
        .await?;
    let to = std::path::absolute(to).map_err(sqlx::Error::Io)?;
    // A failure leaves nothing that could be taken for a copy: the file is written in one transaction.
    sqlx::query("VACUUM INTO $1")
        .bind(to.display().to_string())
        .execute(&mut source)
        .await?;
    source.close().await?;
    Ok(())
}

/// What is wrong with the database at `path`, in the words of SQLite; empty when it is whole. Nothing is changed.
///
/// # Errors
/// When it cannot be read at all.
pub async fn check_database(path: &Path) -> Result<Vec<String>, StoreError> {
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(&url_of(path).map_err(sqlx::Error::Io)?).await?;
    let mut problems = Vec::new();
    for row in sqlx::query("PRAGMA integrity_check")
        .fetch_all(&mut database)
        .await?
    {
        let text: String = row.try_get(0)?;
        if text != "ok" {
            problems.push(text);
        }
    }
    for row in sqlx::query("PRAGMA foreign_key_check")
        .fetch_all(&mut database)
        .await?
    {
        let table: String = row.try_get(0)?;
        problems.push(format!("a row of {table} refers to one that is not there"));
    }
    database.close().await?;
    Ok(problems)
}
