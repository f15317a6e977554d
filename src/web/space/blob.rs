//! One file of a Space, shown as what it is.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use axum::response::{Redirect, Response};
use serde::Deserialize;

use crate::domain::decimal_text;

use super::edit::MAX_TEXT;
use super::files::{CommitLook, Crumb, address, crumbs, rendered};
use super::raw::is_picture;
use super::{Head, find};
use crate::repo::{Entry, EntryKind, MAIN, Repo};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest, quoted};
use crate::web::{PageError, WebState, highlight, text};

/// Bytes of text that are shown.
const MAX_SHOWN: u64 = 1 << 20;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    plain: String,
}

#[derive(Template)]
#[template(path = "space/blob.html", config = "src/web/askama.toml")]
struct BlobPage {
    frame: Frame,
    head: Head,
    crumbs: Vec<Crumb>,
    name: String,
    size: String,
    last: Option<CommitLook>,
    raw: String,
    /// Where it is shown as source, or rendered; empty if there is one way only.
    other: String,
    /// `source`, `rendered`, `image` or `none`.
    kind: &'static str,
    lines: Vec<String>,
    rendered: String,
    note: String,
    history: String,
    /// Where it is edited and deleted; empty for who may not, and where it cannot be.
    edit: String,
    delete: String,
}

/// `GET /spaces/{owner}/{name}/blob/{revision}/{*path}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision, path)): Path<(String, String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?.source()?;
    let (asked_revision, asked_path) = (revision.clone(), path.clone());
    let read = move |repo: &Repo| {
        let at = repo.resolve(&asked_revision)?;
        let entry = repo.entry(&at, &asked_path)?;
        let last = repo.last_commit(&at, &asked_path).ok();
        let short = matches!(entry.kind, EntryKind::File { size, .. } if size <= MAX_SHOWN);
        let bytes = match short {
            true => Some(repo.read(&at, &asked_path, MAX_SHOWN)?),
            false => None,
        };
        Ok((at, entry, last, bytes))
    };
    let (at, entry, last, bytes) = state.repos.read(found.space.id, read).await?;
    let base = format!("/spaces/{}", found.space.name);
    let Entry {
        kind: EntryKind::File { size, .. },
        ..
    } = entry
    else {
        return Ok(Redirect::to(&address(&base, "tree", &revision, &path)).into_response());
    };
    let own = address(&base, "blob", &revision, &path);
    let folder = path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
        .to_owned();
    let plain = !asked.plain.is_empty();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| !text.contains('\0'));
    let is_markdown = path.to_ascii_lowercase().ends_with(".md");
    let is_text = text.is_some();
    let shown = Shown::of(&path, is_text, is_markdown && !plain);
    let (lines, html) = {
        let (text, path, base, at) = (
            text.unwrap_or_default(),
            path.clone(),
            base.clone(),
            at.to_string(),
        );
        let work = move || match shown {
            Shown::Source => (highlight::lines(&path, &text), String::new()),
            Shown::Rendered => (Vec::new(), rendered(&text, &base, &at, &folder)),
            Shown::Picture | Shown::Nothing => (Vec::new(), String::new()),
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| PageError::internal(&error))?
    };
    let at_main = |can: bool, kind| match can && found.writes && revision == MAIN {
        true => address(&base, kind, MAIN, &path),
        false => String::new(),
    };
    let frame = visitor.frame();
    let file = path.rsplit('/').next().unwrap_or(&path);
    Ok(show(
        &frame.clone(),
        &BlobPage {
            head: found.head(&state, &visitor, "files").await?,
            crumbs: crumbs(&base, &text::path(&revision), &path),
            name: text::path(file),
            size: decimal_text(size),
            last: last.as_ref().map(CommitLook::of),
            raw: address(&base, "raw", &revision, &path),
            other: match (is_markdown, plain) {
                (true, true) => own,
                (true, false) => format!("{own}?plain=1"),
                _ => String::new(),
            },
            kind: shown.word(),
            lines,
            rendered: html,
            note: if size > MAX_SHOWN {
                "This file is too large to show."
            } else {
                "This file is not text."
            }
            .to_owned(),
            history: format!("{base}/commits/{}", quoted(&revision)),
            edit: at_main(is_text && size <= MAX_TEXT, "edit"),
            delete: at_main(true, "delete"),
            frame,
        },
    ))
}

#[derive(Clone, Copy)]
enum Shown {
    Source,
    Rendered,
    Picture,
    Nothing,
}

// === impl Shown ===

impl Shown {
    fn of(path: &str, is_text: bool, render: bool) -> Self {
        match (is_picture(path), is_text, render) {
            (true, _, _) => Self::Picture,
            (_, true, true) => Self::Rendered,
            (_, true, false) => Self::Source,
            _ => Self::Nothing,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Rendered => "rendered",
            Self::Picture => "picture",
            Self::Nothing => "none",
        }
    }
}
