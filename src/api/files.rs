//! What is in a repository: listings, files and commits.

mod asked;
mod range;
mod resolve;
mod safe;
pub(super) mod send;

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::asked::PathsBody;
use super::answers::Page;
use super::query::Query;
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, RepoAccess};
use crate::base_url::BaseUrl;
use crate::domain::{RepoKind, Repository, Revision};
use crate::repo::{CommitFacts, Entry, EntryKind, LargeFile, MAIN, Repo, RepoError};

/// Entries in a page of a listing, and in one that names the last commit of each.
const PAGE: usize = 1000;
const EXPANDED_PAGE: usize = 50;
/// Commits in a page when the client does not say, and at most.
const COMMITS: u64 = 50;
const MOST_COMMITS: u64 = 1000;
/// Paths that may be asked for at once.
const ASKED_PATHS: usize = 1000;
pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/{kinds}/{owner}/{name}/tree/{revision}",
            Access::Reader,
            "Lists the files and folders of a revision.",
            root_tree,
        )
        .get(
            "/api/{kinds}/{owner}/{name}/tree/{revision}/{*path}",
            Access::Reader,
            "Lists the files and folders in a folder.",
            tree,
        )
        .post(
            "/api/{kinds}/{owner}/{name}/paths-info/{revision}",
            Access::Reader,
            "Shows those of the given paths that exist.",
            paths_info,
        )
        .get(
            "/api/{kinds}/{owner}/{name}/commits/{revision}",
            Access::Reader,
            "Lists the commits of a revision, newest first.",
            commits,
        )
        .get(
            "/{prefix}{owner}/{name}/resolve/{revision}/{*path}",
            Access::Reader,
            "Downloads a file.",
            resolve::resolve,
        )
}

/// How a folder is listed.
#[derive(Debug, Deserialize, JsonSchema)]
struct TreeQuery {
    /// With all folders below.
    #[serde(default)]
    recursive: bool,
    /// With the commit that last changed each.
    #[serde(default)]
    expand: bool,
    /// Entries of a page: 1000 at most, 50 with `expand`.
    limit: Option<u64>,
    /// From the address in the header `Link` of the page before.
    cursor: Option<String>,
}

/// Which part of a history.
#[derive(Debug, Deserialize, JsonSchema)]
struct CommitsQuery {
    /// Commits of a page: 50 when nothing is said, 1000 at most.
    limit: Option<u64>,
    /// The page, from 0.
    p: Option<u64>,
}

/// A file or a folder.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TreeEntry {
    #[serde(rename = "type")]
    kind: TreeKind,
    path: String,
    /// Bytes; 0 of a folder.
    size: u64,
    /// The id of its git object.
    oid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs: Option<TreeLfs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_commit: Option<LastCommit>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TreeKind {
    File,
    Directory,
}

/// The large file behind a pointer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TreeLfs {
    /// SHA-256.
    oid: String,
    size: u64,
    pointer_size: usize,
}

/// The commit that last changed it.
#[derive(Debug, Serialize, JsonSchema)]
struct LastCommit {
    id: Revision,
    title: String,
    date: Moment,
}

/// A commit.
#[derive(Debug, Serialize, JsonSchema)]
struct CommitShown {
    id: Revision,
    title: String,
    message: String,
    authors: Vec<CommitAuthor>,
    date: Moment,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CommitAuthor {
    user: String,
}

type RevisionPath = Path<(String, String, String)>;
type FileRoute = Path<(String, String, String, String)>;

/// `GET /api/{kinds}/{owner}/{name}/tree/{revision}`
async fn root_tree(
    state: State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: Query<TreeQuery>,
    headers: HeaderMap,
) -> Result<Page<Vec<TreeEntry>>, ApiError> {
    tree(
        state,
        kind,
        Path((owner, name, revision, String::new())),
        query,
        headers,
    )
    .await
}

/// `GET /api/{kinds}/{owner}/{name}/tree/{revision}/{*path}`
async fn tree(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision, path)): FileRoute,
    query: Query<TreeQuery>,
    headers: HeaderMap,
) -> Result<Page<Vec<TreeEntry>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let Some(at) = resolve_or_empty(&state, &repo, revision).await? else {
        return match path.as_str() {
            "" => Ok(Page::default()),
            path => Err(ApiError::entry_not_found(path, None)),
        };
    };
    let (expand, recursive) = (query.expand, query.recursive);
    let most = if expand { EXPANDED_PAGE } else { PAGE };
    let limit = query
        .limit
        .map_or(most, |limit| usize::try_from(limit).unwrap_or(most));
    let limit = limit.clamp(1, most);
    let after = query.cursor.clone();
    let folder = path.trim_end_matches('/').to_owned();
    let (asked, commit) = (folder.clone(), at.clone());
    let read = move |repo: &Repo| {
        let page = repo.tree(&at, &asked, recursive, after.as_deref(), limit)?;
        let entries = describe(repo, &at, page.entries, expand)?;
        Ok((entries, page.next))
    };
    let (entries, next) = match state.repos.read(repo.id, read).await {
        Err(RepoError::EntryNotFound(path)) => {
            return Err(ApiError::entry_not_found(&path, Some(commit)));
        }
        other => other?,
    };
    let next = next.map(|next| {
        // The next page is of the same commit, wherever the branch is by then.
        let base_url = BaseUrl::of(&state.config, &headers);
        let folder = match folder.as_str() {
            "" => String::new(),
            folder => format!("/{}", quoted(folder)),
        };
        let query = query.with("cursor", &next);
        let (kinds, name) = (kind.plural(), &repo.name);
        format!("{base_url}/api/{kinds}/{name}/tree/{commit}{folder}?{query}")
    });
    Ok(Page {
        items: entries,
        next,
    })
}

