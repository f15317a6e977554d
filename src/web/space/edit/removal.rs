//! Deleting a file or a folder, after a page that says what goes.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::{NotCommitted, Wanted, commit, spool};
use crate::domain::Revision;
use crate::repo::{EntryKind, FilePath, MAIN, Operation, RepoError};
use crate::web::error::show;
use crate::web::form::PostedForm;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::space::files::{Crumb, address, crumbs};
use crate::web::space::{Found, Head, find};
use crate::web::{PageError, WebState, text};

/// Files of a folder that are counted.
const COUNTED: usize = 1000;

/// What is to go.
struct Doomed {
    is_folder: bool,
    /// Files in a folder, in words.
    files: String,
}

#[derive(Template)]
#[template(path = "space/delete.html", config = "src/web/askama.toml")]
struct DeletePage {
    frame: Frame,
    head: Head,
    crumbs: Vec<Crumb>,
    path: String,
    doomed: Doomed,
    wanted: Wanted,
    usual_title: String,
    problem: String,
    /// The commit that was faster; empty if none was.
    newer: String,
    back: String,
}

/// `GET /spaces/{owner}/{name}/delete/main/{*path}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, path)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let wanted = Wanted::at_head(&state, &found).await?;
    render(
        &state,
        &visitor,
        &found,
        &path,
        wanted,
        (String::new(), String::new()),
    )
    .await
}

/// `POST /spaces/{owner}/{name}/delete/main/{*path}`
pub(super) async fn remove(
    State(state): State<WebState>,
    Path((owner, name, path)): Path<(String, String, String)>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let visitor = &posted.visitor;
    let found = find(&state, visitor, &owner, &name).await?.owned(visitor)?;
    let mut wanted = Wanted::of(&posted.fields)?;
    let (status, problem, newer) =
        match attempt(&state, &found, &posted.visitor, &wanted, &path).await {
            Ok(_) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let to = left(&state, &found, folder).await?;
                return Ok(Redirect::to(&to).into_response());
            }
            Err(NotCommitted::Page(error)) => return Err(error),
            Err(NotCommitted::Refused(text)) => (StatusCode::BAD_REQUEST, text, String::new()),
            Err(NotCommitted::Overtaken(newer)) => {
                wanted.parent = Some(newer.clone());
                (StatusCode::CONFLICT, String::new(), newer.to_string())
            }
        };
    let page = render(&state, visitor, &found, &path, wanted, (problem, newer)).await?;
    Ok((status, page).into_response())
}

async fn attempt(
    state: &WebState,
    found: &Found,
    visitor: &PageRequest,
    wanted: &Wanted,
    path: &str,
) -> Result<Revision, NotCommitted> {
    let gone: FilePath = path.parse()?;
    let doomed = doomed(state, found, wanted.parent.clone(), path).await?;
    let path = gone.clone();
    let operation = match doomed.is_folder {
        true => Operation::DeleteFolder { path },
        false => Operation::DeleteFile { path },
    };
    let change = (vec![operation], spool(state, found).await?);
    let title = usual_title(gone.as_str());
    commit(state, found, visitor, wanted.clone(), title, change).await
}

/// What is at a path.
///
/// # Errors
/// `NotFound` when there is nothing.
async fn doomed(
    state: &WebState,
    found: &Found,
    at: Option<Revision>,
    path: &str,
) -> Result<Doomed, PageError> {
    let at = at.ok_or(PageError::NotFound)?;
    let path = path.to_owned();
    let read = state.repos.read(found.space.id, move |repo| {
        let is_folder = match repo.entry(&at, &path)?.kind {
            EntryKind::Directory { .. } => true,
            EntryKind::File { .. } => false,
        };
        let mut files = String::new();
        if is_folder {
            let page = repo.tree(&at, &path, true, None, COUNTED)?;
            let is_file =
                |entry: &&crate::repo::Entry| matches!(entry.kind, EntryKind::File { .. });
            let count = page.entries.iter().filter(is_file).count();
            files = match (count, page.next) {
                (count, Some(_)) => format!("more than {count} files"),
                (1, None) => "one file".to_owned(),
                (count, None) => format!("{count} files"),
            };
        }
        Ok(Doomed { is_folder, files })
    });
    Ok(read.await?)
}

/// The page of the first folder that is still there, on the way back to the root.
async fn left(state: &WebState, found: &Found, folder: &str) -> Result<String, PageError> {
    let wanted = Wanted::at_head(state, found).await?;
    let base = format!("/spaces/{}", found.space.name);
    let Some(at) = wanted.parent else {
        return Ok(base);
    };
    let folder = folder.to_owned();
    let read = state.repos.read(found.space.id, move |repo| {
        let mut folder = folder.as_str();
        while !folder.is_empty() {
            match repo.entry(&at, folder) {
                Err(RepoError::EntryNotFound(_)) => {
                    folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
                }
                found => {
                    found?;
                    break;
                }
            }
        }
        Ok(folder.to_owned())
    });
    Ok(address(&base, "tree", MAIN, &read.await?))
}

fn usual_title(path: &str) -> String {
    format!("Delete {}", path.rsplit('/').next().unwrap_or(path))
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    path: &str,
    wanted: Wanted,
    (problem, newer): (String, String),
) -> Result<Response, PageError> {
    let base = format!("/spaces/{}", found.space.name);
    let doomed = doomed(state, found, wanted.parent.clone(), path).await?;
    let kind = if doomed.is_folder { "tree" } else { "blob" };
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &DeletePage {
            head: found.head(state, visitor, "files").await?,
            crumbs: crumbs(&base, MAIN, path),
            path: text::path(path),
            usual_title: usual_title(path),
            back: address(&base, kind, MAIN, path),
            doomed,
            wanted,
            problem,
            newer,
            frame,
        },
    ))
}
