//! Uploads in chunks, for the clients that know no other way for large files: a token, xorbs, a shard.
//!
//! Files are never offered for download this way, so three routes are all there is to it; the two others that clients try
//! first are answered 404, which sends them here.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::git::reading;
use super::kinds::EachKind;
use super::{ApiError, ApiState, RepoAccess};
use crate::arrival::Arrival;
use crate::domain::{DiskAmount, Millis, RepoId, RepoKind};
use crate::repo::{RepoError, XetHash, XetStore};

/// How long a token of this storage holds; clients ask for another before it ends.
const HOLDS: Millis = 3600 * 1000;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .each_kind(
            "/api/{kinds}/{owner}/{name}/xet-write-token/{revision}",
            get(write_token),
        )
        .route("/xet/{store}/v1/xorbs/{domain}/{hash}", post(xorb))
        .route("/xet/{store}/v1/shards", post(shard))
}

/// `GET /api/{kinds}/{owner}/{name}/xet-write-token/{revision}`
async fn write_token(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, _)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    state.store.check_room()?;
    // A client that is told later tries for minutes, as if room would come.
    let sender = state.lifecycle.disk_room(caller.account.id).await?;
    let owner = state.lifecycle.disk_room(repo.owner).await?;
    for room in [sender, owner] {
        room.check(DiskAmount::new(1, 1)).map_err(RepoError::from)?;
    }
    let now = now();
    let store = state.repos.xet_store(caller.account.id, now);
    let until = now + HOLDS;
    let signature = state.auth.sign(&may_send(store, repo.id), until);
    let token = format!("{}.{until}.{signature}", repo.id);
    let arrival = Arrival::of(&state.config, &headers);
    let address = format!("{arrival}/xet/{}", store.address());
    let seconds = until / 1000;
    let mut response =
        Json(json!({"accessToken": token, "exp": seconds, "casUrl": address})).into_response();
    for (name, value) in [
        ("x-xet-cas-url", address),
        ("x-xet-access-token", token),
        ("x-xet-token-expiration", seconds.to_string()),
    ] {
        let value = HeaderValue::from_str(&value).map_err(|error| ApiError::internal(&error))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// `POST /xet/{store}/v1/xorbs/{domain}/{hash}`
async fn xorb(
    State(state): State<ApiState>,
    Path((store, _, hash)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let (store, _) = opened(&state, &store, &headers)?;
    let hash: XetHash = hash.parse()?;
    let body = Box::pin(reading(body));
    let room = state.lifecycle.disk_room(store.account()).await?;
    let is_new = state.repos.receive_xorb(store, hash, room, body).await?;
    Ok(Json(json!({ "was_inserted": is_new })))
}

/// `POST /xet/{store}/v1/shards`
async fn shard(
    State(state): State<ApiState>,
    Path(store): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let (store, repo) = opened(&state, &store, &headers)?;
    let body = Box::pin(reading(body));
    let room = state.lifecycle.disk_room_of(repo).await?;
    state.repos.receive_shard(store, repo, room, body).await?;
    Ok(Json(json!({ "result": 1 })))
}

/// The store of an address and the repository of the token, when the token is one for both.
fn opened(
    state: &ApiState,
    address: &str,
    headers: &HeaderMap,
) -> Result<(XetStore, RepoId), ApiError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(ApiError::unauthorized)?;
    let parts: Vec<_> = token.split('.').collect();
    let [repo, until, signature] = parts[..] else {
        return Err(ApiError::bad_token());
    };
    let repo: RepoId = repo.parse().map_err(|_| ApiError::bad_token())?;
    let until: Millis = until.parse().map_err(|_| ApiError::bad_token())?;
    let store = XetStore::open(address, now())
        .ok_or_else(|| ApiError::not_found("There is no such storage, or no more"))?;
    if state
        .auth
        .is_signed(&may_send(store, repo), until, signature)
    {
        Ok((store, repo))
    } else {
        Err(ApiError::bad_token())
    }
}

fn may_send(store: XetStore, repo: RepoId) -> String {
    format!("XET {} {repo}", store.address())
}

fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}
