//! What is in a repository: listings, files and commits.

mod range;
mod resolve;
mod safe;

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::kinds::EachKind;
use super::schema::date;
use super::{ApiError, ApiState, QueryPairs, RepoAccess};
use crate::arrival::Arrival;
use crate::domain::{RepoKind, Repository, Revision};
use crate::repo::{CommitFacts, Entry, EntryKind, MAIN, Repo, RepoError};

/// Entries in a page of a listing, and in one that names the last commit of each.
const PAGE: usize = 1000;
const EXPANDED_PAGE: usize = 50;
/// Commits in a page when the client does not say, and at most.
const COMMITS: u64 = 50;
const MOST_COMMITS: u64 = 1000;
/// Paths that may be asked for at once.
const ASKED_PATHS: usize = 1000;
/// Most bytes of a question about paths.
const QUESTION_BYTES: usize = 2 << 20;

pub(super) fn routes() -> Router<ApiState> {
    let tree_below = "/api/{kinds}/{owner}/{name}/tree/{revision}/{*path}";
    Router::new()
        .each_kind(
            "/api/{kinds}/{owner}/{name}/tree/{revision}",
            get(root_tree),
        )
        .each_kind(tree_below, get(tree))
        .each_kind(
            "/api/{kinds}/{owner}/{name}/paths-info/{revision}",
            post(paths_info),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/commits/{revision}",
            get(commits),
        )
        .each_kind(
            "/{prefix}{owner}/{name}/resolve/{revision}/{*path}",
            get(resolve::resolve),
        )
}

type RevisionPath = Path<(String, String, String)>;
type FileRoute = Path<(String, String, String, String)>;

/// `GET /api/{kinds}/{owner}/{name}/tree/{revision}`
async fn root_tree(
    state: State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: QueryPairs,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
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
    query: QueryPairs,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let Some(at) = resolve_or_empty(&state, &repo, revision).await? else {
        return match path.as_str() {
            "" => Ok(Json(json!([])).into_response()),
            path => Err(ApiError::entry_not_found(path, None)),
        };
    };
    let expand = query.is_on("expand");
    let recursive = query.is_on("recursive");
    let most = if expand { EXPANDED_PAGE } else { PAGE };
    let limit = query
        .number("limit")?
        .map_or(most, |limit| usize::try_from(limit).unwrap_or(most));
    let limit = limit.clamp(1, most);
    let after = query.get("cursor").map(str::to_owned);
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
    let mut response = Json(entries).into_response();
    if let Some(next) = next {
        // The next page is of the same commit, wherever the branch is by then.
        let arrival = Arrival::of(&state.config, &headers);
        let folder = if folder.is_empty() {
            folder
        } else {
            format!("/{}", quoted(&folder))
        };
        let query = query.with("cursor", &next);
        let next = format!(
            "{arrival}/api/{}/{}/tree/{commit}{folder}?{query}",
            kind.plural(),
            repo.name
        );
        add_next(&mut response, &next)?;
    }
    Ok(response)
}

/// `POST /api/{kinds}/{owner}/{name}/paths-info/{revision}`: a form from Python, JSON from JavaScript.
async fn paths_info(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Value>>, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let body = axum::body::to_bytes(body, QUESTION_BYTES)
        .await
        .map_err(|_| ApiError::too_large("the question about paths is too long, or broke off"))?;
    let (paths, expand) = asked_paths(&headers, &body)?;
    let most = if expand { EXPANDED_PAGE } else { ASKED_PATHS };
    if paths.len() > most {
        return Err(ApiError::bad_request(format!(
            "ask for at most {most} paths at once"
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

fn asked_paths(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<String>, bool), ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let body: Value = serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!("the question about paths is not JSON: {error}"))
        })?;
        let paths = match &body["paths"] {
            Value::String(path) => vec![path.clone()],
            Value::Array(paths) => paths
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => return Err(ApiError::bad_request("`paths` must be a list of paths")),
        };
        return Ok((paths, body["expand"] == true));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the form is not text"))?;
    let (mut paths, mut expand) = (Vec::new(), false);
    for pair in text.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_encoding::percent_decode_str(&value).decode_utf8_lossy();
        match key {
            "paths" => paths.push(value.into_owned()),
            "expand" => expand = matches!(&*value, "true" | "True" | "1"),
            _ => {}
        }
    }
    Ok((paths, expand))
}

/// `GET /api/{kinds}/{owner}/{name}/commits/{revision}`
async fn commits(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: QueryPairs,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (_, repo) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let Some(at) = resolve_or_empty(&state, &repo, revision).await? else {
        return Ok(Json(json!([])).into_response());
    };
    let limit = query
        .number("limit")?
        .unwrap_or(COMMITS)
        .clamp(1, MOST_COMMITS);
    let page = query.number("p")?.unwrap_or(0);
    let skip = usize::try_from(page.saturating_mul(limit)).unwrap_or(usize::MAX);
    let count = usize::try_from(limit).unwrap_or(usize::MAX);
    let from = at.clone();
    // One more than is shown, to know whether there is another page.
    let read = move |repo: &Repo| repo.commits(&from, skip, count + 1);
    let mut commits = state.repos.read(repo.id, read).await?;
    let more = commits.len() > count;
    commits.truncate(count);
    let list: Vec<_> = commits
        .iter()
        .map(|commit| {
            json!({
                "id": commit.id,
                "title": commit.title,
                "message": commit.message,
                "authors": [{"user": commit.author}],
                "date": date(commit.at),
            })
        })
        .collect();
    let mut response = Json(list).into_response();
    if more {
        let arrival = Arrival::of(&state.config, &headers);
        let query = query.with("p", &(page + 1).to_string());
        let (kinds, name) = (kind.plural(), &repo.name);
        let next = format!("{arrival}/api/{kinds}/{name}/commits/{at}?{query}");
        add_next(&mut response, &next)?;
    }
    Ok(response)
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
) -> Result<Vec<Value>, RepoError> {
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let commits = if expand {
        repo.last_commits(at, &paths)?
    } else {
        Vec::new()
    };
    let commits: HashMap<_, _> = paths.iter().copied().zip(commits).collect();
    let one = |entry: &Entry| {
        let mut value = match &entry.kind {
            EntryKind::File { size, oid } => {
                json!({"type": "file", "path": entry.path, "size": size, "oid": oid})
            }
            EntryKind::Directory { oid } => {
                json!({"type": "directory", "path": entry.path, "size": 0, "oid": oid})
            }
        };
        if let Some(Some(commit)) = commits.get(entry.path.as_str()) {
            value["lastCommit"] = last_commit(commit);
        }
        value
    };
    Ok(entries.iter().map(one).collect())
}

fn last_commit(commit: &CommitFacts) -> Value {
    json!({"id": commit.id, "title": commit.title, "date": date(commit.at)})
}

/// Says where the next page is.
pub(super) fn add_next(response: &mut Response, url: &str) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(&format!("<{url}>; rel=\"next\""))
        .map_err(|error| ApiError::internal(&error))?;
    response.headers_mut().insert(header::LINK, value);
    Ok(())
}

pub(super) fn quoted(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
