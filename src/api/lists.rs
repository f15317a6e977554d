//! Lists of repositories of one kind: by owner, by word, by tag, in pages.

use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use std::sync::Arc;

use super::control::runtime;
use super::extract::QueryPairs;
use super::info::{Subject, Wanted, listed, tags};
use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::{Action, Principal};
use crate::cards::{Cards, Face};
use crate::domain::{Owner, RepoId, RepoKind};
use crate::store::ListRepositories;

/// Entries of a page when the client names no number.
const PAGE: usize = 100;
/// Entries of the largest page.
const MAX_PAGE: usize = 1000;
/// Rows read from the store at a time.
const BATCH: i64 = 200;
/// Repositories looked at for one page in an order the store does not keep.
const MAX_SORTED: usize = 10_000;

/// `GET /api/{kinds}`: newest change first; `sort` and `direction` as on the Hub. What is trending nobody measures here, so
/// sorting by it, or by downloads, is the same as sorting by the last change.
pub(super) async fn list(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    kind: RepoKind,
    headers: HeaderMap,
    query: QueryPairs,
) -> Result<(HeaderMap, Json<Vec<Value>>), ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let search = Search::of(kind, &query)?;
    let (found, next) = search.page(&state, &cards, &principal).await?;
    let wanted = Wanted::of(&query, false);
    let mut page = Vec::with_capacity(found.len());
    for Found {
        subject,
        face,
        likes,
    } in &found
    {
        let visible = sees(&principal, subject);
        page.push(listed(&state, &headers, subject, face, *likes, visible, &wanted).await?);
    }
    let mut link = HeaderMap::new();
    if let Some(cursor) = next {
        let arrival = Arrival::of(&state.config, &headers);
        let next = format!(
            "<{arrival}/api/{}?{}>; rel=\"next\"",
            kind.plural(),
            query.with("cursor", &cursor)
        );
        if let Ok(next) = HeaderValue::from_str(&next) {
            link.insert(header::LINK, next);
        }
    }
    Ok((link, Json(page)))
}

/// `GET /api/spaces/semantic-search`: by words, not by meaning.
pub(super) async fn search(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    headers: HeaderMap,
    query: QueryPairs,
) -> Result<Json<Vec<Value>>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let mut search = Search::of(RepoKind::Space, &query)?;
    search.words = query.get("q").map(str::to_owned);
    search
        .tags
        .extend(query.all("sdk").map(str::to_ascii_lowercase));
    search.limit = search.limit.min(PAGE);
    let (found, _) = search.page(&state, &cards, &principal).await?;
    let mut results = Vec::with_capacity(found.len());
    for Found {
        subject,
        face,
        likes,
    } in &found
    {
        let Some(space) = &subject.space else {
            continue;
        };
        let description = face.text("short_description").unwrap_or_default();
        results.push(json!({
            "id": space.name.to_string(),
            "author": space.name.owner.as_str(),
            "title": face.title(space),
            "emoji": face.text("emoji").unwrap_or_default(),
            "sdk": space.sdk,
            "likes": likes,
            "private": space.visibility == crate::domain::Visibility::Private,
            "tags": tags(subject, face),
            "runtime": runtime(&state, &headers, space).await?,
            "shortDescription": description,
            "ai_short_description": description,
            "ai_category": "",
            "semanticRelevancyScore": 1.0,
            "trendingScore": 0,
        }));
    }
    Ok(Json(results))
}

/// `GET /api/spaces/templates`
pub(super) async fn templates() -> Json<Value> {
    Json(json!({ "templates": [] }))
}

/// What a list is to hold.
#[derive(Debug)]
struct Search {
    kind: RepoKind,
    owner: Option<String>,
    words: Option<String>,
    /// All of them must be among a repository's tags.
    tags: Vec<String>,
    order: Order,
    /// Key and identifier of the last one of the page before.
    after: Option<(i64, RepoId)>,
    limit: usize,
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

struct Found {
    subject: Subject,
    face: Arc<Face>,
    likes: i64,
}

fn sees(principal: &Principal, subject: &Subject) -> bool {
    principal.may(Action::See, &subject.repo)
}

// === impl Order ===

impl Order {
    /// The one in which the store lists.
    const STORED: Self = Self {
        by: Key::Changed,
        ascending: false,
    };

    fn of(query: &QueryPairs) -> Result<Self, ApiError> {
        let by = match query.get("sort").unwrap_or("lastModified") {
            "createdAt" | "created_at" => Key::Created,
            "likes" => Key::Likes,
            "lastModified" | "last_modified" | "trendingScore" | "trending_score" | "downloads" => {
                Key::Changed
            }
            other => {
                return Err(ApiError::bad_request(format!(
                    "Lists are not sorted by `{other}`, but by lastModified, createdAt or likes"
                )));
            }
        };
        Ok(Self {
            by,
            ascending: query.get("direction") == Some("1"),
        })
    }

    fn key(self, found: &Found) -> (i64, RepoId) {
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
    fn of(kind: RepoKind, query: &QueryPairs) -> Result<Self, ApiError> {
        let tags = ["filter", "models", "datasets", "pipeline_tag", "library"]
            .into_iter()
            .flat_map(|key| query.all(key));
        let limit = query.number("limit")?.unwrap_or(PAGE as u64);
        Ok(Self {
            kind,
            owner: query.get("author").map(str::to_owned),
            words: query.get("search").map(str::to_owned),
            tags: tags.map(str::to_ascii_lowercase).collect(),
            order: Order::of(query)?,
            after: query.get("cursor").map(cursor).transpose()?,
            limit: usize::try_from(limit)
                .unwrap_or(MAX_PAGE)
                .clamp(1, MAX_PAGE),
        })
    }

    /// One page, and the cursor of the next one if there is more.
    async fn page(
        &self,
        state: &ApiState,
        cards: &Cards,
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
                let face = cards.face_at(repo.id, repo.head.as_ref()).await?;
                if self.fits(&subject, &face, principal) {
                    found.push(Found {
                        likes: likes.get(&repo.id).copied().unwrap_or(0),
                        subject,
                        face,
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

    fn fits(&self, subject: &Subject, face: &Face, principal: &Principal) -> bool {
        let repo = &subject.repo;
        // The store knows the account, but not how far its token reaches.
        if !principal.may(Action::Visit, repo) {
            return false;
        }
        if self.tags.is_empty() {
            return true;
        }
        // What a protected Space's card says is its owner's to know.
        let face = if sees(principal, subject) {
            face
        } else {
            &Face::default()
        };
        let mut known: Vec<_> = tags(subject, face);
        known.extend(face.list("models").into_iter().map(str::to_owned));
        known.extend(face.list("datasets").into_iter().map(str::to_owned));
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

fn cursor(text: &str) -> Result<(i64, RepoId), ApiError> {
    let parts = text.split_once('.');
    let parse = |(at, id): (&str, &str)| Some((at.parse().ok()?, id.parse().ok()?));
    parts
        .and_then(parse)
        .ok_or_else(|| ApiError::bad_request("`cursor` is not one this server gave"))
}
