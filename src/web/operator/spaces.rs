//! The table of all Spaces as a page.

use askama::Template;
use axum::response::Response;

use super::table::{Column, Row, Table, table};
use super::{Asked, Outcome, Tab, TabLink};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState};

#[derive(Template)]
#[template(path = "operator/spaces.html", config = "src/web/askama.toml")]
struct SpacesPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    beyond: usize,
    search: String,
    outcome: Outcome,
}

pub(super) async fn page(
    state: &WebState,
    visitor: &PageRequest,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let Table {
        columns,
        rows,
        beyond,
    } = table(state, &asked.sort, &asked.search).await?;
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &SpacesPage {
            tabs: Tab::Spaces.links(),
            columns,
            rows,
            beyond,
            search: asked.search.chars().take(100).collect(),
            outcome,
            frame,
        },
    ))
}
