//! What there is to know of one Space.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::control::runtime;
use super::extract::{QueryPairs, SpaceAccess};
use super::{ApiError, ApiState, schema};
use crate::arrival::Arrival;
use crate::auth::{Action, may};
use crate::cards::{Cards, Face};
use crate::domain::{Revision, Space, SpaceId};
use crate::repo::{Entry, EntryKind};

/// Files are read from a repository in pages of this many.
const PAGE: usize = 1000;

/// `GET /api/spaces/{owner}/{name}`
pub(super) async fn info(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    let (principal, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
    let wanted = Wanted::of(&query, true);
    if may(&principal, Action::See, &space) {
        let revision = state.repos.read(space.id, |repo| repo.head()).await?;
        return source(&state, &cards, &headers, &space, revision, &wanted).await;
    }
    let mut facts = facts(&state, &headers, &space, &wanted).await?;
    facts.remove("sha");
    Ok(Json(wanted.keep(facts)))
}

/// `GET /api/spaces/{owner}/{name}/revision/{revision}`
pub(super) async fn at_revision(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    let (_, space) = SpaceAccess::read(&state, &headers, &owner, &name).await?;
    let revision = state
        .repos
        .read(space.id, move |repo| repo.resolve(&revision))
        .await?;
    let wanted = Wanted::of(&query, true);
    source(&state, &cards, &headers, &space, Some(revision), &wanted).await
}

/// `GET /api/spaces/{owner}/{name}/host`
pub(super) async fn host(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (_, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
    let host = Arrival::of(&state.config, &headers).app(&state.config, &space);
    Ok(Json(
        json!({ "host": host, "subdomain": space.subdomain.as_str() }),
    ))
}

/// `GET /api/spaces/{owner}/{name}/auth-check`
pub(super) async fn auth_check(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    SpaceAccess::read(&state, &headers, &owner, &name).await?;
    Ok(Json(json!({})))
}

/// `GET /api/spaces/{owner}/{name}/auth-check/write`
pub(super) async fn auth_check_write(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    SpaceAccess::write(&state, &headers, &owner, &name).await?;
    Ok(Json(json!({})))
}

/// `GET /api/spaces/{owner}/{name}/discussions`
pub(super) async fn discussions(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    SpaceAccess::read(&state, &headers, &owner, &name).await?;
    Ok(Json(json!({ "discussions": [], "count": 0, "start": 0 })))
}

/// Which fields a client asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// `expand`: these and the id, or without it the default ones.
    fields: Vec<String>,
    /// Whether the default ones are many.
    full: bool,
    /// `blobs`: sizes and ids of files.
    blobs: bool,
}

// === impl Wanted ===

impl Wanted {
    /// From a query; `full` is what a query without `expand` means.
    pub(super) fn of(query: &QueryPairs, full: bool) -> Self {
        Self {
            fields: query.all("expand").map(str::to_owned).collect(),
            full: full || query.is_on("full"),
            blobs: query.is_on("blobs"),
        }
    }

    fn has(&self, field: &str) -> bool {
        if self.fields.is_empty() {
            self.full
        } else {
            self.fields.iter().any(|wanted| wanted == field)
        }
    }

    fn keep(&self, mut facts: Map<String, Value>) -> Value {
        if !self.fields.is_empty() {
            // Clients of early 2025 ask for this one before an upload, and then go the plain way.
            if self.has("xetEnabled") {
                facts.insert("xetEnabled".to_owned(), false.into());
            }
            facts.retain(|key, _| matches!(key.as_str(), "id" | "_id") || self.has(key));
        }
        facts.into()
    }
}

/// One Space in a list.
///
/// # Errors
/// When its facts cannot be read.
pub(super) async fn listed(
    state: &ApiState,
    headers: &HeaderMap,
    space: &Space,
    face: &Face,
    source_is_visible: bool,
    wanted: &Wanted,
) -> Result<Value, ApiError> {
    let mut facts = facts(state, headers, space, wanted).await?;
    if source_is_visible {
        add_face(&mut facts, space, face, wanted);
        if let (true, Some(head)) = (wanted.has("siblings"), &space.head) {
            add_files(state, &mut facts, space.id, head, wanted).await?;
        }
    } else {
        facts.remove("sha");
    }
    Ok(wanted.keep(facts))
}

/// What is known without a look at the source.
async fn facts(
    state: &ApiState,
    headers: &HeaderMap,
    space: &Space,
    wanted: &Wanted,
) -> Result<Map<String, Value>, ApiError> {
    let host = Arrival::of(&state.config, headers).app(&state.config, space);
    let mut facts = schema::space(space, &host);
    if wanted.has("runtime") {
        let runtime = runtime(state, headers, space).await?;
        let runtime = serde_json::to_value(runtime).map_err(|error| ApiError::internal(&error))?;
        facts.insert("runtime".to_owned(), runtime);
    }
    Ok(facts)
}

/// Everything, for one who may see the source.
async fn source(
    state: &ApiState,
    cards: &Cards,
    headers: &HeaderMap,
    space: &Space,
    revision: Option<Revision>,
    wanted: &Wanted,
) -> Result<Json<Value>, ApiError> {
    let mut facts = facts(state, headers, space, wanted).await?;
    // The card of that revision, not of the published one.
    let shown = Space {
        head: revision.clone(),
        ..space.clone()
    };
    let face = cards.face(&shown).await?;
    add_face(&mut facts, space, &face, wanted);
    let siblings = wanted.has("siblings") || wanted.has("usedStorage");
    match revision {
        Some(revision) if siblings => {
            add_files(state, &mut facts, space.id, &revision, wanted).await?;
            facts.insert("sha".to_owned(), revision.as_str().into());
        }
        Some(revision) => {
            facts.insert("sha".to_owned(), revision.as_str().into());
        }
        None => {
            facts.insert("sha".to_owned(), Value::Null);
            facts.insert("siblings".to_owned(), json!([]));
            facts.insert("usedStorage".to_owned(), 0.into());
        }
    }
    Ok(Json(wanted.keep(facts)))
}

fn add_face(facts: &mut Map<String, Value>, space: &Space, face: &Face, wanted: &Wanted) {
    facts.insert("tags".to_owned(), tags(space, face).into());
    facts.insert("models".to_owned(), face.list("models").into());
    facts.insert("datasets".to_owned(), face.list("datasets").into());
    if wanted.has("cardData") {
        facts.insert("cardData".to_owned(), face.data.clone().into());
    }
}

/// The card's tags, and the SDK as the Hub adds it.
pub(super) fn tags(space: &Space, face: &Face) -> Vec<String> {
    let own = face.list("tags").into_iter().map(str::to_owned);
    space.sdk.iter().cloned().chain(own).collect()
}

async fn add_files(
    state: &ApiState,
    facts: &mut Map<String, Value>,
    space: SpaceId,
    revision: &Revision,
    wanted: &Wanted,
) -> Result<(), ApiError> {
    let files = files(state, space, revision.clone()).await?;
    let used: u64 = files.iter().map(|(_, size, _)| size).sum();
    let siblings: Vec<_> = files
        .into_iter()
        .map(|(path, size, oid)| {
            if wanted.blobs {
                json!({ "rfilename": path, "size": size, "blobId": oid })
            } else {
                json!({ "rfilename": path })
            }
        })
        .collect();
    facts.insert("siblings".to_owned(), siblings.into());
    facts.insert("usedStorage".to_owned(), used.into());
    Ok(())
}

/// All files of a commit: path, size and blob id.
async fn files(
    state: &ApiState,
    space: SpaceId,
    revision: Revision,
) -> Result<Vec<(String, u64, String)>, ApiError> {
    let read = move |repo: &crate::repo::Repo| {
        let mut files = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = repo.tree(&revision, "", true, after.as_deref(), PAGE)?;
            for Entry { path, kind } in page.entries {
                if let EntryKind::File { size, oid } = kind {
                    files.push((path, size, oid));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(files),
            }
        }
    };
    Ok(state.repos.read(space, read).await?)
}
