//! Editing a file, and adding one.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::endings::restored;
use super::{MAX_TEXT, NotCommitted, Wanted, commit, spool};
use crate::domain::{Revision, size_text};
use crate::repo::{FilePath, MAIN, Operation, RepoError, TextFile};
use crate::web::error::show;
use crate::web::form::PostedForm;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::space::files::{Crumb, address, crumbs};
use crate::web::space::{Found, Head, find};
use crate::web::{PageError, WebState, text};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The folder that the new file is to be in.
    #[serde(default, rename = "in")]
    folder: String,
}

/// What somebody types.
#[derive(Default)]
struct Draft {
    path: String,
    text: String,
    wanted: Wanted,
}

/// What stands above a draft that was not committed.
#[derive(Default)]
struct Notice {
    problem: String,
    /// The commit that was faster; empty if none was.
    newer: String,
    /// What it did to this file.
    meanwhile: &'static str,
}

#[derive(Template)]
#[template(path = "space/edit.html", config = "src/web/askama.toml")]
struct EditPage {
    frame: Frame,
    head: Head,
    crumbs: Vec<Crumb>,
    is_new: bool,
    action: String,
    path: String,
    /// The path as it is shown.
    shown: String,
    text: String,
    wanted: Wanted,
    usual_title: String,
    notice: Notice,
    /// Where it leads if nothing is to be committed.
    back: String,
}

/// `GET /spaces/{owner}/{name}/edit/main/{*path}`
pub(super) async fn edit_page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, path)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let wanted = Wanted::at_head(&state, &found).await?;
    let text = match at(&state, &found, wanted.parent.clone(), &path).await? {
        Some(TextFile::Text(text)) => text,
        Some(TextFile::Other(why)) => {
            return Err(PageError::BadRequest(format!(
                "`{}` {why}, so you cannot edit it here. Upload a replacement instead.",
                text::path(&path)
            )));
        }
        None => return Err(PageError::NotFound),
    };
    let draft = Draft { path, text, wanted };
    render(&state, &visitor, &found, false, draft, Notice::default()).await
}

/// `GET /spaces/{owner}/{name}/new/main`
pub(super) async fn new_page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let path = match asked.folder.trim_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let draft = Draft {
        path,
        wanted: Wanted::at_head(&state, &found).await?,
        ..Draft::default()
    };
    render(&state, &visitor, &found, true, draft, Notice::default()).await
}

/// `POST /spaces/{owner}/{name}/edit/main/{*path}`
pub(super) async fn edit(
    State(state): State<WebState>,
    Path((owner, name, path)): Path<(String, String, String)>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    take(&state, &owner, &name, Some(path), posted).await
}

/// `POST /spaces/{owner}/{name}/new/main`
pub(super) async fn add(
    State(state): State<WebState>,
    Path((owner, name)): Path<(String, String)>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    take(&state, &owner, &name, None, posted).await
}

