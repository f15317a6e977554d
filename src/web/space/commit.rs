//! One commit: what it says of itself, and the lines that it changed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::files::{CommitLook, address};
use super::{Head, find};
use crate::repo::{
    Change, CommitDiff, ContentChange, DiffLimits, FileChange, Hunk, LineKind, Repo,
};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState, text};

/// How much of one commit a page shows.
const LIMITS: DiffLimits = DiffLimits {
    files: 300,
    file_bytes: 1 << 20,
    compared_bytes: 16 << 20,
    lines: 3000,
    bytes: 512 << 10,
};
/// Characters of a line.
const MAX_LINE: usize = 2000;
/// Characters of the message below its first line.
const MAX_MESSAGE: usize = 10_000;

/// A line of the page: of a file, or what stands between two parts of it.
struct Row {
    /// The style sheet's class: `added`, `removed`, `same` or `gap`.
    class: &'static str,
    before: String,
    after: String,
    /// `+`, `-` or a space.
    sign: &'static str,
    text: String,
    /// Whether the file ends here without a line break.
    open: bool,
}

struct FileLook {
    /// For a link to it.
    place: usize,
    path: String,
    href: String,
    change: &'static str,
    note: String,
    added: usize,
    removed: usize,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "space/commit.html", config = "src/web/askama.toml")]
struct CommitPage {
    frame: Frame,
    head: Head,
    commit: CommitLook,
    message: String,
    /// The commit before; empty for the first one.
    parent: String,
    files: Vec<FileLook>,
    more: bool,
    tree: String,
    /// Where one goes back to it; empty for who may not, and where there is nothing to go back to.
    restore: String,
}

/// `GET /spaces/{owner}/{name}/commit/{revision}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, revision)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?.source()?;
    let read = move |repo: &Repo| {
        let at = repo.resolve(&revision)?;
        let facts = repo.commits(&at, 0, 1)?.pop();
        Ok((facts, repo.diff(&at, LIMITS)?, repo.head()?))
    };
    let (facts, diff, newest) = state.repos.read(found.space.id, read).await?;
    let facts = facts.ok_or(PageError::NotFound)?;
    let base = format!("/spaces/{}", found.space.name);
    let id = facts.id.as_str();
    let CommitDiff {
        parent,
        files,
        more,
    } = diff;
    let before = parent.as_ref().map_or("", |parent| parent.as_str());
    let files = files.iter().enumerate();
    let files = files.map(|(place, file)| FileLook::of(file, place, &base, id, before));
    let frame = visitor.frame();
    let can_restore = found.writes && newest.is_some_and(|newest| newest != facts.id);
    Ok(show(
        &frame.clone(),
        &CommitPage {
            head: found.head(&state, &visitor, "files").await?,
            message: facts.message.chars().take(MAX_MESSAGE).collect(),
            parent: before.to_owned(),
            files: files.collect(),
            more,
            tree: address(&base, "tree", id, ""),
            restore: match can_restore {
                true => format!("{base}/restore/{id}"),
                false => String::new(),
            },
            commit: CommitLook::of(&facts),
            frame,
        },
    ))
}

/// In a word.
pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Modified => "changed",
    }
}

// === impl FileLook ===

impl FileLook {
    fn of(file: &FileChange, place: usize, base: &str, id: &str, before: &str) -> Self {
        let is_gone = file.change == Change::Removed;
        let at = if is_gone { before } else { id };
        let (rows, note) = match &file.content {
            ContentChange::Lines(hunks) => (rows(hunks), ""),
            ContentChange::Binary => (Vec::new(), "This file is not text."),
            ContentChange::Large => (Vec::new(), "This file is stored as a large file."),
            ContentChange::TooLong => (Vec::new(), "This file is too long to compare here."),
            ContentChange::Beyond => (
                Vec::new(),
                "This page is full. Open this file to see its changes.",
            ),
        };
        let mode = match file.executable {
            Some(true) => "The file is now executable.",
            Some(false) => "The file is no longer executable.",
            None => "",
        };
        let count = |class| rows.iter().filter(|row| row.class == class).count();
        Self {
            place,
            path: text::path(&file.path),
            href: address(base, "blob", at, &file.path),
            change: word(file.change),
            note: [note, mode].join(" ").trim().to_owned(),
            added: count("added"),
            removed: count("removed"),
            rows,
        }
    }
}

fn rows(hunks: &[Hunk]) -> Vec<Row> {
    let mut rows = Vec::new();
    for hunk in hunks {
        if hunk.before > 1 || hunk.after > 1 {
            rows.push(Row {
                class: "gap",
                before: String::new(),
                after: String::new(),
                sign: " ",
                text: "⋯".to_owned(),
                open: false,
            });
        }
        let (mut before, mut after) = (hunk.before, hunk.after);
        for line in &hunk.lines {
            let (class, sign, old, new) = match line.kind {
                LineKind::Same => ("same", " ", true, true),
                LineKind::Added => ("added", "+", false, true),
                LineKind::Removed => ("removed", "-", true, false),
            };
            let number = |shown, number: usize| match shown {
                true => number.to_string(),
                false => String::new(),
            };
            let text = line.text.strip_suffix('\n');
            rows.push(Row {
                class,
                sign,
                before: number(old, before),
                after: number(new, after),
                open: text.is_none(),
                text: text::source(text.unwrap_or(&line.text), MAX_LINE),
            });
            before += usize::from(old);
            after += usize::from(new);
        }
    }
    rows
}
