//! Going back to a version: a page that says what will happen, and the button that does it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::commit::word;
use super::edit::{NotCommitted, Wanted, commit, spool};
use super::files::CommitLook;
use super::{Found, Head, find};
use crate::domain::Revision;
use crate::repo::{Operation, Repo};
use crate::web::error::show;
use crate::web::form::PostedForm;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState, text};

/// Files that are named.
const NAMED: usize = 50;

/// What becomes of the app.
enum Outlook {
    /// It runs at once.
    Made,
    /// It is built first.
    Built,
    /// It cannot be built; why.
    Broken(String),
}

#[derive(Template)]
#[template(path = "space/restore.html", config = "src/web/askama.toml")]
struct RestorePage {
    frame: Frame,
    head: Head,
    commit: CommitLook,
    wanted: Wanted,
    /// Paths and what happens to them.
    changes: Vec<(String, &'static str)>,
    more: bool,
    outlook: Outlook,
    problem: String,
    overtaken: bool,
}

/// `GET /spaces/{owner}/{name}/restore/{revision}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let wanted = Wanted::at_head(&state, &found).await?;
    render(
        &state,
        &visitor,
        &found,
        revision,
        wanted,
        (String::new(), false),
    )
    .await
}

/// `POST /spaces/{owner}/{name}/restore/{revision}`
pub(super) async fn restore(
    State(state): State<WebState>,
    Path((owner, name, revision)): Path<(String, String, String)>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let visitor = &posted.visitor;
    let found = find(&state, visitor, &owner, &name).await?.owned(visitor)?;
    let mut wanted = Wanted::of(&posted.fields)?;
    let asked = revision.clone();
    let read = move |repo: &Repo| {
        let at = repo.resolve(&asked)?;
        Ok(repo.commits(&at, 0, 1)?.pop())
    };
    let facts = state.repos.read(found.space.id, read).await?;
    let facts = facts.ok_or(PageError::NotFound)?;
    let look = CommitLook::of(&facts);
    let title = format!("Restore {}: {}", look.short, look.title);
    let from = facts.id;
    let change = (
        vec![Operation::Restore { from }],
        spool(&state, &found).await?,
    );
    let made = commit(
        &state,
        &found,
        &posted.visitor,
        wanted.clone(),
        title,
        change,
    );
    let (status, problem, overtaken) = match made.await {
        Ok(_) => {
            let to = format!("/spaces/{}/logs?which=build", found.space.name);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(NotCommitted::Page(error)) => return Err(error),
        Err(NotCommitted::Refused(text)) => (StatusCode::BAD_REQUEST, text, false),
        Err(NotCommitted::Overtaken(newer)) => {
            wanted.parent = Some(newer);
            (StatusCode::CONFLICT, String::new(), true)
        }
    };
    let page = render(
        &state,
        visitor,
        &found,
        revision,
        wanted,
        (problem, overtaken),
    )
    .await?;
    Ok((status, page).into_response())
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    revision: String,
    wanted: Wanted,
    (problem, overtaken): (String, bool),
) -> Result<Response, PageError> {
    let newest = wanted.parent.clone().ok_or(PageError::NotFound)?;
    let read = move |repo: &Repo| {
        let at = repo.resolve(&revision)?;
        let facts = repo.commits(&at, 0, 1)?.pop();
        Ok((facts, repo.changed_paths(&newest, &at, NAMED)?))
    };
    let (facts, (changes, more)) = state.repos.read(found.space.id, read).await?;
    let facts = facts.ok_or(PageError::NotFound)?;
    let outlook = outlook(state, found, &facts.id).await?;
    let changes = changes.iter();
    let changes = changes.map(|(path, change)| (text::path(path), word(*change)));
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &RestorePage {
            head: found.head(state, visitor, "files").await?,
            commit: CommitLook::of(&facts),
            wanted,
            changes: changes.collect(),
            more,
            outlook,
            problem,
            overtaken,
            frame,
        },
    ))
}

async fn outlook(state: &WebState, found: &Found, at: &Revision) -> Result<Outlook, PageError> {
    Ok(match state.lifecycle.is_made(found.space.id, at).await? {
        Ok(true) => Outlook::Made,
        Ok(false) => Outlook::Built,
        Err(error) => Outlook::Broken(error.message),
    })
}
