//! Pages of Spaces, and of models or datasets, newest change first.

use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments, AssertSqlSafe, Encode, Type};

use super::accounts::key;
use super::repositories::{self, select_repositories};
use super::spaces::{read, select_spaces};
use super::{Store, StoreError};
use crate::domain::{AccountId, Millis, Owner, RepoKind, RepoUid, Repository, Space};

/// Which Spaces, newest change first.
#[derive(Debug, Clone)]
pub struct ListSpaces {
    /// Only those of this owner.
    pub owner: Option<Owner>,
    /// Only those whose full name has every one of these words in it, in whatever case.
    pub search: Option<String>,
    /// The private Spaces of this account, and of its organisations, too; `None` leaves out all private ones.
    pub visible_to: Option<AccountId>,
    /// All private Spaces too: for operators.
    pub everything: bool,
    /// Only those after this place: `updated_at` and identifier of the last one of the page before.
    pub after: Option<(Millis, RepoUid)>,
    /// How many at most; a page never holds more than 1000.
    pub limit: i64,
}

/// Which models or datasets: as [`ListSpaces`] has it.
pub type ListRepositories = ListSpaces;

/// The most entries of a page.
const MAX_PAGE: i64 = 1000;

/// The most words of a search that count.
const MAX_WORDS: usize = 8;

/// Letters of the longest full name: 39 of the owner, `/`, 96 of the Space.
const MAX_NAME: usize = 136;

/// A query that grows.
struct Query {
    text: String,
    arguments: AnyArguments,
}

// === impl ListSpaces ===

impl Default for ListSpaces {
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
    pub async fn list_spaces(&self, list: &ListSpaces) -> Result<Vec<Space>, StoreError> {
        let Some((text, arguments)) = list_query(list)? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(read).collect()
    }

    /// A page of the models, or of the datasets.
    ///
    /// # Errors
    /// Ours only.
    pub async fn list_repositories(
        &self,
        kind: RepoKind,
        list: &ListRepositories,
    ) -> Result<Vec<Repository>, StoreError> {
        let mut query = Query::new(select_repositories!("WHERE s.kind = "));
        let kind = query.argument(kind.as_str().to_owned())?;
        query.text += &kind;
        let Some((text, arguments)) = conditions(query, list)? else {
            return Ok(Vec::new());
        };
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(repositories::read).collect()
    }
}

/// The text and arguments of a listing: only the conditions that were asked for, so that the planner finds the index
/// made for them. `None` when nothing can match.
pub(super) fn list_query(list: &ListSpaces) -> Result<Option<(String, AnyArguments)>, StoreError> {
    let query = Query::new(select_spaces!("WHERE s.desired <> 'deleted'"));
    conditions(query, list)
}

/// What both kinds of listings may ask for.
fn conditions(
    mut query: Query,
    list: &ListSpaces,
) -> Result<Option<(String, AnyArguments)>, StoreError> {
    match (list.everything, list.visible_to) {
        (true, _) => {}
        (false, None) => query.and("s.visibility <> 'private'"),
        (false, Some(account)) => {
            let account = query.argument(account.to_string())?;
            query.and(&format!(
                "(s.visibility <> 'private' OR s.owner_id = {account} OR s.owner_id IN \
                 (SELECT organization_id FROM members WHERE account_id = {account}))"
            ));
        }
    }
    if let Some(owner) = &list.owner {
        let owner = query.argument(key(owner))?;
        query.and(&format!(
            "s.owner_id = (SELECT id FROM accounts WHERE name_key = {owner})"
        ));
    }
    let search = list.search.as_deref().unwrap_or_default();
    for word in search.split_whitespace().take(MAX_WORDS) {
        let Some(pattern) = pattern(word) else {
            return Ok(None);
        };
        let pattern = query.argument(pattern)?;
        query.and(&format!(
            "a.name_key || '/' || s.name_key LIKE {pattern} ESCAPE '!'"
        ));
    }
    if let Some((updated_at, id)) = list.after {
        let updated_at = query.argument(updated_at)?;
        let id = query.argument(id.to_string())?;
        query.and(&format!("(s.updated_at, s.id) < ({updated_at}, {id})"));
    }
    let limit = query.argument(list.limit.clamp(0, MAX_PAGE))?;
    query.text += &format!(" ORDER BY s.updated_at DESC, s.id DESC LIMIT {limit}");
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
