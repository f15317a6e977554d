//! A Space's own page: the demo in a frame of its own origin.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use serde_json::{Value, json};

use super::logs::{Line, last_lines};
use super::snippets::{Snippets, snippets};
use super::{Found, Head, find};
use crate::auth::Purpose;
use crate::domain::{Card, Stage, Visibility};
use crate::web::error::show;
use crate::web::headers::frame_permissions;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::summary::StageSummary;
use crate::web::{PageError, WebState};

#[derive(Template)]
#[template(path = "space/app.html", config = "src/web/askama.toml")]
struct AppPage {
    frame: Frame,
    head: Head,
    stage: StageSummary,
    /// The same in a sentence.
    long: String,
    /// Where the demo answers; empty while there is nothing to show.
    address: String,
    /// What the frame gives on to it.
    permissions: String,
    /// What is wrong, for those who can do something about it.
    error: String,
    /// The end of the log, for the same, while there is nothing else to see.
    lines: Vec<Line>,
    /// That there is something wrong, in a sentence.
    problem: &'static str,
    /// Whether visitors see the version before the one that is wrong.
    older: bool,
    hub: String,
    snippets: Snippets,
}

/// Lines of the log where there is no demo to see.
const LINES: usize = 15;

/// `GET /spaces/{owner}/{name}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let address = match shows(&found) {
        true => address(&state, &visitor, &found).await?,
        false => String::new(),
    };
    let frame = Frame {
        frames: origin_of(&address),
        ..visitor.frame()
    };
    let waits = found.view.waits.as_ref().map(|waits| waits.message.clone());
    // What an operator says stands in the notice at the head.
    let described = found.writes && found.space.disabled.is_none();
    let lines = match described && address.is_empty() {
        true => last_lines(&state, &found, LINES),
        false => Vec::new(),
    };
    let error = match lines.is_empty() {
        true => found.view.error.clone(),
        false => found.view.cause().map(str::to_owned),
    };
    let error = error.or(waits).filter(|_| described);
    Ok(show(
        &frame.clone(),
        &AppPage {
            head: found.head(&state, &visitor, "app").await?,
            stage: found.stage(),
            long: found.long(),
            snippets: snippets(&state, &visitor.base_url, &found).await,
            permissions: frame_permissions(),
            error: error.unwrap_or_default(),
            lines,
            problem: problem(&found),
            older: found.view.serves_older(),
            hub: visitor.base_url.to_string(),
            address,
            frame,
        },
    ))
}

/// `GET /spaces/{owner}/{name}/open`: to the demo by itself, let in if need be.
pub(super) async fn open(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Redirect, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    Ok(Redirect::to(&address(&state, &visitor, &found).await?))
}

/// `GET /spaces/{owner}/{name}/stage`: what the page asks for again and again.
pub(super) async fn stage(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let look = found.stage();
    let shows = shows(&found);
    let lines = match shows || found.space.disabled.is_some() {
        true => Vec::new(),
        false => last_lines(&state, &found, LINES),
    };
    Ok(Json(json!({
        "stage": look.word,
        "mood": look.mood,
        "short": look.short,
        "long": found.long(),
        "passing": look.is_passing(),
        "shows": shows,
        "lines": lines,
        "problem": problem(&found),
        "error": found.view.error.as_ref().filter(|_| found.writes),
    })))
}

/// What the notice above the demo says, where there is an error.
fn problem(found: &Found) -> &'static str {
    match found.view.serves_older() {
        true => "The newest version does not run. Visitors see the previous one.",
        false => "This Space is running, but there is a problem.",
    }
}

/// Whether a visit leads to something: a demo, or one that is on its way.
fn shows(found: &Found) -> bool {
    // A visit makes what waits for room try again; who may mend it reads what it waits for.
    let waits = found.view.stage == Stage::Paused && found.view.waits.is_some();
    // The same of one that has failed to start, and is tried again.
    let tries = found.view.stage == Stage::AppStarting && found.view.error.is_some();
    if tries && found.writes {
        return false;
    }
    (waits && !found.writes)
        || found.view.serves_older()
        || matches!(
            found.view.stage,
            Stage::Running
                | Stage::RunningBuilding
                | Stage::RunningAppStarting
                | Stage::AppStarting
                | Stage::Sleeping
        )
}

/// Where this visitor's browser finds the demo, at the path that its card wants to be shown first, with the query of the
/// page, and with a ticket if it is private.
async fn address(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
) -> Result<String, PageError> {
    let base_url = &visitor.base_url;
    let metadata = state.cards.metadata(&found.space).await?;
    let first = Card::base_path(&metadata.data).unwrap_or("/");
    let (path, own_query) = first.split_once('?').unwrap_or((first, ""));
    let base = match base_url.sees_origins(&state.config) {
        true => base_url.origin(&state.config, &found.space),
        false => base_url.path(&found.space.name),
    };
    let base = format!("{}{path}", base.trim_end_matches('/'));
    let query = visitor
        .here
        .split_once('?')
        .map(|(_, query)| query.to_owned());
    let ticket = match (&visitor.session, found.space.visibility) {
        (Some(session), Visibility::Private) => {
            let ticket = state.auth.ticket(Purpose::Address, found.space.id, session);
            Some(format!("__sign={ticket}"))
        }
        _ => None,
    };
    let pairs: Vec<_> = [own_query.to_owned()]
        .into_iter()
        .chain(query)
        .filter(|query| !query.is_empty())
        .chain(ticket)
        .collect();
    Ok(match pairs.is_empty() {
        true => base,
        false => format!("{base}?{}", pairs.join("&")),
    })
}

/// `http://host:port` of an address.
fn origin_of(address: &str) -> String {
    address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_end_before_the_path() {
        assert_eq!(
            origin_of("http://a-b.localhost:7860/?q=/x"),
            "http://a-b.localhost:7860"
        );
        assert_eq!(origin_of("https://h/run/a/b/"), "https://h");
        assert_eq!(origin_of(""), "");
    }
}
