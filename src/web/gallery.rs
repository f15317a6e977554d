//! The start page: what there is to see, and how to show something.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;

use super::error::show;
use super::look::Look;
use super::{PageError, WebState};
use crate::arrival::Arrival;
use crate::domain::{Millis, RepoId, Visibility};
use crate::store::ListSpaces;

/// Spaces of one page.
const PAGE: usize = 60;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    search: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "gallery.html", config = "src/web/askama.toml")]
struct GalleryPage {
    search: String,
    spaces: Vec<Look>,
    /// The query of the next page; empty on the last one.
    next: String,
    is_first: bool,
    hub: String,
}

/// `GET /`
pub(super) async fn page(
    State(state): State<WebState>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(|error| PageError::BadRequest(error.body_text()))?;
    let search = asked.search.trim().to_owned();
    let after = match asked.after.as_deref().map(cursor) {
        Some(None) => {
            return Err(PageError::BadRequest(
                "There is no such part of the list.".to_owned(),
            ));
        }
        after => after.flatten(),
    };
    let request = ListSpaces {
        owner: None,
        search: (!search.is_empty()).then(|| search.clone()),
        visible_to: None,
        everything: false,
        after,
        limit: i64::try_from(PAGE + 1).unwrap_or(i64::MAX),
    };
    let mut found = state.store.list_spaces(&request).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|last| {
        let search =
            percent_encoding::utf8_percent_encode(&search, percent_encoding::NON_ALPHANUMERIC);
        format!("search={search}&after={}.{}", last.updated_at, last.id)
    });
    let arrival = Arrival::of(&state.config, &headers);
    let mut spaces = Vec::with_capacity(found.len());
    for space in found
        .iter()
        .filter(|space| space.visibility == Visibility::Public)
    {
        spaces.push(Look::of(&state, &arrival, space).await?);
    }
    Ok(show(&GalleryPage {
        search,
        spaces,
        next: next.unwrap_or_default(),
        is_first: after.is_none(),
        hub: arrival.to_string(),
    }))
}

fn cursor(text: &str) -> Option<(Millis, RepoId)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}
