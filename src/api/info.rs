//! What there is to know of one repository.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::access::{RepoAccess, SpaceAccess};
use super::answers::Done;
use super::facts::{Facts, Shown, Sibling, Wanted, WantedQuery};
use super::query::Query;
use super::runtime::runtime;
use super::{ApiError, ApiState};
use crate::auth::{Action, may};
use crate::base_url::BaseUrl;
use crate::card_cache::{CardCache, CardMetadata};
use crate::domain::{RepoKind, RepoUid, Repository, Revision, Space};
use crate::repo::{Entry, EntryKind, FileFacts};

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

/// Where a Space's demo is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Host {
    host: String,
    subdomain: String,
}

/// There are none.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Discussions {
    discussions: Vec<String>,
    count: usize,
    start: usize,
}

/// `GET /api/{kinds}/{owner}/{name}`
pub(super) async fn info(
    State(state): State<ApiState>,
    Extension(cards): Extension<CardCache>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: Query<WantedQuery>,
) -> Result<Json<Shown>, ApiError> {
    let wanted = Wanted::of(&query, true);
    let subject = if kind == RepoKind::Space {
        let (principal, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
        let seen = may(&principal, Action::See, &space);
        let subject = Subject::from(space);
        if !seen {
            let likes = likes(&state, subject.repo.id).await?;
            let mut facts = facts(&state, &headers, &subject, likes, &wanted).await?;
            facts.sha = None;
            return Ok(Json(wanted.keep(facts)?));
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
    Extension(cards): Extension<CardCache>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name, revision)): Path<(String, String, String)>,
    query: Query<WantedQuery>,
) -> Result<Json<Shown>, ApiError> {
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
) -> Result<Json<Host>, ApiError> {
    let (_, space) = SpaceAccess::visit(&state, &headers, &owner, &name).await?;
    let host = BaseUrl::of(&state.config, &headers).app(&state.config, &space);
    Ok(Json(Host {
        host,
        subdomain: space.subdomain.to_string(),
    }))
}

/// `GET /api/{kinds}/{owner}/{name}/auth-check`
pub(super) async fn auth_check(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Done>, ApiError> {
    RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    Ok(Json(Done {}))
}

/// `GET /api/{kinds}/{owner}/{name}/auth-check/write`
pub(super) async fn auth_check_write(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Done>, ApiError> {
    RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    Ok(Json(Done {}))
}

/// `GET /api/{kinds}/{owner}/{name}/discussions`
pub(super) async fn discussions(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Discussions>, ApiError> {
    RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    Ok(Json(Discussions::default()))
}

/// One repository in a list.
///
/// # Errors
/// When its facts cannot be read.
pub(super) async fn listed(
    state: &ApiState,
    headers: &HeaderMap,
    subject: &Subject,
    metadata: &CardMetadata,
    likes: i64,
    source_is_visible: bool,
    wanted: &Wanted<'_>,
) -> Result<Shown, ApiError> {
    let mut facts = facts(state, headers, subject, likes, wanted).await?;
    if source_is_visible {
        add_face(&mut facts, subject, metadata, wanted);
        if let (true, Some(head)) = (wanted.has("siblings"), &subject.repo.head) {
            add_files(state, &mut facts, subject.repo.id, head, wanted).await?;
        }
    } else {
        facts.sha = None;
    }
    wanted.keep(facts)
}

/// What is known without a look at the source.
async fn facts(
    state: &ApiState,
    headers: &HeaderMap,
    subject: &Subject,
    likes: i64,
    wanted: &Wanted<'_>,
) -> Result<Facts, ApiError> {
    let mut facts = Facts::of(&subject.repo, likes);
    let Some(space) = &subject.space else {
        return Ok(facts);
    };
    let host = BaseUrl::of(&state.config, headers).app(&state.config, space);
    facts.add_space(space, host);
    if wanted.has("runtime") {
        facts.runtime = Some(runtime(state, headers, space).await?);
    }
    Ok(facts)
}

async fn likes(state: &ApiState, repo: RepoUid) -> Result<i64, ApiError> {
    let counts = state.store.count_likes(&[repo]).await?;
    Ok(counts.get(&repo).copied().unwrap_or(0))
}

/// Everything, for one who may see the source.
async fn source(
    state: &ApiState,
    cards: &CardCache,
    headers: &HeaderMap,
    subject: &Subject,
    revision: Option<Revision>,
    wanted: &Wanted<'_>,
) -> Result<Json<Shown>, ApiError> {
    let id = subject.repo.id;
    let likes = likes(state, id).await?;
    let mut facts = facts(state, headers, subject, likes, wanted).await?;
    // The card of that revision, not of the published one.
    let metadata = cards.metadata_at(id, revision.as_ref()).await?;
    add_face(&mut facts, subject, &metadata, wanted);
    let siblings = wanted.has("siblings") || wanted.has("usedStorage");
    facts.sha = Some(revision.clone());
    match revision {
        Some(revision) if siblings => {
            add_files(state, &mut facts, id, &revision, wanted).await?;
        }
        Some(_) => {}
        None => {
            facts.siblings = Some(Vec::new());
            facts.used_storage = Some(0);
        }
    }
    Ok(Json(wanted.keep(facts)?))
}

fn add_face(facts: &mut Facts, subject: &Subject, metadata: &CardMetadata, wanted: &Wanted) {
    let list = |key| metadata.words(key).into_iter().map(str::to_owned).collect();
    facts.tags = Some(tags(subject, metadata));
    match subject.repo.kind {
        RepoKind::Space => {
            facts.models = Some(list("models"));
            facts.datasets = Some(list("datasets"));
        }
        RepoKind::Model => {
            facts.pipeline_tag = metadata.text("pipeline_tag");
            facts.library_name = metadata.text("library_name");
        }
        RepoKind::Dataset => {}
    }
    if wanted.card() || wanted.has("cardData") {
        facts.card_data = Some(metadata.data.clone());
    }
}

/// The card's tags, and what the Hub makes tags of: a Space's SDK, a model's library and task, licence and languages.
pub(super) fn tags(subject: &Subject, metadata: &CardMetadata) -> Vec<String> {
    let sdk = subject.space.iter().filter_map(|space| space.sdk.clone());
    let own = metadata.words("tags").into_iter().map(str::to_owned);
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
        metadata.text(key).into_iter().for_each(&mut add);
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
        let one = metadata.text(key);
        let words = metadata.list(key).into_iter().map(str::to_owned).chain(one);
        words
            .map(|word| format!("{prefix}{word}"))
            .for_each(&mut add);
    }
    tags
}

async fn add_files(
    state: &ApiState,
    facts: &mut Facts,
    repo: RepoUid,
    revision: &Revision,
    wanted: &Wanted<'_>,
) -> Result<(), ApiError> {
    let files = files(state, repo, revision.clone()).await?;
    let used: u64 = files.iter().map(|(_, facts)| facts.size).sum();
    let siblings = files
        .into_iter()
        .map(|(path, facts)| Sibling::of(path, facts, wanted.blobs()));
    facts.siblings = Some(siblings.collect());
    facts.used_storage = Some(used);
    Ok(())
}

/// All files of a commit.
async fn files(
    state: &ApiState,
    repo: RepoUid,
    revision: Revision,
) -> Result<Vec<(String, FileFacts)>, ApiError> {
    let read = move |repo: &crate::repo::Repo| {
        let mut files = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = repo.tree(&revision, "", true, after.as_deref(), PAGE)?;
            for Entry { path, kind } in page.entries {
                if let EntryKind::File { size, oid, large } = kind {
                    files.push((path, FileFacts { size, oid, large }));
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
