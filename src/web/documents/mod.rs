//! The documents: the repository's own Markdown as pages, with a table of contents each and a search over all.

mod render;
mod search;
mod table;

use std::sync::OnceLock;

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use serde::Deserialize;

use self::render::{Document, Section};
use self::search::FoundDocument;
use self::table::{GROUPS, IMAGES};
use super::error::show;
use super::page_request::{Frame, PageRequest};
use super::{PageError, WebState};

/// Characters of a query that are looked for; the rest is left out.
const MAX_QUERY: usize = 200;

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

/// Documents for the same readers.
struct Group {
    title: &'static str,
    documents: Vec<Document>,
}

#[derive(Template)]
#[template(path = "documents/index.html", config = "src/web/askama.toml")]
struct IndexPage {
    frame: Frame,
    query: String,
    /// What was found; empty where nothing was looked for.
    found: Vec<FoundDocument>,
    groups: &'static [Group],
}

#[derive(Template)]
#[template(path = "documents/document.html", config = "src/web/askama.toml")]
struct DocumentPage {
    frame: Frame,
    query: &'static str,
    document: &'static Document,
    groups: &'static [Group],
}

pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/docs", get(index))
        .route("/docs/{name}", get(document))
        .route("/docs/images/{name}", get(image))
}

/// All documents, rendered once.
fn groups() -> &'static [Group] {
    static ALL: OnceLock<Vec<Group>> = OnceLock::new();
    ALL.get_or_init(|| {
        let groups = GROUPS.iter();
        groups
            .map(|(title, sources)| Group {
                title,
                documents: sources.iter().map(Document::render).collect(),
            })
            .collect()
    })
}

fn documents() -> impl Iterator<Item = &'static Document> {
    groups().iter().flat_map(|group| &group.documents)
}

/// `GET /docs`
async fn index(
    request: PageRequest,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(|error| PageError::BadRequest(error.body_text()))?;
    let query: String = asked.q.trim().chars().take(MAX_QUERY).collect();
    let frame = request.frame();
    Ok(show(
        &frame.clone(),
        &IndexPage {
            found: search::search(documents(), &query),
            groups: groups(),
            query,
            frame,
        },
    ))
}

/// `GET /docs/{name}`
async fn document(request: PageRequest, Path(name): Path<String>) -> Result<Response, PageError> {
    let document = documents().find(|document| document.name == name);
    let document = document.ok_or(PageError::NotFound)?;
    let frame = request.frame();
    Ok(show(
        &frame.clone(),
        &DocumentPage {
            query: "",
            document,
            groups: groups(),
            frame,
        },
    ))
}

/// `GET /docs/images/{name}`
async fn image(Path(name): Path<String>) -> Result<Response, PageError> {
    let image = IMAGES.iter().find(|(known, _)| *known == name);
    let (_, bytes) = image.ok_or(PageError::NotFound)?;
    let kept = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((kept, *bytes).into_response())
}

// === impl Document ===

impl Document {
    /// Its table of contents.
    fn contents(&self) -> impl Iterator<Item = &Section> {
        let sections = self.sections.iter();
        sections.filter(|section| matches!(section.level, 2 | 3))
    }
}
