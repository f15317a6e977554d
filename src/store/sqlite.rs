//! Opening a SQLite file: the settings on which durability and quiet concurrency rest.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection};

use super::{ACQUIRE_TIMEOUT, StoreError};

/// What every connection is told. WAL lets readers go on while one writes; FULL syncs the log at each commit, so what
/// was acknowledged survives a power loss; the timeout is for another process at the same file. Nothing needs a file
/// beside the database's, and the log is emptied often, so that it stays within what `room` keeps allocated for it.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 500;";

/// Connections that read; each has a thread of its own.
const READERS: u32 = 4;

const PATH_LETTERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// The readers' pool and the writer's.
pub(super) async fn open(path: &str) -> Result<(AnyPool, AnyPool), StoreError> {
    let url = prepare(Path::new(path)).map_err(sqlx::Error::Io)?;
    // A pool would try again and again where one connection says what is wrong.
    let mut first = AnyConnection::connect(&url).await?;
    sqlx::raw_sql(SETTINGS).execute(&mut first).await?;
    first.close().await?;
    let writer = pool(1, SETTINGS).connect(&url).await?;
    let readers = pool(
        READERS,
        "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;",
    )
    .connect(&url)
    .await?;
    Ok((readers, writer))
}

fn pool(connections: u32, settings: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not age.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // After some errors (a full disk, a failing one) SQLite has rolled back by itself, and the connection believes
        // for ever that it is in a transaction, refusing every other. Such a one is closed, and the next is new.
        .after_release(|connection, _| {
            Box::pin(async move {
                // What was dropped is rolled back before this is answered.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(settings).execute(connection).await?;
                Ok(())
            })
        })
}

/// Creates the file for this user alone (its log and index inherit that) and returns its URL.
fn prepare(path: &Path) -> std::io::Result<String> {
    let absolute = std::path::absolute(path)?;
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&absolute)?;
    url_of(&absolute)
}

/// The URL of a file that is there.
pub(super) fn url_of(path: &Path) -> std::io::Result<String> {
    // A URL would fold `..` away without looking at links.
    let real = path.canonicalize()?;
    let text = real
        .to_str()
        .ok_or_else(|| std::io::Error::other("the database's path is not UTF-8"))?;
    Ok(format!(
        "sqlite://{}",
        utf8_percent_encode(text, PATH_LETTERS)
    ))
}
