//! Lists of Spaces: by owner, by word, by tag, in pages.

use axum::extract::State;
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};
use std::sync::Arc;

use super::control::runtime;
use super::extract::QueryPairs;
use super::spaces::{Wanted, listed, tags};
use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::{Action, Principal, may};
use crate::cards::{Cards, Face};
use crate::domain::{Millis, Owner, Role, Space, SpaceId};
use crate::store::ListSpaces;

/// Entries of a page when the client names no number.
const PAGE: usize = 100;
/// Entries of the largest page.
const MAX_PAGE: usize = 1000;
/// Rows read from the store at a time.
const BATCH: i64 = 200;
/// Spaces looked at for one page in an order the store does not keep.
const MAX_SORTED: usize = 10_000;

/// `GET /api/spaces`: newest change first; `sort` and `direction` as on the Hub. Nobody likes Spaces here, so sorting
/// by likes or by trend is the same as sorting by the last change.
pub(super) async fn list(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    headers: HeaderMap,
    query: QueryPairs,
) -> Result<(HeaderMap, Json<Vec<Value>>), ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let search = Search::of(&query)?;
    let (found, next) = search.page(&state, &cards, &principal).await?;
    let wanted = Wanted::of(&query, false);
    let mut page = Vec::with_capacity(found.len());
    for (space, face) in &found {
        let visible = may(&principal, Action::See, space);
        page.push(listed(&state, &headers, space, face, visible, &wanted).await?);
    }
    let mut link = HeaderMap::new();
    if let Some(cursor) = next {
        let arrival = Arrival::of(&state.config, &headers);
        let next = format!(
            "<{arrival}/api/spaces?{}>; rel=\"next\"",
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
    let mut search = Search::of(&query)?;
    search.words = query.get("q").map(str::to_owned);
    search
        .tags
        .extend(query.all("sdk").map(str::to_ascii_lowercase));
    search.limit = search.limit.min(PAGE);
    let (found, _) = search.page(&state, &cards, &principal).await?;
    let mut results = Vec::with_capacity(found.len());
    for (space, face) in &found {
        let description = face.text("short_description").unwrap_or_default();
        results.push(json!({
            "id": space.name.to_string(),
            "author": space.name.owner.as_str(),
            "title": face.title(space),
            "emoji": face.text("emoji").unwrap_or_default(),
            "sdk": space.sdk,
            "likes": 0,
            "private": space.visibility == crate::domain::Visibility::Private,
            "tags": tags(space, face),
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
    owner: Option<String>,
    words: Option<String>,
    /// All of them must be among a Space's tags.
    tags: Vec<String>,
    order: Order,
    after: Option<(Millis, SpaceId)>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Changed,
    ChangedFirst,
    Created,
    CreatedFirst,
}

type Found = (Space, Arc<Face>);

// === impl Search ===

impl Search {
    fn of(query: &QueryPairs) -> Result<Self, ApiError> {
        let ascending = query.get("direction") == Some("1");
        let order = match (query.get("sort").unwrap_or("lastModified"), ascending) {
            ("createdAt" | "created_at", false) => Order::Created,
            ("createdAt" | "created_at", true) => Order::CreatedFirst,
            ("lastModified" | "last_modified", true) => Order::ChangedFirst,
            (
                "lastModified" | "last_modified" | "likes" | "trendingScore" | "trending_score",
                _,
            ) => Order::Changed,
            (other, _) => {
                return Err(ApiError::bad_request(format!(
                    "Spaces are not sorted by `{other}`, but by lastModified or createdAt"
                )));
            }
        };
        let tags = ["filter", "models", "datasets"]
            .into_iter()
            .flat_map(|key| query.all(key));
        let limit = query.number("limit")?.unwrap_or(PAGE as u64);
        Ok(Self {
            owner: query.get("author").map(str::to_owned),
            words: query.get("search").map(str::to_owned),
            tags: tags.map(str::to_ascii_lowercase).collect(),
            order,
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
            // A name that nobody can have has no Spaces.
            Some(Err(_)) => return Ok((Vec::new(), None)),
            None => None,
        };
        let account = principal.account.as_ref();
        let mut request = ListSpaces {
            owner,
            search: self.words.clone(),
            visible_to: account.map(|account| account.id),
            everything: account.is_some_and(|account| account.role == Role::Operator),
            after: self.after.filter(|_| self.order == Order::Changed),
            limit: BATCH,
        };
        // One more than the page shows that there is a next one.
        let enough = match self.order {
            Order::Changed => self.limit + 1,
            _ => MAX_SORTED,
        };
        let mut found = Vec::new();
        while found.len() < enough {
            let batch = state.store.list_spaces(&request).await?;
            request.after = batch.last().map(|last| (last.updated_at, last.id));
            let last = i64::try_from(batch.len()).unwrap_or(BATCH) < BATCH;
            for space in batch {
                let face = cards.face(&space).await?;
                if self.fits(&space, &face, principal) {
                    found.push((space, face));
                }
            }
            if last {
                break;
            }
        }
        self.sort(&mut found);
        let next = (found.len() > self.limit).then(|| {
            found.truncate(self.limit);
            found
                .last()
                .map(|(space, _)| format!("{}.{}", self.key(space), space.id))
        });
        Ok((found, next.flatten()))
    }

    fn fits(&self, space: &Space, face: &Face, principal: &Principal) -> bool {
        if self.tags.is_empty() {
            return true;
        }
        // What a protected Space's card says is its owner's to know.
        let face = if may(principal, Action::See, space) {
            face
        } else {
            &Face::default()
        };
        let mut known: Vec<_> = tags(space, face);
        known.extend(face.list("models").into_iter().map(str::to_owned));
        known.extend(face.list("datasets").into_iter().map(str::to_owned));
        let has = |tag: &String| known.iter().any(|known| known.eq_ignore_ascii_case(tag));
        self.tags.iter().all(has)
    }

    fn key(&self, space: &Space) -> Millis {
        match self.order {
            Order::Changed | Order::ChangedFirst => space.updated_at,
            Order::Created | Order::CreatedFirst => space.created_at,
        }
    }

    /// Puts an order other than the store's into effect, and leaves out what earlier pages showed.
    fn sort(&self, found: &mut Vec<Found>) {
        let ascending = matches!(self.order, Order::ChangedFirst | Order::CreatedFirst);
        if self.order == Order::Changed {
            return;
        }
        found.sort_by_key(|(space, _)| (self.key(space), space.id));
        if !ascending {
            found.reverse();
        }
        if let Some(after) = self.after {
            found.retain(|(space, _)| {
                let at = (self.key(space), space.id);
                if ascending { at > after } else { at < after }
            });
        }
    }
}

fn cursor(text: &str) -> Result<(Millis, SpaceId), ApiError> {
    let parts = text.split_once('.');
    let parse = |(at, id): (&str, &str)| Some((at.parse().ok()?, id.parse().ok()?));
    parts
        .and_then(parse)
        .ok_or_else(|| ApiError::bad_request("`cursor` is not one this server gave"))
}
