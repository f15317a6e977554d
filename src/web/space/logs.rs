//! What a Space's build and its instances print: the end of it in the page, the rest as it comes.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::{Found, Head, find};
use crate::domain::{Sdk, Stage};
use crate::journal::{Follow, Log, LogLine};
use crate::web::ansi::{Piece, pieces};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::summary::StageSummary;
use crate::web::{PageError, WebState, text};

/// Lines in the page itself, and in what a follower is sent first.
const SHOWN: usize = 500;
const TAIL: usize = 5000;

/// How long a quiet log stays silent; proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Lines of one event.
const GATHERED: usize = 400;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    which: String,
    #[serde(default)]
    search: String,
}

/// A line as it is shown.
#[derive(Serialize)]
pub(super) struct Line {
    #[serde(rename = "m")]
    pub(super) moment: String,
    #[serde(rename = "p")]
    pub(super) pieces: Vec<Piece>,
}

#[derive(Template)]
#[template(path = "space/logs.html", config = "src/web/askama.toml")]
struct LogsPage {
    frame: Frame,
    head: Head,
    stage: StageSummary,
    error: String,
    /// `build` or `run`.
    which: &'static str,
    search: String,
    lines: Vec<Line>,
    /// Said while there is no line.
    silence: &'static str,
}

/// `GET /spaces/{owner}/{name}/logs`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name)
        .await?
        .owned(&visitor)?;
    let which = match asked.which.as_str() {
        "build" => "build",
        "run" => "run",
        _ if builds(found.view.stage) => "build",
        _ => "run",
    };
    let search: String = asked.search.trim().chars().take(200).collect();
    let wanted = search.to_lowercase();
    let mut lines: Vec<_> = log(&state, &found, which)
        .tail(if wanted.is_empty() { SHOWN } else { TAIL })
        .iter()
        .filter(|line| wanted.is_empty() || line.text.to_lowercase().contains(&wanted))
        .map(Line::of)
        .collect();
    let beyond = lines.len().saturating_sub(SHOWN);
    lines.drain(..beyond);
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &LogsPage {
            head: found.head(&state, &visitor, "logs").await?,
            stage: found.stage(),
            silence: silence(which, found.view.stage, found.space.sdk.as_deref()),
            error: found.view.error.clone().unwrap_or_default(),
            which,
            search,
            lines,
            frame,
        },
    ))
}

/// `GET /spaces/{owner}/{name}/logs/{which}`: server-sent events, each an array of lines. The first of every connection
/// is called `begin` and repeats what is kept, so that a browser that comes back has neither gaps nor doubles.
pub(super) async fn follow(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name, which)): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name)
        .await?
        .owned(&visitor)?;
    let which = match which.as_str() {
        "build" => "build",
        "run" => "run",
        _ => return Err(PageError::NotFound),
    };
    let follow = log(&state, &found, which).follow(Some(TAIL));
    let pieces = stream::unfold((follow, true), async |(mut follow, first)| {
        let piece = match first {
            true => event("event: begin\n", &gather(&mut follow, Vec::new())),
            false => next(&mut follow).await?,
        };
        Some((Ok::<_, Infallible>(piece), (follow, false)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static;
    headers.insert(
        header::CONTENT_TYPE,
        plain("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, plain("no-store"));
    // Proxies that gather answers would hold back a live log.
    headers.insert("x-accel-buffering", plain("no"));
    response.extensions_mut().insert(crate::server::Unending);
    Ok(response)
}

/// The last lines of the log that tells how the Space is doing, for those who may read it.
pub(super) fn last_lines(state: &WebState, found: &Found, most: usize) -> Vec<Line> {
    if !found.writes {
        return Vec::new();
    }
    let which = if builds(found.view.stage) {
        "build"
    } else {
        "run"
    };
    let lines = log(state, found, which).tail(most);
    lines.iter().map(Line::of).collect()
}

/// Whether the build log is the one to look at.
fn builds(stage: Stage) -> bool {
    matches!(
        stage,
        Stage::Building
            | Stage::RunningBuilding
            | Stage::BuildError
            | Stage::ConfigError
            | Stage::NoAppFile
    )
}

/// Why a log has no lines.
fn silence(which: &str, stage: Stage, sdk: Option<&str>) -> &'static str {
    match (which, stage) {
        ("build", Stage::NoAppFile) => {
            "Nothing has been built yet, because no files have been published."
        }
        ("build", _) => "The build has not printed anything yet.",
        (_, Stage::NoAppFile | Stage::Building | Stage::BuildError | Stage::ConfigError) => {
            "This Space has not run yet. Its output will appear here once it is built."
        }
        _ if sdk == Some(Sdk::Static.as_str()) => {
            "A static Space has no run log: its files are served as they are."
        }
        (_, Stage::Running | Stage::RunningBuilding | Stage::RunningAppStarting) => {
            "This Space is running and has not printed anything yet. New output will appear here."
        }
        (_, Stage::Sleeping) => {
            "This Space is asleep and has not printed anything. A visit wakes it, and its output will appear here."
        }
        _ => "This Space has not printed anything. Its output will appear here when it runs.",
    }
}

fn log(state: &WebState, found: &Found, which: &str) -> Log {
    match which {
        "build" => state.lifecycle.build_log(found.space.id),
        _ => state.lifecycle.run_log(found.space.id),
    }
}

/// Waits for a line and takes with it what else is there. `None` when the log has ended.
async fn next(follow: &mut Follow) -> Option<Bytes> {
    let Ok(line) = tokio::time::timeout(KEEP_ALIVE, follow.next()).await else {
        return Some(Bytes::from_static(b": quiet\n\n"));
    };
    let first = Line::of(&line?);
    Some(event("", &gather(follow, vec![first])))
}

fn gather(follow: &mut Follow, mut lines: Vec<Line>) -> Vec<Line> {
    while lines.len() < GATHERED
        && let Some(line) = follow.try_next()
    {
        lines.push(Line::of(&line));
    }
    lines
}

fn event(name: &str, lines: &[Line]) -> Bytes {
    // Texts always are JSON, and JSON has no line breaks of its own.
    let json = serde_json::to_string(lines).unwrap_or_else(|_| "[]".to_owned());
    format!("{name}data: {json}\n\n").into()
}

// === impl Line ===

impl Line {
    fn of(line: &LogLine) -> Self {
        Self {
            moment: text::moment(line.at),
            pieces: pieces(&line.text),
        }
    }

    /// The time of day, in UTC.
    pub(super) fn clock(&self) -> &str {
        self.moment.get(11..19).unwrap_or_default()
    }
}
