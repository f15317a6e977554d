//! Build and run logs as server-sent events.
//!
//! The Hub's clients have one way to ask for both a copy of the log and its continuation: they read until they have
//! heard nothing for as long as they care to wait. So all kept lines leave at once, live ones follow, and a quiet log
//! says `data:` often enough that nobody following it gives up. A build's log ends with the build, so that whoever wants a
//! copy has it at once. `?follow=false` ends the answer after the kept lines.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::access::SpaceAccess;
use super::answers::{Media, Raw};
use super::query::Query;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::domain::SpaceId;
use crate::journal::{Follow, Log, LogLine};
use crate::lifecycle::Lifecycle;

/// How long a quiet log stays silent: longer than the five seconds after which a client that wants a copy has it, much
/// shorter than the two minutes after which a following one gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How long the log of a build is silent until it is looked at whether the build has ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Lines are gathered into pieces of about this size.
const PIECE_BYTES: usize = 32 << 10;

/// How much of a log.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LogQuery {
    /// Only so many of the lines that are kept.
    tail: Option<u64>,
    /// `false` ends the answer after the kept lines; otherwise new ones follow as they come.
    #[serde(default = "follows")]
    follow: bool,
}

fn follows() -> bool {
    true
}

/// `data: {"data": LINE, "timestamp": MOMENT}` for each line.
#[derive(Debug)]
pub(super) struct Events;

impl Media for Events {
    const TYPE: &'static str = "text/event-stream";
}

/// `GET /api/spaces/{owner}/{name}/logs/run`
pub(super) async fn run(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: Query<LogQuery>,
) -> Result<Raw<Events>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    Ok(events(&state.lifecycle.run_log(space.id), None, &query))
}

/// `GET /api/spaces/{owner}/{name}/logs/build`
pub(super) async fn build(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: Query<LogQuery>,
) -> Result<Raw<Events>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    let build = (state.lifecycle.clone(), space.id);
    let log = state.lifecycle.build_log(space.id);
    Ok(events(&log, Some(build), &query))
}

/// A log that is being read.
struct Reading {
    follow: Follow,
    /// Whose build it is about; `None` for a log without an end.
    build: Option<(Lifecycle, SpaceId)>,
    /// Whether it is to be looked at now whether that build has ended.
    look: bool,
    /// For how long nothing was sent.
    silent: Duration,
}

fn events(log: &Log, build: Option<(Lifecycle, SpaceId)>, query: &LogQuery) -> Raw<Events> {
    let tail = query
        .tail
        .map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let reading = Reading {
        follow: log.follow(tail),
        look: build.is_some(),
        build,
        silent: Duration::ZERO,
    };
    let live = query.follow;
    let pieces = stream::unfold(reading, move |mut reading| async move {
        let piece = match live {
            true => reading.next_piece().await,
            false => kept_piece(&mut reading.follow),
        };
        piece.map(|piece| (Ok::<_, Infallible>(piece), reading))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    let plain = http::HeaderValue::from_static;
    headers.insert(
        header::CONTENT_TYPE,
        plain("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, plain("no-cache"));
    // Proxies that gather answers would hold back a live log.
    headers.insert("x-accel-buffering", plain("no"));
    response.extensions_mut().insert(crate::server::Unending);
    response.into()
}

// === impl Reading ===

impl Reading {
    /// Waits for a line and takes with it what else is there. `None` when the log has ended.
    async fn next_piece(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = kept_piece(&mut self.follow) {
                self.silent = Duration::ZERO;
                return Some(piece);
            }
            if self.look && self.build_has_ended().await {
                // What it said last, it said before.
                return kept_piece(&mut self.follow);
            }
            self.look = false;
            let wait = match self.build {
                Some(_) => LOOK_EVERY,
                None => KEEP_ALIVE,
            };
            if let Ok(line) = tokio::time::timeout(wait, self.follow.next()).await {
                self.silent = Duration::ZERO;
                let mut piece = String::new();
                push(&mut piece, &line?);
                gather(&mut piece, &mut self.follow);
                return Some(piece.into());
            }
            self.look = self.build.is_some();
            self.silent += wait;
            if self.silent >= KEEP_ALIVE {
                self.silent = Duration::ZERO;
                return Some(Bytes::from_static(b"data:\n\n"));
            }
        }
    }

    async fn build_has_ended(&self) -> bool {
        let Some((lifecycle, space)) = &self.build else {
            return false;
        };
        // A database that is busy is asked again.
        matches!(lifecycle.is_building(*space).await, Ok(false))
    }
}

/// The next of the lines that are already there.
fn kept_piece(follow: &mut Follow) -> Option<Bytes> {
    let mut piece = String::new();
    gather(&mut piece, follow);
    (!piece.is_empty()).then(|| piece.into())
}

fn gather(piece: &mut String, follow: &mut Follow) {
    while piece.len() < PIECE_BYTES
        && let Some(line) = follow.try_next()
    {
        push(piece, &line);
    }
}

/// One event, in the exact form the clients look for: `data: {"data":…}`.
fn push(piece: &mut String, line: &LogLine) {
    let event = json!({ "data": format!("{}\n", line.text), "timestamp": date(line.at) });
    piece.push_str("data: ");
    piece.push_str(&event.to_string());
    piece.push_str("\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_line_is_one_event(text in any::<String>()) {
            let mut piece = String::new();
            push(&mut piece, &LogLine { at: 0, text: text.clone() });
            let exact = piece.starts_with("data: {\"data\":");
            prop_assert!(exact);
            prop_assert_eq!(piece.matches('\n').count(), 2);
            let event: serde_json::Value = serde_json::from_str(&piece[6..]).expect("json");
            prop_assert_eq!(&event["data"], &format!("{text}\n"));
        }
    }
}
