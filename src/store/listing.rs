//! Pages of repositories of one kind, newest change first.

use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments, AssertSqlSafe, Encode, Type};

use super::accounts::key;
use super::repository_row::{self, select_repositories};
use super::spaces::{read, select_spaces};
use super::{Store, StoreError};
use crate::domain::{AccountId, Millis, Owner, RepoKind, RepoUid, Repository, Space};

/// Which repositories of a kind, newest change first.
#[derive(Debug, Clone)]
pub struct ListRepositories {
    /// Only those of this owner.
    pub owner: Option<Owner>,
    /// Only those whose full name has every one of these words in it, in whatever case.
    pub search: Option<String>,
    /// The private ones of this account, and of its organisations, too; `None` leaves out all private ones.
    pub visible_to: Option<AccountId>,
    /// All private ones too: for operators.
    pub everything: bool,
    /// Only those after this place: `updated_at` and identifier of the last one of the page before.
    pub after: Option<(Millis, RepoUid)>,
    /// How many at most; a page never holds more than 1000.
    pub limit: i64,
}

/// The most entries of a page.
const MAX_PAGE: i64 = 1000;

/// The most words of a search that count.
const MAX_WORDS: usize = 8;

/// Letters of the longest full name: 39 of the owner, `/`, 96 of the repository.
const MAX_NAME: usize = 136;

/// A query that grows.
struct Query {
    text: String,
    arguments: AnyArguments,
}

// === impl ListRepositories ===

impl Default for ListRepositories {
    fn default() -> Self {
        Self {
            owner: None,
            search: None,
            visible_to: None,
            everything: false,
            after: None,
            limit: MAX_PAGE,
        }
    }
}

// === impl Store ===

impl Store {
    /// A page of Spaces. Those being removed are in none.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_spaces(&self, list: &ListRepositories) -> Result<Vec<Space>, StoreError> {
        let Some((text, arguments)) = spaces_query(list)? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// A page of the repositories of a kind. Those being removed are in none.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_repositories(
        &self,
        kind: RepoKind,
        list: &ListRepositories,
    ) -> Result<Vec<Repository>, StoreError> {
        let Some((text, arguments)) = repositories_query(kind, list)? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(repository_row::read).collect()
    }
}

/// The text and arguments of a listing of Spaces: only the conditions that were asked for, so that the planner finds the
/// index made for them. `None` when nothing can match.
pub(super) fn spaces_query(
    list: &ListRepositories,
) -> Result<Option<(String, AnyArguments)>, StoreError> {
    conditions(Query::new(select_spaces!("WHERE")), RepoKind::Space, list)
}

/// The same of a listing of repositories of any kind.
pub(super) fn repositories_query(
    kind: RepoKind,
    list: &ListRepositories,
) -> Result<Option<(String, AnyArguments)>, StoreError> {
    conditions(Query::new(select_repositories!("WHERE")), kind, list)
}

fn conditions(
    mut query: Query,
    kind: RepoKind,
    list: &ListRepositories,
) -> Result<Option<(String, AnyArguments)>, StoreError> {
    let kind = query.argument(kind.as_str().to_owned())?;
    query.text += &format!(" r.kind = {kind} AND r.removed_at IS NULL");
    match (list.everything, list.visible_to) {
        (true, _) => {}
        (false, None) => query.and("r.visibility <> 'private'"),
        (false, Some(account)) => {
            let account = query.argument(account.to_string())?;
            query.and(&format!(
                "(r.visibility <> 'private' OR r.owner_id = {account} OR r.owner_id IN \
                 (SELECT organization_id FROM members WHERE account_id = {account}))"
            ));
        }
    }
    if let Some(owner) = &list.owner {
        let owner = query.argument(key(owner))?;
        query.and(&format!(
            "r.owner_id = (SELECT id FROM accounts WHERE name_key = {owner})"
        ));
    }
    let search = list.search.as_deref().unwrap_or_default();
    for word in search.split_whitespace().take(MAX_WORDS) {
        let Some(pattern) = pattern(word) else {
            return Ok(None);
        };
        let pattern = query.argument(pattern)?;
        query.and(&format!(
            "a.name_key || '/' || r.name_key LIKE {pattern} ESCAPE '!'"
        ));
    }
    if let Some((updated_at, id)) = list.after {
        let updated_at = query.argument(updated_at)?;
        let id = query.argument(id.to_string())?;
        query.and(&format!("(r.updated_at, r.id) < ({updated_at}, {id})"));
    }
    let limit = query.argument(list.limit.clamp(0, MAX_PAGE))?;
    query.text += &format!(" ORDER BY r.updated_at DESC, r.id DESC LIMIT {limit}");
    Ok(Some((query.text, query.arguments)))
}

/// The `LIKE` pattern of names that have `word` in them; `None` when no name can.
fn pattern(word: &str) -> Option<String> {
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    if word.len() > MAX_NAME || !word.bytes().all(possible) {
        return None;
    }
    Some(format!(
        "%{}%",
        word.to_ascii_lowercase().replace('_', "!_")
    ))
}

// === impl Query ===

impl Query {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            arguments: AnyArguments::default(),
        }
    }

    /// Binds a value and returns its placeholder.
    fn argument<'t, T>(&mut self, value: T) -> Result<String, StoreError>
    where
        T: Encode<'t, Any> + Type<Any>,
    {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        Ok(format!("${}", self.arguments.len()))
    }

    /// Adds a condition, which is this file's own text.
    fn and(&mut self, condition: &str) {
        self.text += " AND ";
        self.text += condition;
    }
}
