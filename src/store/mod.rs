//! The rows: accounts, tokens, Spaces, models, datasets, builds, secrets, variables, likes, events, quotas, usage.
//!
//! One SQL text runs on SQLite and on PostgreSQL. Three rules keep it so, and keep it right under load:
//!
//! - columns are TEXT or BIGINT, placeholders are `$1`;
//! - every change is one transaction from [`Store::write`], which on SQLite takes the write lock at once and has a
//!   connection of its own, so that writers queue in this process instead of failing at the file;
//! - an update repeats what it relies on in its own `WHERE`, so that of two that race the later one finds nothing.
//!
//! A change that fails leaves nothing behind: not in the file, and no connection that fails the next one (`sqlite`). What a
//! full disk does to each kind of change is in `room`.
//!
//! A row that cannot be read is [`StoreError::Corrupt`] and names itself.

mod accounts;
mod builds;
mod changes;
mod console;
mod copy;
mod denied;
mod disk_headroom;
mod environment;
mod error_class;
mod events;
mod fields;
mod identities;
mod likes;
mod limits;
mod listing;
mod moderation;
mod oauth_grants;
mod organizations;
mod quotas;
mod repositories;
mod repository_row;
mod running;
mod seal;
mod secrets;
mod sessions;
mod showcase;
mod spaces;
mod sqlite;
mod tokens;
mod usage;
mod variables;
mod volumes;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::MigrateError;
use sqlx::{Any, AnyPool, Transaction};

use crate::domain::{NameError, RepoName, now};

use disk_headroom::Room;

pub use console::BuildRecord;
pub use copy::{check_database, copy_database};
pub use environment::{NewSetting, SettingValue};
pub use events::{Actor, EventRecord};
pub use likes::Like;
pub use limits::Counted;
pub use listing::ListRepositories;
pub use moderation::{Answered, Report};
pub use oauth_grants::{AllowedSpace, NewOAuthGrant, OAuthGrant};
pub use organizations::Member;
pub use repositories::NewRepository;
pub use seal::Sealer;
pub use secrets::SecretFacts;
pub use showcase::{ListShowcase, Order, Showing, Shown};
pub use spaces::SpaceSettings;
pub use tokens::{NewToken, TokenRecord};
pub use usage::{UsageCursor, UsageRow, UsageSpan};
pub use variables::Variable;

/// The database. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Store {
    readers: AnyPool,
    /// On SQLite a pool of one connection, which queues writers in order of arrival; on PostgreSQL the readers' pool.
    writer: AnyPool,
    begin: &'static str,
    sealer: Arc<Sealer>,
    /// On the disk of a SQLite file; PostgreSQL sees to its own.
    room: Option<Arc<Room>>,
}

/// A name that is already somebody's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    /// An account has that name, perhaps in another case.
    #[error("an account of that name exists")]
    Owner,
    /// The name of another Space, of the same owner or of another, gives the same address: this one.
    #[error("{0} has the same address")]
    Subdomain(RepoName),
    /// The owner has a repository of that kind and name, perhaps in another case: this one.
    #[error("{0} exists")]
    Repository(RepoName),
    /// The account has a token of that name.
    #[error("a token of that name exists")]
    Token,
    /// Whoever that is has an account.
    #[error("that identity has an account")]
    Identity,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody has the name.
    #[error("{what}")]
    Taken {
        /// What there is already.
        what: Taken,
    },
    /// The name cannot be an address; the text is for the person who chose it.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The organisation would be without an admin.
    #[error("an organisation has at least one admin")]
    LastAdmin,
    /// There are as many as there may be.
    #[error("{what}")]
    TooMany {
        /// Of what.
        what: Counted,
    },
    /// There is no such row, or it belongs to a repository that is being removed.
    #[error("not found")]
    NotFound,
    /// The server's disk has no room.
    #[error("the server's disk is full; nothing was changed")]
    DiskFull,
    /// The server's disk takes no writes, of which being full for this user is one cause.
    #[error("the server's disk does not accept writes; nothing was changed")]
    DiskFailing(#[source] sqlx::Error),
    /// Something else, such as a backup, holds the database for longer than a change waits.
    #[error("the server's database is busy; nothing was changed, try again in a moment")]
    Busy(#[source] sqlx::Error),
    /// The tables are those of a later version, which this one would read wrongly.
    #[error(
        "the database was written by a newer version of Glasshouse; start that version, or restore a backup made before it"
    )]
    Newer,
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// A stored row makes no sense: it was written by something else or under another key.
    #[error("the row {id} of table {table} cannot be read: {problem}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// The row's key.
        id: String,
        /// What is wrong with it; never a secret's value.
        problem: String,
    },
}