/// `POST /api/{kinds}/{owner}/{name}/paths-info/{revision}`: a form from Python, JSON from JavaScript.
async fn paths_info(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    headers: HeaderMap,
    body: PathsBody,
) -> Result<Json<Vec<TreeEntry>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let (paths, expand) = body.read(&headers).await?;
    let most = if expand { EXPANDED_PAGE } else { ASKED_PATHS };
    if paths.len() > most {
        return Err(ApiError::bad_request(format!(
            "ask about at most {most} paths at once"
        )));
    }
    let Some(at) = resolve_or_empty(&state, &repo, revision).await? else {
        return Ok(Json(Vec::new()));
    };
    let read = move |repo: &Repo| {
        let paths: Vec<_> = paths
            .iter()
            .map(|path| path.trim_end_matches('/'))
            .collect();
        let entries = repo.entries(&at, &paths)?;
        describe(repo, &at, entries, expand)
    };
    Ok(Json(state.repos.read(repo.id, read).await?))
}

/// `GET /api/{kinds}/{owner}/{name}/commits/{revision}`
async fn commits(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: Query<CommitsQuery>,
    headers: HeaderMap,
) -> Result<Page<Vec<CommitShown>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let Some(at) = resolve_or_empty(&state, &repo, revision).await? else {
        return Ok(Page::default());
    };
    let limit = query.limit.unwrap_or(COMMITS).clamp(1, MOST_COMMITS);
    let page = query.p.unwrap_or(0);
    let skip = usize::try_from(page.saturating_mul(limit)).unwrap_or(usize::MAX);
    let count = usize::try_from(limit).unwrap_or(usize::MAX);
    let from = at.clone();
    // One more than is shown, to know whether there is another page.
    let read = move |repo: &Repo| repo.commits(&from, skip, count + 1);
    let mut commits = state.repos.read(repo.id, read).await?;
    let more = commits.len() > count;
    commits.truncate(count);
    let next = more.then(|| {
        let base_url = BaseUrl::of(&state.config, &headers);
        let query = query.with("p", &page.saturating_add(1).to_string());
        let (kinds, name) = (kind.plural(), &repo.name);
        format!("{base_url}/api/{kinds}/{name}/commits/{at}?{query}")
    });
    let items = commits.into_iter().map(CommitShown::from).collect();
    Ok(Page { items, next })
}

/// The commit behind a revision; `None` for `main` before the first commit, which is empty rather than missing.
async fn resolve_or_empty(
    state: &ApiState,
    repo: &Repository,
    revision: String,
) -> Result<Option<Revision>, ApiError> {
    let read = move |repo: &Repo| match repo.resolve(&revision) {
        Err(RepoError::RevisionNotFound(_)) if revision == MAIN => Ok(None),
        found => found.map(Some),
    };
    Ok(state.repos.read(repo.id, read).await?)
}

/// Entries as the Hub tells them; with `expand` each with the commit that last changed it.
fn describe(
    repo: &Repo,
    at: &Revision,
    entries: Vec<Entry>,
    expand: bool,
) -> Result<Vec<TreeEntry>, RepoError> {
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let commits = if expand {
        repo.last_commits(at, &paths)?
    } else {
        Vec::new()
    };
    let mut last: HashMap<_, _> = paths.iter().copied().zip(commits).collect();
    let mut described = Vec::with_capacity(entries.len());
    for entry in &entries {
        let (kind, size, oid, large) = match &entry.kind {
            EntryKind::File { size, oid, large } => (TreeKind::File, *size, oid, large.as_ref()),
            EntryKind::Directory { oid } => (TreeKind::Directory, 0, oid, None),
        };
        described.push(TreeEntry {
            kind,
            path: entry.path.clone(),
            size,
            oid: oid.clone(),
            lfs: large.map(TreeLfs::from),
            last_commit: last
                .remove(entry.path.as_str())
                .flatten()
                .map(LastCommit::from),
        });
    }
    Ok(described)
}

impl From<&LargeFile> for TreeLfs {
    fn from(large: &LargeFile) -> Self {
        Self {
            oid: large.id.to_string(),
            size: large.size,
            pointer_size: large.pointer_bytes(),
        }
    }
}

impl From<CommitFacts> for LastCommit {
    fn from(commit: CommitFacts) -> Self {
        Self {
            id: commit.id,
            title: commit.title,
            date: Moment(commit.at),
        }
    }
}

impl From<CommitFacts> for CommitShown {
    fn from(commit: CommitFacts) -> Self {
        Self {
            id: commit.id,
            title: commit.title,
            message: commit.message,
            authors: vec![CommitAuthor {
                user: commit.author,
            }],
            date: Moment(commit.at),
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
