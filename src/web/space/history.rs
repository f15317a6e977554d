//! The commits of a Space.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::files::CommitLook;
use super::{Head, find};
use crate::repo::Repo;
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest, quoted};
use crate::web::{PageError, WebState, text};

/// Commits of a page, and how far back pages go.
const PAGE: usize = 40;
const MAX_PAGE: usize = 500;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    page: usize,
}

#[derive(Template)]
#[template(path = "space/history.html", config = "src/web/askama.toml")]
struct HistoryPage {
    frame: Frame,
    head: Head,
    revision: String,
    commits: Vec<CommitLook>,
    /// Where `main` is; there is nothing to go back to.
    newest: String,
    newer: String,
    older: String,
}

/// `GET /spaces/{owner}/{name}/commits/{revision}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?.source()?;
    let number = asked.page.min(MAX_PAGE);
    let asked = revision.clone();
    let read = move |repo: &Repo| {
        let from = repo.resolve(&asked)?;
        let commits = repo.commits(&from, number * PAGE, PAGE + 1)?;
        Ok((commits, repo.head()?))
    };
    let (mut commits, newest) = state.repos.read(found.space.id, read).await?;
    let more = commits.len() > PAGE && number < MAX_PAGE;
    commits.truncate(PAGE);
    let base = format!("/spaces/{}/commits/{}", found.space.name, quoted(&revision));
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &HistoryPage {
            head: found.head(&state, &visitor, "files").await?,
            revision: text::path(&revision),
            newest: newest.map_or(String::new(), |newest| newest.to_string()),
            commits: commits.iter().map(CommitLook::of).collect(),
            newer: match number {
                0 => String::new(),
                number => format!("{base}?page={}", number - 1),
            },
            older: if more {
                format!("{base}?page={}", number + 1)
            } else {
                String::new()
            },
            frame,
        },
    ))
}
