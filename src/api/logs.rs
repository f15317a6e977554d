//! Build and run logs as server-sent events.
//!
//! The Hub's clients have one way to ask for both a copy of the log and its continuation: they read until they have
//! heard nothing for as long as they care to wait. So all kept lines leave at once, live ones follow, and a quiet log
//! says `data:` often enough that nobody following it gives up. `?follow=false` ends the answer after the kept lines.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, header};
use serde_json::json;

use super::access::SpaceAccess;
use super::extract::QueryPairs;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::journal::{Follow, Log, LogLine};

/// How long a quiet log stays silent: longer than the five seconds after which a client that wants a copy has it, much
/// shorter than the two minutes after which a following one gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Lines are gathered into pieces of about this size.
const PIECE_BYTES: usize = 32 << 10;

/// `GET /api/spaces/{owner}/{name}/logs/run`
pub(super) async fn run(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: QueryPairs,
) -> Result<Response, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    events(&state.lifecycle.run_log(space.id), &query)
}

/// `GET /api/spaces/{owner}/{name}/logs/build`
pub(super) async fn build(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    query: QueryPairs,
) -> Result<Response, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    events(&state.lifecycle.build_log(space.id), &query)
}

fn events(log: &Log, query: &QueryPairs) -> Result<Response, ApiError> {
    let tail = query
        .number("tail")?
        .map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let follow = log.follow(tail);
    let live = query.get("follow") != Some("false");
    let pieces = stream::unfold(follow, move |mut follow| async move {
        let piece = if live {
            Some(next_piece(&mut follow).await?)
        } else {
            kept_piece(&mut follow)
        };
        piece.map(|piece| (Ok::<_, Infallible>(piece), follow))
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
    Ok(response)
}

/// Waits for a line and takes with it what else is there. `None` when the log has ended.
async fn next_piece(follow: &mut Follow) -> Option<Bytes> {
    let Ok(line) = tokio::time::timeout(KEEP_ALIVE, follow.next()).await else {
        return Some(Bytes::from_static(b"data:\n\n"));
    };
    let mut piece = String::new();
    push(&mut piece, &line?);
    gather(&mut piece, follow);
    Some(piece.into())
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
