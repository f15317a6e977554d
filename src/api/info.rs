//! What there is to know of one repository.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::control::runtime;
use super::extract::{QueryPairs, RepoAccess, SpaceAccess};
use super::{ApiError, ApiState, schema};
use crate::arrival::Arrival;
use crate::auth::{Action, may};
use crate::cards::{Cards, Face};
use crate::domain::{RepoId, RepoKind, Repository, Revision, Space};
use crate::repo::{Entry, EntryKind};

/// Files are read from a repository in pages of this many.
const PAGE: usize = 1000;

/// A repository, and the Space if it is one.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// What all have in common.
    pub(super) repo: Repository,
    /// What only a Space has.
    pub(super) space: Option<Space>,
}

impl From<Space> for Subject {
    fn from(space: Space) -> Self {
        Self {
            repo: Repository::from(&space),
            space: Some(space),
        }
    }
}

impl From<Repository> for Subject {
    fn from(repo: Repository) -> Self {
        Self { repo, space: None }
    }
}

/// `GET /api/{kinds}/{owner}/{name}`
pub(super) async fn info(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    let wanted = Wanted::of(&query, true);
    let subject = if kind == RepoKind::Space {
        let (principal, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
        let seen = may(&principal, Action::See, &space);
        let subject = Subject::from(space);
        if !seen {
            let likes = likes(&state, subject.repo.id).await?;
            let mut facts = facts(&state, &headers, &subject, likes, &wanted).await?;
            facts.remove("sha");
            return Ok(Json(wanted.keep(facts)));
        }
        subject
    } else {
        let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
        Subject::from(repo)
    };
    let revision = state
        .repos
        .read(subject.repo.id, |repo| repo.head())
        .await?;
    source(&state, &cards, &headers, &subject, revision, &wanted).await
}

/// `GET /api/{kinds}/{owner}/{name}/revision/{revision}`
pub(super) async fn at_revision(
    State(state): State<ApiState>,
    Extension(cards): Extension<Cards>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    query: QueryPairs,
) -> Result<Json<Value>, ApiError> {
    let subject = if kind == RepoKind::Space {
        let (_, space) = SpaceAccess::read(&state, &headers, &owner, &name).await?;
        Subject::from(space)
    } else {
        let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
        Subject::from(repo)
    };
    let revision = state
        .repos
        .read(subject.repo.id, move |repo| repo.resolve(&revision))
        .await?;
    let wanted = Wanted::of(&query, true);
    source(&state, &cards, &headers, &subject, Some(revision), &wanted).await
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

/// `GET /api/{kinds}/{owner}/{name}/auth-check`
pub(super) async fn auth_check(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    Ok(Json(json!({})))
}

/// `GET /api/{kinds}/{owner}/{name}/auth-check/write`
pub(super) async fn auth_check_write(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    Ok(Json(json!({})))
}

/// `GET /api/{kinds}/{owner}/{name}/discussions`
pub(super) async fn discussions(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
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

/// One repository in a list.
///
/// # Errors
/// When its facts cannot be read.
pub(super) async fn listed(
    state: &ApiState,
    headers: &HeaderMap,
    subject: &Subject,
    face: &Face,
    likes: i64,
    source_is_visible: bool,
    wanted: &Wanted,
) -> Result<Value, ApiError> {
    let mut facts = facts(state, headers, subject, likes, wanted).await?;
    if source_is_visible {
        add_face(&mut facts, subject, face, wanted);
        if let (true, Some(head)) = (wanted.has("siblings"), &subject.repo.head) {
            add_files(state, &mut facts, subject.repo.id, head, wanted).await?;
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
    subject: &Subject,
    likes: i64,
    wanted: &Wanted,
) -> Result<Map<String, Value>, ApiError> {
    let mut facts = schema::repository(&subject.repo, likes);
    let Some(space) = &subject.space else {
        return Ok(facts);
    };
    let host = Arrival::of(&state.config, headers).app(&state.config, space);
    facts.extend(schema::space(space, &host));
    if wanted.has("runtime") {
        let runtime = runtime(state, headers, space).await?;
        let runtime = serde_json::to_value(runtime).map_err(|error| ApiError::internal(&error))?;
        facts.insert("runtime".to_owned(), runtime);
    }
    Ok(facts)
}

async fn likes(state: &ApiState, repo: RepoId) -> Result<i64, ApiError> {
    let counts = state.store.count_likes(&[repo]).await?;
    Ok(counts.get(&repo).copied().unwrap_or(0))
}

/// Everything, for one who may see the source.
async fn source(
    state: &ApiState,
    cards: &Cards,
    headers: &HeaderMap,
    subject: &Subject,
    revision: Option<Revision>,
    wanted: &Wanted,
) -> Result<Json<Value>, ApiError> {
    let id = subject.repo.id;
    let likes = likes(state, id).await?;
    let mut facts = facts(state, headers, subject, likes, wanted).await?;
    // The card of that revision, not of the published one.
    let face = cards.face_at(id, revision.as_ref()).await?;
    add_face(&mut facts, subject, &face, wanted);
    let siblings = wanted.has("siblings") || wanted.has("usedStorage");
    match revision {
        Some(revision) if siblings => {
            add_files(state, &mut facts, id, &revision, wanted).await?;
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

fn add_face(facts: &mut Map<String, Value>, subject: &Subject, face: &Face, wanted: &Wanted) {
    facts.insert("tags".to_owned(), tags(subject, face).into());
    match subject.repo.kind {
        RepoKind::Space => {
            facts.insert("models".to_owned(), face.list("models").into());
            facts.insert("datasets".to_owned(), face.list("datasets").into());
        }
        RepoKind::Model => {
            for key in ["pipeline_tag", "library_name"] {
                if let Some(word) = face.text(key) {
                    facts.insert(key.to_owned(), word.into());
                }
            }
        }
        RepoKind::Dataset => {}
    }
    if wanted.has("cardData") {
        facts.insert("cardData".to_owned(), face.data.clone().into());
    }
}

/// The card's tags, and what the Hub makes tags of: a Space's SDK, a model's library and task, licence and languages.
pub(super) fn tags(subject: &Subject, face: &Face) -> Vec<String> {
    let sdk = subject.space.iter().filter_map(|space| space.sdk.clone());
    let own = face.list("tags").into_iter().map(str::to_owned);
    let mut tags: Vec<String> = sdk.chain(own).collect();
    if subject.repo.kind == RepoKind::Space {
        return tags;
    }
    let mut add = |tag: String| {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    };
    for key in ["library_name", "pipeline_tag"] {
        face.text(key).into_iter().for_each(&mut add);
    }
    let language = match subject.repo.kind {
        RepoKind::Dataset => "language:",
        _ => "",
    };
    for (key, prefix) in [
        ("language", language),
        ("license", "license:"),
        ("datasets", "dataset:"),
        ("task_categories", "task_categories:"),
        ("size_categories", "size_categories:"),
    ] {
        let one = face.text(key);
        let words = face.list(key).into_iter().map(str::to_owned).chain(one);
        words
            .map(|word| format!("{prefix}{word}"))
            .for_each(&mut add);
    }
    tags
}

async fn add_files(
    state: &ApiState,
    facts: &mut Map<String, Value>,
    repo: RepoId,
    revision: &Revision,
    wanted: &Wanted,
) -> Result<(), ApiError> {
    let files = files(state, repo, revision.clone()).await?;
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
    repo: RepoId,
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
    Ok(state.repos.read(repo, read).await?)
}
