//! The rows: accounts, tokens, Spaces, models, datasets, builds, secrets, variables, likes, events, quotas, usage.
//!
//! One SQL text runs on SQLite and on PostgreSQL. Three rules keep it so, and keep it right under load:
//!
//! - columns are TEXT or BIGINT, placeholders are `$1`;
//! - every change is one transaction from [`Store::write`], which on SQLite takes the write lock at once and has a
//!   connection of its own, so that writers queue in this process instead of failing at the file;
//! - an update repeats what it relies on in its own `WHERE`, so that of two that race the later one finds nothing.
//!
//! A row that cannot be read is [`StoreError::Corrupt`] and names itself.

mod accounts;
mod builds;
mod changes;
mod console;
mod copy;
mod events;
mod fields;
mod identities;
mod likes;
mod limits;
mod listing;
mod moderation;
mod organizations;
mod quotas;
mod repositories;
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

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Transaction};

use crate::domain::{Millis, NameError, SpaceName};

pub use console::BuildRecord;
pub use copy::{check_database, copy_database};
pub use events::{Event, EventRecord};
pub use likes::Like;
pub use limits::Counted;
pub use listing::{ListRepositories, ListSpaces};
pub use moderation::Report;
pub use organizations::Member;
pub use repositories::NewRepository;
pub use seal::{Sealer, SecretValue};
pub use secrets::SecretFacts;
pub use showcase::{ListShowcase, Order, Showing, Shown};
pub use spaces::NewSpace;
pub use tokens::{NewToken, TokenRecord};
pub use usage::{UsageRow, UsageSpan};
pub use variables::Variable;

/// The database. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Store {
    readers: AnyPool,
    /// On SQLite a pool of one connection, which queues writers in order of arrival; on PostgreSQL the readers' pool.
    writer: AnyPool,
    begin: &'static str,
    sealer: Arc<Sealer>,
}

/// A name that is already somebody's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Taken {
    /// An account has that name, perhaps in another case.
    #[error("an account of that name exists")]
    Owner,
    /// The owner has a Space of that name, perhaps in another case: this one.
    #[error("{0} exists")]
    Space(SpaceName),
    /// Another name of the same owner or of another gives the same address: this one.
    #[error("{0} has the same address")]
    Subdomain(SpaceName),
    /// The owner has a model or dataset of that name, perhaps in another case: this one.
    #[error("{0} exists")]
    Repository(SpaceName),
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
    /// There is no such row, or it belongs to a Space that is being removed.
    #[error("not found")]
    NotFound,
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
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
            Self {
                readers,
                writer,
                begin: "BEGIN IMMEDIATE",
                sealer,
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
            }
        } else {
            let problem = "a database is `sqlite://PATH` or `postgres://…`";
            return Err(sqlx::Error::Configuration(problem.into()).into());
        };
        sqlx::migrate!("src/store/migrations")
            .run(&store.writer)
            .await
            .map_err(sqlx::Error::from)?;
        Ok(store)
    }

    /// Whether the database can be read, and whether its write lock can be had.
    ///
    /// # Errors
    /// When it cannot; waits for writers before it, so callers set a deadline.
    pub async fn health(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM accounts LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        self.write().await?.rollback().await?;
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

    /// Begins a change. Dropped without a commit, it has changed nothing.
    async fn write(&self) -> Result<Transaction<'static, Any>, StoreError> {
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

/// The present, for columns that record when a row was made or changed.
fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
