//! How many rows of one kind somebody may have: what an account can add to without end, it could fill the disk with.

use std::fmt;

use sqlx::{Any, AssertSqlSafe, Transaction};

use super::StoreError;

/// Rows that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Tokens of an account.
    Tokens,
    /// Variables of a Space.
    Variables,
    /// Secrets of a Space.
    Secrets,
    /// What an account likes.
    Likes,
    /// Members of an organisation.
    Members,
    /// What a repository was called before.
    FormerNames,
}

// === impl Counted ===

impl Counted {
    /// The most of them that one may have.
    pub const fn most(self) -> i64 {
        match self {
            Self::Tokens => 200,
            Self::Variables | Self::Secrets | Self::FormerNames => 100,
            Self::Likes | Self::Members => 1000,
        }
    }

    fn rows(self) -> &'static str {
        match self {
            Self::Tokens => "tokens WHERE account_id = $1",
            Self::Variables => "variables WHERE space_id = $1",
            Self::Secrets => "secrets WHERE space_id = $1",
            Self::Likes => "likes WHERE account_id = $1",
            Self::Members => "members WHERE organization_id = $1",
            Self::FormerNames => "former_names WHERE repo_id = $1",
        }
    }

    /// How many there are.
    async fn count(
        self,
        write: &mut Transaction<'static, Any>,
        of: &str,
    ) -> Result<i64, StoreError> {
        let text = format!("SELECT COUNT(*) FROM {}", self.rows());
        let count = sqlx::query_scalar(AssertSqlSafe(text)).bind(of.to_owned());
        Ok(count.fetch_one(&mut **write).await?)
    }

    /// Refuses what was just written if these have become too many by it; the transaction is to be dropped then. What
    /// takes the place of a row is never refused.
    ///
    /// # Errors
    /// [`StoreError::TooMany`].
    pub(super) async fn check(
        self,
        write: &mut Transaction<'static, Any>,
        of: &str,
    ) -> Result<(), StoreError> {
        match self.count(write, of).await? > self.most() {
            true => Err(StoreError::TooMany { what: self }),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.most();
        match self {
            Self::Tokens => write!(
                formatter,
                "an account can have at most {most} tokens; revoke one that you do not use"
            ),
            Self::Variables => write!(formatter, "a Space has at most {most} variables"),
            Self::Secrets => write!(formatter, "a Space has at most {most} secrets"),
            Self::Likes => write!(formatter, "an account likes at most {most} repositories"),
            Self::Members => write!(formatter, "an organisation has at most {most} members"),
            Self::FormerNames => write!(formatter, "a repository has at most {most} former names"),
        }
    }
}
