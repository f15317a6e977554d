//! What the database's errors mean to whoever asked: most are ours, and some pass.

use std::borrow::Cow;
use std::io;

use super::StoreError;

/// SQLite's primary codes, in the lowest eight bits of what it says.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
/// Of a file system that was made read-only as well.
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_FULL: u32 = 13;

/// I/O errors of SQLite that are about what is there already: `READ`, `SHORT_READ`, `DATA`, `CORRUPTFS`.
const SQLITE_IOERR_OF_READING: [u32; 4] = [266, 522, 8202, 8458];

// === impl StoreError ===

impl StoreError {
    /// Whether the same request may succeed later without anybody having mended anything here.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::DiskFull | Self::DiskFailing(_) | Self::Busy(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy(error),
            sqlx::Error::Io(cause)
                if matches!(
                    cause.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::DiskFull
            }
            sqlx::Error::Database(told) => {
                let code = told.code().unwrap_or(Cow::Borrowed(""));
                of_code(&code)(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// The variant for a database's code: a number of SQLite's, or five characters of PostgreSQL's.
fn of_code(code: &str) -> fn(sqlx::Error) -> StoreError {
    let full = |_| StoreError::DiskFull;
    // Disk full; too many connections, starting or stopping, a lock that was not to be had, a deadlock or a clash.
    match code {
        "53100" => return full,
        "53300" | "57P01" | "57P03" | "55P03" | "40001" | "40P01" => return StoreError::Busy,
        _ if code.len() == 5 => return StoreError::Database,
        _ => {}
    }
    let Ok(code) = code.parse::<u32>() else {
        return StoreError::Database;
    };
    match code & 0xff {
        SQLITE_FULL => full,
        SQLITE_IOERR if !SQLITE_IOERR_OF_READING.contains(&code) => StoreError::DiskFailing,
        SQLITE_READONLY => StoreError::DiskFailing,
        SQLITE_BUSY | SQLITE_LOCKED => StoreError::Busy,
        _ => StoreError::Database,
    }
}
