//! Lists of repositories of one kind: by owner, by word, by tag, in pages.

mod search;

use axum::extract::State;
use axum::{Extension, Json};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::search::{Found, Search, sees};
use super::answers::Page;
use super::facts::{Shown, Wanted, WantedQuery};
use super::info::{listed, tags};
use super::query::Query;
use super::runtime::runtime;
use super::schema::Runtime;
use super::{ApiError, ApiState};
use crate::base_url::BaseUrl;
use crate::card_cache::CardCache;
use crate::domain::{Owner, RepoKind, RepoName, Visibility};

/// Entries of a page when the client names no number.
const PAGE: usize = 100;
/// Which repositories, and what of them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct ListQuery {
    /// Words of the name.
    search: Option<String>,
    /// Whose.
    author: Option<String>,
    /// Tags, all of which it has. The four after it are others' words for the same.
    #[serde(default)]
    filter: Vec<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    datasets: Vec<String>,
    #[serde(default)]
    pipeline_tag: Vec<String>,
    #[serde(default)]
    library: Vec<String>,
    sort: Option<Sort>,
    /// `1` for the smallest first.
    #[schemars(extend("enum" = ["1", "-1"]))]
    direction: Option<String>,
    /// Entries of a page: 100 when nothing is said, 1000 at most.
    limit: Option<u64>,
    /// From the address in the header `Link` of the page before.
    #[schemars(regex(pattern = "^-?[0-9]{1,18}[.][0-9a-f]{32}$"))]
    cursor: Option<String>,
}

/// By what a list is sorted. What is trending nobody measures, nor downloads.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Sort {
    #[default]
    #[serde(
        alias = "last_modified",
        alias = "trendingScore",
        alias = "trending_score",
        alias = "downloads"
    )]
    LastModified,
    #[serde(alias = "created_at")]
    CreatedAt,
    Likes,
}

/// Which Spaces.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SearchQuery {
    /// Words of the name.
    q: Option<String>,
    /// One of these.
    #[serde(default)]
    sdk: Vec<String>,
    /// Tags, all of which it has.
    #[serde(default)]
    filter: Vec<String>,
    /// Entries: 100 at most.
    limit: Option<u64>,
}

/// A Space that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundSpace {
    id: RepoName,
    author: Owner,
    title: String,
    emoji: String,
    sdk: Option<String>,
    likes: i64,
    private: bool,
    tags: Vec<String>,
    runtime: Runtime,
    short_description: String,
    #[serde(rename = "ai_short_description")]
    ai_short_description: String,
    #[serde(rename = "ai_category")]
    ai_category: String,
    semantic_relevancy_score: f64,
    trending_score: u64,
}

/// There are none.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Templates {
    templates: Vec<String>,
}

/// `GET /api/{kinds}`: newest change first; `sort` and `direction` as on the Hub. What is trending nobody measures here, so
/// sorting by it, or by downloads, is the same as sorting by the last change.
pub(super) async fn list(
    State(state): State<ApiState>,
    Extension(cards): Extension<CardCache>,
    kind: RepoKind,
    headers: HeaderMap,
    query: Query<ListQuery>,
    wanted: Query<WantedQuery>,
) -> Result<Page<Vec<Shown>>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let search = Search::of(kind, &query)?;
    let (found, next) = search.page(&state, &cards, &principal).await?;
    let wanted = Wanted::of(&wanted, false);
    let mut page = Vec::with_capacity(found.len());
    for Found {
        subject,
        metadata,
        likes,
    } in &found
    {
        let visible = sees(&principal, subject);
        page.push(
            listed(
                &state, &headers, subject, metadata, *likes, visible, &wanted,
            )
            .await?,
        );
    }
    let next = next.map(|cursor| {
        let base_url = BaseUrl::of(&state.config, &headers);
        let query = query.with("cursor", &cursor);
        format!("{base_url}/api/{}?{query}", kind.plural())
    });
    Ok(Page { items: page, next })
}

/// `GET /api/spaces/semantic-search`: by words, not by meaning.
pub(super) async fn search(
    State(state): State<ApiState>,
    Extension(cards): Extension<CardCache>,
    headers: HeaderMap,
    query: Query<SearchQuery>,
) -> Result<Json<Vec<FoundSpace>>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let list = ListQuery {
        search: query.q.clone(),
        filter: [&query.filter[..], &query.sdk].concat(),
        limit: query.limit,
        ..ListQuery::default()
    };
    let mut search = Search::of(RepoKind::Space, &list)?;
    search.limit = search.limit.min(PAGE);
    let (found, _) = search.page(&state, &cards, &principal).await?;
    let mut results = Vec::with_capacity(found.len());
    for Found {
        subject,
        metadata,
        likes,
    } in &found
    {
        let Some(space) = &subject.space else {
            continue;
        };
        let description = metadata.text("short_description").unwrap_or_default();
        results.push(FoundSpace {
            id: space.name.clone(),
            author: space.name.owner.clone(),
            title: metadata.title(space).to_string(),
            emoji: metadata.text("emoji").unwrap_or_default(),
            sdk: space.sdk.clone(),
            likes: *likes,
            private: space.visibility == Visibility::Private,
            tags: tags(subject, metadata),
            runtime: runtime(&state, &headers, space).await?,
            short_description: description.to_owned(),
            ai_short_description: description.to_owned(),
            ai_category: String::new(),
            semantic_relevancy_score: 1.0,
            trending_score: 0,
        });
    }
    Ok(Json(results))
}

/// `GET /api/spaces/templates`
pub(super) async fn templates() -> Json<Templates> {
    Json(Templates::default())
}