/// How long a query waits for a connection before it is an error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

// === impl Store ===

impl Store {
    /// Opens the database and brings its tables up to date. `sqlite://PATH` takes PATH as it stands (no escapes or
    /// parameters) and creates the file, readable by this user alone, in a folder that must exist; `postgres://…` is
    /// as libpq has it.
    ///
    /// # Errors
    /// When it cannot be opened or brought up to date, or the URL is of neither kind.
    pub async fn connect(url: &str, sealer: Sealer) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sealer = Arc::new(sealer);
        let store = if let Some(path) = url.strip_prefix("sqlite://") {
            let (readers, writer) = sqlite::open(path).await?;
            let room = Room::below(Path::new(path)).map_err(sqlx::Error::Io)?;
            Self {
                readers,
                writer,
                begin: "BEGIN IMMEDIATE",
                sealer,
                room: Some(Arc::new(room)),
            }
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pool = AnyPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect(url)
                .await?;
            Self {
                readers: pool.clone(),
                writer: pool,
                begin: "BEGIN",
                sealer,
                room: None,
            }
        } else {
            let problem = "a database is `sqlite://PATH` or `postgres://…`";
            return Err(sqlx::Error::Configuration(problem.into()).into());
        };
        sqlx::migrate!("src/store/migrations")
            .run(&store.writer)
            .await
            .map_err(|error| match error {
                MigrateError::VersionMissing(_) => StoreError::Newer,
                other => sqlx::Error::from(other).into(),
            })?;
        store.keep_reserve();
        Ok(store)
    }

    /// Has room on the disk set aside for deletions, if something took it away. Blocks for a moment.
    pub fn keep_reserve(&self) {
        if let Some(room) = &self.room {
            room.keep();
        }
    }

    /// Whether the disk has room for anything to be added: looked at before files are received, so that a disk that is
    /// full says so before anything was done. One call to the system.
    ///
    /// # Errors
    /// `DiskFull`.
    pub fn check_room(&self) -> Result<(), StoreError> {
        match &self.room {
            Some(room) if !room.is_there() => Err(StoreError::DiskFull),
            _ => Ok(()),
        }
    }

    /// Whether a change could be recorded at this moment: asked before a branch moves, which cannot be undone.
    ///
    /// # Errors
    /// `DiskFull` and `Busy` when it could not.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.write().await?.rollback().await?;
        Ok(())
    }

    /// Whether the database can be read, and whether its write lock can be had.
    ///
    /// # Errors
    /// When it cannot; waits for writers before it, so callers set a deadline.
    pub async fn health(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM accounts LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        // A full disk keeps nobody from being served.
        self.write_less().await?.rollback().await?;
        Ok(())
    }

    /// A key for a purpose of its own, from the key that seals secrets: the same after every restart, and telling
    /// nothing of that one or of any other purpose's.
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.sealer.derive(purpose)
    }

    /// Waits for statements under way and closes the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a change. Dropped without a commit, it has changed nothing. Refused while the disk is full.
    async fn write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.check_room()?;
        self.write_less().await
    }

    /// As [`Self::write`], for a change that takes something away, and so goes through on a full disk too.
    async fn write_less(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.writer.begin_with(self.begin).await?)
    }
}

// === impl StoreError ===

impl StoreError {
    /// `what` when a unique index refused, the database's own words otherwise.
    fn or_taken(error: sqlx::Error, what: Taken) -> Self {
        if is_unique_violation(&error) {
            Self::Taken { what }
        } else {
            error.into()
        }
    }
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation())
}
