//! The files of a Space: a folder at a time, and what its README says.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Head, find};
use crate::domain::{FrontMatter, Revision, decimal_text};
use crate::repo::{CommitFacts, EntryKind, MAIN, Repo, RepoError};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest, quoted};
use crate::web::{PageError, WebState, markdown, text};

/// Entries of a page, and of how many of them the last commit is looked for.
const PAGE: usize = 200;
const DATED: usize = 60;

/// Most bytes of a README that is looked at.
const README_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    after: Option<String>,
}

/// A step of the way from the root.
pub(super) struct Crumb {
    pub(super) name: String,
    /// Empty for the place itself.
    pub(super) href: String,
}

/// A commit as it is shown.
pub(super) struct CommitLook {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) title: String,
    pub(super) author: String,
    pub(super) ago: String,
    pub(super) moment: String,
}

struct Row {
    name: String,
    href: String,
    folder: bool,
    size: String,
    commit: Option<CommitLook>,
}

struct Listing {
    at: Revision,
    entries: Vec<crate::repo::Entry>,
    commits: Vec<Option<CommitFacts>>,
    next: Option<String>,
    last: Option<CommitFacts>,
    readme: Option<String>,
    refs: Vec<String>,
}

#[derive(Template)]
#[template(path = "space/files.html", config = "src/web/askama.toml")]
struct FilesPage {
    frame: Frame,
    head: Head,
    revision: String,
    revisions: Vec<(String, String)>,
    crumbs: Vec<Crumb>,
    rows: Vec<Row>,
    last: Option<CommitLook>,
    next: String,
    history: String,
    readme: String,
    empty: bool,
    /// Whether files can be added and deleted here.
    changes: bool,
    /// The folder, quoted for a query; empty for the root.
    folder: String,
    delete: String,
    hub: String,
}

/// `GET /spaces/{owner}/{name}/files`
pub(super) async fn root(
    state: State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    query: Query<Asked>,
) -> Result<Response, PageError> {
    let path = Path((owner, name, MAIN.to_owned(), String::new()));
    folder(state, visitor, path, query).await
}

/// `GET /spaces/{owner}/{name}/tree/{revision}`
pub(super) async fn at_revision(
    state: State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision)): Path<(String, String, String)>,
    query: Query<Asked>,
) -> Result<Response, PageError> {
    let path = Path((owner, name, revision, String::new()));
    folder(state, visitor, path, query).await
}

/// `GET /spaces/{owner}/{name}/tree/{revision}/{*path}`
pub(super) async fn folder(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision, path)): Path<(String, String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?.source()?;
    let path = path.trim_end_matches('/').to_owned();
    let (asked_revision, asked_path) = (revision.clone(), path.clone());
    let read = move |repo: &Repo| read(repo, &asked_revision, &asked_path, asked.after.as_deref());
    let listing = match state.repos.read(found.space.id, read).await {
        // Before the first commit there is no `main`.
        Err(RepoError::RevisionNotFound(_)) if found.space.head.is_none() && path.is_empty() => {
            None
        }
        other => Some(other?),
    };
    let base = format!("/spaces/{}", found.space.name);
    let revision = text::path(&revision);
    let frame = visitor.frame();
    let tree = |kind: &str, at: &str, path: &str| address(&base, kind, at, path);
    let mut page = FilesPage {
        frame: frame.clone(),
        head: found.head(&state, &visitor, "files").await?,
        revisions: Vec::new(),
        crumbs: crumbs(&base, &revision, &path),
        rows: Vec::new(),
        last: None,
        next: String::new(),
        history: format!("{base}/commits/{}", quoted(&revision)),
        readme: String::new(),
        empty: listing.is_none(),
        hub: visitor.base_url.to_string(),
        changes: found.writes && revision == MAIN,
        folder: quoted(&path),
        delete: match path.as_str() {
            "" => String::new(),
            path => tree("delete", MAIN, path),
        },
        revision,
    };
    if let Some(listing) = listing {
        let revisions = listing.refs.iter();
        page.revisions = revisions
            .map(|name| (text::path(name), tree("tree", name, "")))
            .collect();
        let mut commits = listing.commits.into_iter();
        page.rows = listing
            .entries
            .iter()
            .map(|entry| row(&base, &page.revision, entry, commits.next().flatten()))
            .collect();
        page.last = listing.last.as_ref().map(CommitLook::of);
        if let Some(next) = &listing.next {
            page.next = format!(
                "{}?after={}",
                tree("tree", &page.revision, &path),
                quoted(next)
            );
        }
        if let Some(readme) = &listing.readme {
            page.readme = rendered(readme, &base, listing.at.as_str(), &path);
        }
    }
    Ok(show(&frame, &page))
}