/// Commits what was typed, or shows it again with what is in its way. A file that is edited has its path in the address.
async fn take(
    state: &WebState,
    owner: &str,
    name: &str,
    edited: Option<String>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let visitor = &posted.visitor;
    let found = find(state, visitor, owner, name).await?.owned(visitor)?;
    let is_new = edited.is_none();
    let mut draft = Draft {
        path: edited.unwrap_or_else(|| posted.fields.get("path").to_owned()),
        text: posted.fields.raw("text").replace("\r\n", "\n"),
        wanted: Wanted::of(&posted.fields)?,
    };
    let notice = match attempt(state, &found, &posted.visitor, is_new, &draft).await {
        Ok(_) => {
            let base = format!("/spaces/{}", found.space.name);
            let to = address(&base, "blob", MAIN, &draft.path);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(NotCommitted::Page(error)) => return Err(error),
        Err(NotCommitted::Refused(problem)) => Notice {
            problem,
            ..Notice::default()
        },
        Err(NotCommitted::Overtaken(newer)) => {
            let meanwhile = meanwhile(state, &found, &draft, &newer).await?;
            // Whoever sends it once more has been told.
            draft.wanted.parent = Some(newer.clone());
            Notice {
                newer: newer.to_string(),
                meanwhile,
                ..Notice::default()
            }
        }
    };
    let status = match notice.problem.is_empty() {
        true => StatusCode::CONFLICT,
        false => StatusCode::BAD_REQUEST,
    };
    let page = render(state, visitor, &found, is_new, draft, notice).await?;
    Ok((status, page).into_response())
}

async fn attempt(
    state: &WebState,
    found: &Found,
    visitor: &PageRequest,
    is_new: bool,
    draft: &Draft,
) -> Result<Revision, NotCommitted> {
    let path: FilePath = draft.path.parse()?;
    let before = at(state, found, draft.wanted.parent.clone(), &draft.path).await?;
    let text = match (before, is_new) {
        (Some(_), true) => {
            return Err(NotCommitted::Refused(format!(
                "The file `{path}` already exists. Choose another name, or edit that file."
            )));
        }
        (Some(TextFile::Text(before)), false) => restored(&before, &draft.text),
        _ => draft.text.clone(),
    };
    if text.len() as u64 > MAX_TEXT {
        return Err(NotCommitted::Refused(format!(
            "Files edited here may have at most {}, and this one has {}. Upload it instead.",
            size_text(MAX_TEXT),
            size_text(text.len() as u64)
        )));
    }
    let mut spool = spool(state, found).await?;
    let put = move || {
        let content = spool.put(text.as_bytes())?;
        Ok::<_, RepoError>((content, spool))
    };
    let put = tokio::task::spawn_blocking(put).await;
    let (content, spool) = put.map_err(|error| PageError::internal(&error))??;
    let title = usual_title(is_new, &draft.path);
    let wanted = draft.wanted.clone();
    let operations = vec![Operation::Put { path, content }];
    commit(state, found, visitor, wanted, title, (operations, spool)).await
}

/// The file at a commit; `None` where there is none, and where there is no commit yet.
async fn at(
    state: &WebState,
    found: &Found,
    revision: Option<Revision>,
    path: &str,
) -> Result<Option<TextFile>, PageError> {
    let Some(revision) = revision else {
        return Ok(None);
    };
    let path = path.to_owned();
    let read = state.repos.read(found.space.id, move |repo| {
        repo.text(&revision, &path, MAX_TEXT)
    });
    Ok(read.await?)
}

/// What became of a file since its page was opened.
async fn meanwhile(
    state: &WebState,
    found: &Found,
    draft: &Draft,
    newer: &Revision,
) -> Result<&'static str, PageError> {
    let (newer, path) = (newer.clone(), draft.path.clone());
    let parent = draft.wanted.parent.clone();
    let read = state.repos.read(found.space.id, move |repo| {
        let id = |at: &Revision| Ok::<_, RepoError>(repo.file_ids(at, &[&path])?.pop().flatten());
        let before = match &parent {
            Some(parent) => id(parent)?,
            None => None,
        };
        Ok((before, id(&newer)?))
    });
    Ok(match read.await? {
        (before, now) if before == now => {
            "They did not change this file. Commit again to add your change to theirs."
        }
        (_, None) => "They deleted this file. Commit again to restore it with your text.",
        (None, _) => "They added a file with this name. Commit again to replace it with your text.",
        _ => {
            "They changed this file. Look at their change first: if you commit again, your text replaces theirs."
        }
    })
}

fn usual_title(is_new: bool, path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    match (is_new, file) {
        (true, "") => "Add a file".to_owned(),
        (true, file) => format!("Add {file}"),
        (false, file) => format!("Update {file}"),
    }
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    is_new: bool,
    draft: Draft,
    notice: Notice,
) -> Result<Response, PageError> {
    let base = format!("/spaces/{}", found.space.name);
    let frame = visitor.frame();
    let (place, folder) = match draft.path.rsplit_once('/') {
        Some((folder, _)) => (folder, folder),
        None => ("", ""),
    };
    let (kind, place) = match is_new {
        true => ("tree", place),
        false => ("blob", draft.path.as_str()),
    };
    let mut crumbs = crumbs(&base, MAIN, if is_new { folder } else { &draft.path });
    if is_new && let Some(last) = crumbs.last_mut() {
        last.href = address(&base, "tree", MAIN, folder);
    }
    Ok(show(
        &frame.clone(),
        &EditPage {
            head: found.head(state, visitor, "files").await?,
            crumbs,
            usual_title: usual_title(is_new, &draft.path),
            back: address(&base, kind, MAIN, place),
            action: match is_new {
                true => format!("{base}/new/main"),
                false => address(&base, "edit", MAIN, &draft.path),
            },
            is_new,
            shown: text::path(&draft.path),
            path: draft.path,
            text: draft.text,
            wanted: draft.wanted,
            notice,
            frame,
        },
    ))
}
