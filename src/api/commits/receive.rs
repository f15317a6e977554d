//! Taking request bodies.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::stream::{Arrived, CommitStream};
use crate::api::ApiError;
use crate::ledger::DiskReservation;
use crate::repo::{RepoError, Repos};

/// A client that sends nothing for this long has gone.
const SILENCE: Duration = Duration::from_secs(60);
/// After a refusal, so much more of the body is read and dropped: a client that is still sending when its connection
/// closes would not read why.
const DRAINED_BYTES: usize = 256 << 20;

/// Bytes of small requests that are in memory at once, in steps; the first step of each comes on top.
const STEP: usize = 64 << 10;
static STEPS: Semaphore = Semaphore::const_new((128 << 20) / STEP);

/// A small request, whatever it calls its content type.
///
/// # Errors
/// One that is larger than `limit`, breaks off, or is not what it should be; and when those of others fill the memory there
/// is for them.
pub(in crate::api) async fn small_json<T: DeserializeOwned>(
    body: Body,
    limit: usize,
) -> Result<T, ApiError> {
    let mut body = body;
    let mut bytes = BytesMut::new();
    let mut held = Vec::new();
    while let Some(chunk) = next_chunk(&mut body).await? {
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::too_large(format!(
                "the request is larger than {} MiB",
                limit >> 20
            )));
        }
        while bytes.len() + chunk.len() > STEP * (held.len() + 1) {
            let step = STEPS.try_acquire();
            held.push(step.map_err(|_| ApiError::too_much_at_once())?);
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad_request(format!("the request is not valid: {error}")))
}

/// A whole commit, its files in a spool as far as there is room. A body that breaks off is an error.
pub(super) async fn receive(
    repos: &Repos,
    room: DiskReservation,
    body: Body,
) -> Result<Arrived, ApiError> {
    let mut body = body;
    let spool = repos.spool(room)?;
    let mut stream = CommitStream::new(spool, repos.limits().clone());
    loop {
        let Some(chunk) = next_chunk(&mut body).await? else {
            return Ok(stream.finish()?);
        };
        let step = tokio::task::spawn_blocking(move || {
            let fed = stream.feed(&chunk);
            (stream, fed)
        });
        let (back, fed) = step
            .await
            .map_err(|error| RepoError::Io(std::io::Error::other(error)))?;
        stream = back;
        if let Err(error) = fed {
            // Its disk space first.
            drop(stream);
            drain(&mut body).await;
            return Err(error.into());
        }
    }
}

/// The next bytes of a body; `None` at its end.
///
/// # Errors
/// A body that breaks off, or goes silent.
pub(in crate::api) async fn next_chunk(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => {
                return Err(ApiError::bad_request(
                    "the request ended before it was complete; nothing was changed",
                ));
            }
            Err(_) => {
                return Err(ApiError::bad_request(format!(
                    "the request sent no data for {} s; nothing was changed",
                    SILENCE.as_secs()
                )));
            }
        };
        // Trailers carry nothing for us.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

async fn drain(body: &mut Body) {
    let mut left = DRAINED_BYTES;
    while left > 0 {
        match next_chunk(body).await {
            Ok(Some(chunk)) => left = left.saturating_sub(chunk.len()),
            Ok(None) | Err(_) => return,
        }
    }
}