fn read(
    repo: &Repo,
    revision: &str,
    path: &str,
    after: Option<&str>,
) -> Result<Listing, RepoError> {
    let at = repo.resolve(revision)?;
    let page = repo.tree(&at, path, false, after, PAGE)?;
    let mut entries = page.entries;
    // Folders first, as people look for them; git sorts by bytes.
    entries.sort_by_key(|entry| matches!(entry.kind, EntryKind::File { .. }));
    let paths: Vec<_> = entries
        .iter()
        .take(DATED)
        .map(|entry| entry.path.as_str())
        .collect();
    let commits = repo.last_commits(&at, &paths)?;
    let prefix = if path.is_empty() {
        String::new()
    } else {
        format!("{path}/")
    };
    let readme = match after {
        Some(_) => None,
        None => entries
            .iter()
            .map(|entry| entry.path.as_str())
            .find(|entry| entry.strip_prefix(&prefix).is_some_and(is_readme))
            .and_then(|path| repo.read(&at, path, README_BYTES).ok()),
    };
    let refs = repo.refs()?;
    let names = refs.branches.into_iter().chain(refs.tags);
    Ok(Listing {
        last: repo.commits(&at, 0, 1)?.pop(),
        commits,
        entries,
        next: page.next,
        readme: readme.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        refs: names.map(|name| name.name).take(50).collect(),
        at,
    })
}

fn is_readme(name: &str) -> bool {
    name.eq_ignore_ascii_case("readme.md")
}

/// The README of a folder as HTML.
pub(super) fn rendered(readme: &str, base: &str, revision: &str, folder: &str) -> String {
    let text = FrontMatter::of(readme).map_or(readme, |head| head.text);
    let below = |kind| match folder {
        "" => address(base, kind, revision, ""),
        folder => format!("{}/", address(base, kind, revision, folder)),
    };
    let with_slash = |address: String| format!("{}/", address.trim_end_matches('/'));
    markdown::render(text, &with_slash(below("blob")), &with_slash(below("raw")))
}

fn row(base: &str, revision: &str, entry: &crate::repo::Entry, commit: Option<CommitFacts>) -> Row {
    let name = entry.path.rsplit('/').next().unwrap_or(&entry.path);
    let (folder, size) = match &entry.kind {
        EntryKind::File { size, .. } => (false, decimal_text(*size)),
        EntryKind::Directory { .. } => (true, String::new()),
    };
    let kind = if folder { "tree" } else { "blob" };
    Row {
        name: text::path(name),
        href: address(base, kind, revision, &entry.path),
        folder,
        size,
        commit: commit.as_ref().map(CommitLook::of),
    }
}

/// The address of a path at a revision.
pub(super) fn address(base: &str, kind: &str, revision: &str, path: &str) -> String {
    let mut address = format!("{base}/{kind}/{}", quoted(revision));
    for part in path.split('/').filter(|part| !part.is_empty()) {
        address.push('/');
        address.push_str(&quoted(part));
    }
    address
}

/// The way to a path, from the root.
pub(super) fn crumbs(base: &str, revision: &str, path: &str) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb {
        name: base.rsplit('/').next().unwrap_or_default().to_owned(),
        href: address(base, "tree", revision, ""),
    }];
    let mut so_far = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        so_far.push('/');
        so_far.push_str(part);
        crumbs.push(Crumb {
            name: text::path(part),
            href: address(base, "tree", revision, &so_far),
        });
    }
    if let Some(last) = crumbs.last_mut() {
        last.href.clear();
    }
    crumbs
}

// === impl CommitLook ===

impl CommitLook {
    pub(super) fn of(facts: &CommitFacts) -> Self {
        let id = facts.id.as_str();
        Self {
            id: id.to_owned(),
            short: id.chars().take(7).collect(),
            title: text::line(&facts.title, 100),
            author: text::line(&facts.author, 60),
            ago: text::ago(facts.at),
            moment: text::moment(facts.at),
        }
    }
}
