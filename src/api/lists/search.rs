//! Looking for repositories: what fits, in which order, from where on.

use std::sync::Arc;

use super::{ListQuery, PAGE, Sort};
use crate::api::info::{Subject, tags};
use crate::api::{ApiError, ApiState};
use crate::auth::{Action, Principal};
use crate::card_cache::{CardCache, CardMetadata};
use crate::domain::{Owner, RepoKind, RepoUid};
use crate::store::ListRepositories;

/// Entries of the largest page.
const MAX_PAGE: usize = 1000;
/// Rows read from the store at a time.
const BATCH: i64 = 200;
/// Repositories looked at for one page in an order the store does not keep.
const MAX_SORTED: usize = 10_000;

/// What a list is to hold.
#[derive(Debug)]
pub(super) struct Search {
    kind: RepoKind,
    owner: Option<String>,
    words: Option<String>,
    /// All of them must be among a repository's tags.
    tags: Vec<String>,
    order: Order,
    /// Key and identifier of the last one of the page before.
    after: Option<(i64, RepoUid)>,
    pub(super) limit: usize,
}

/// By what a list is sorted, and whether the smallest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    by: Key,
    ascending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Changed,
    Created,
    Likes,
}

/// A repository that fits.
pub(super) struct Found {
    pub(super) subject: Subject,
    pub(super) metadata: Arc<CardMetadata>,
    pub(super) likes: i64,
}

/// Whether its source may be seen, and not only its demo.
pub(super) fn sees(principal: &Principal, subject: &Subject) -> bool {
    principal.may(Action::See, &subject.repo)
}

// === impl Order ===

impl Order {
    /// The one in which the store lists.
    const STORED: Self = Self {
        by: Key::Changed,
        ascending: false,
    };

    fn of(query: &ListQuery) -> Self {
        let by = match query.sort.unwrap_or_default() {
            Sort::CreatedAt => Key::Created,
            Sort::Likes => Key::Likes,
            Sort::LastModified => Key::Changed,
        };
        Self {
            by,
            ascending: query.direction.as_deref() == Some("1"),
        }
    }

    fn key(self, found: &Found) -> (i64, RepoUid) {
        let repo = &found.subject.repo;
        let key = match self.by {
            Key::Changed => repo.updated_at,
            Key::Created => repo.created_at,
            Key::Likes => found.likes,
        };
        (key, repo.id)
    }
}

// === impl Search ===

impl Search {
    /// What a query asks for.
    ///
    /// # Errors
    /// 400 for a cursor that is none.
    pub(super) fn of(kind: RepoKind, query: &ListQuery) -> Result<Self, ApiError> {
        let tags = [
            &query.filter,
            &query.models,
            &query.datasets,
            &query.pipeline_tag,
            &query.library,
        ];
        let limit = query.limit.unwrap_or(PAGE as u64);
        Ok(Self {
            kind,
            owner: query.author.clone(),
            words: query.search.clone(),
            tags: tags
                .into_iter()
                .flatten()
                .map(|tag| tag.to_ascii_lowercase())
                .collect(),
            order: Order::of(query),
            after: query.cursor.as_deref().map(cursor).transpose()?,
            limit: usize::try_from(limit)
                .unwrap_or(MAX_PAGE)
                .clamp(1, MAX_PAGE),
        })
    }

    /// One page, and the cursor of the next one if there is more.
    pub(super) async fn page(
        &self,
        state: &ApiState,
        cards: &CardCache,
        principal: &Principal,
    ) -> Result<(Vec<Found>, Option<String>), ApiError> {
        let owner: Option<Owner> = match self.owner.as_deref().map(str::parse) {
            Some(Ok(owner)) => Some(owner),
            // A name that nobody can have has nothing.
            Some(Err(_)) => return Ok((Vec::new(), None)),
            None => None,
        };
        let account = principal.account.as_ref();
        let mut request = ListRepositories {
            owner,
            search: self.words.clone(),
            visible_to: account.map(|account| account.id),
            everything: principal.looks_everywhere(),
            after: self.after.filter(|_| self.order == Order::STORED),
            limit: BATCH,
        };
        // One more than the page shows that there is a next one.
        let enough = match self.order {
            Order::STORED => self.limit + 1,
            _ => MAX_SORTED,
        };
        let mut found = Vec::new();
        while found.len() < enough {
            let batch = self.batch(state, &request).await?;
            request.after = batch
                .last()
                .map(|last| (last.repo.updated_at, last.repo.id));
            let last = i64::try_from(batch.len()).unwrap_or(BATCH) < BATCH;
            let ids: Vec<_> = batch.iter().map(|subject| subject.repo.id).collect();
            let likes = state.store.count_likes(&ids).await?;
            for subject in batch {
                let repo = &subject.repo;
                let metadata = cards.metadata_at(repo.id, repo.head.as_ref()).await?;
                if self.fits(&subject, &metadata, principal) {
                    found.push(Found {
                        likes: likes.get(&repo.id).copied().unwrap_or(0),
                        subject,
                        metadata,
                    });
                }
            }
            if last {
                break;
            }
        }
        self.sort(&mut found);
        let next = (found.len() > self.limit).then(|| {
            found.truncate(self.limit);
            found.last().map(|last| {
                let (key, id) = self.order.key(last);
                format!("{key}.{id}")
            })
        });
        Ok((found, next.flatten()))
    }

    async fn batch(
        &self,
        state: &ApiState,
        request: &ListRepositories,
    ) -> Result<Vec<Subject>, ApiError> {
        if self.kind == RepoKind::Space {
            let spaces = state.store.list_spaces(request).await?;
            return Ok(spaces.into_iter().map(Subject::from).collect());
        }
        let repos = state.store.list_repositories(self.kind, request).await?;
        Ok(repos.into_iter().map(Subject::from).collect())
    }

    fn fits(&self, subject: &Subject, metadata: &CardMetadata, principal: &Principal) -> bool {
        let repo = &subject.repo;
        // The store knows the account, but not how far its token reaches.
        if !principal.may(Action::Visit, repo) {
            return false;
        }
        if self.tags.is_empty() {
            return true;
        }
        // What a protected Space's card says is its owner's to know.
        let metadata = if sees(principal, subject) {
            metadata
        } else {
            &CardMetadata::default()
        };
        let mut known: Vec<_> = tags(subject, metadata);
        known.extend(metadata.words("models").into_iter().map(str::to_owned));
        known.extend(metadata.words("datasets").into_iter().map(str::to_owned));
        let has = |tag: &String| known.iter().any(|known| known.eq_ignore_ascii_case(tag));
        self.tags.iter().all(has)
    }

    /// Puts an order other than the store's into effect, and leaves out what earlier pages showed.
    fn sort(&self, found: &mut Vec<Found>) {
        if self.order == Order::STORED {
            return;
        }
        let order = self.order;
        found.sort_by_key(|found| order.key(found));
        if !order.ascending {
            found.reverse();
        }
        if let Some(after) = self.after {
            found.retain(|found| {
                let at = order.key(found);
                if order.ascending {
                    at > after
                } else {
                    at < after
                }
            });
        }
    }
}

fn cursor(text: &str) -> Result<(i64, RepoUid), ApiError> {
    let parts = text.split_once('.');
    let parse = |(at, id): (&str, &str)| Some((at.parse().ok()?, id.parse().ok()?));
    parts
        .and_then(parse)
        .ok_or_else(|| ApiError::bad_request("`cursor` was not issued by this server"))
}
