//! Uploads in chunks, for the clients that know no other way for large files: a token, xorbs, a shard.
//!
//! Files are never offered for download this way, so three routes are all there is to it; the two others that clients try
//! first are answered 404, which sends them here.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::answers::{Bytes, RawBody};
use super::describe::{Operation, Output};
use super::git::reading;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, RepoAccess};
use crate::base_url::BaseUrl;
use crate::domain::{DiskAmount, Millis, RepoKind, RepoUid, now};
use crate::repo::{RepoError, XetHash, XetStore};

/// How long a token of this storage holds; clients ask for another before it ends.
const HOLDS: Millis = 3600 * 1000;

/// A token for a storage, which is in headers too.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct WriteToken {
    access_token: String,
    /// Unix seconds.
    exp: i64,
    cas_url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct XorbAnswer {
    was_inserted: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ShardAnswer {
    result: u8,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/{kinds}/{owner}/{name}/xet-write-token/{revision}",
            Access::Writer,
            "Issues a token to upload large files in chunks.",
            write_token,
        )
        .post(
            "/xet/{store}/v1/xorbs/{domain}/{hash}",
            Access::Account,
            "Uploads chunks of files.",
            xorb,
        )
        .post(
            "/xet/{store}/v1/shards",
            Access::Account,
            "Registers which chunks make up which files.",
            shard,
        )
}

/// `GET /api/{kinds}/{owner}/{name}/xet-write-token/{revision}`
async fn write_token(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, _)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<WriteToken, ApiError> {
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
    let base_url = BaseUrl::of(&state.config, &headers);
    let address = format!("{base_url}/xet/{}", store.address());
    let seconds = until / 1000;
    Ok(WriteToken {
        access_token: token,
        exp: seconds,
        cas_url: address,
    })
}

impl IntoResponse for WriteToken {
    fn into_response(self) -> Response {
        let mut response = Json(&self).into_response();
        for (name, value) in [
            ("x-xet-cas-url", self.cas_url),
            ("x-xet-access-token", self.access_token),
            ("x-xet-token-expiration", self.exp.to_string()),
        ] {
            match HeaderValue::from_str(&value) {
                Ok(value) => drop(response.headers_mut().insert(name, value)),
                Err(error) => return ApiError::internal(&error).into_response(),
            }
        }
        response
    }
}

impl Output for WriteToken {
    fn describe(operation: &mut Operation<'_>) {
        Json::<Self>::describe(operation);
    }
}

/// `POST /xet/{store}/v1/xorbs/{domain}/{hash}`
async fn xorb(
    State(state): State<ApiState>,
    Path((store, _, hash)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: RawBody<Bytes>,
) -> Result<Json<XorbAnswer>, ApiError> {
    let (store, _) = opened(&state, &store, &headers)?;
    let hash: XetHash = hash.parse()?;
    let body = Box::pin(reading(body.body));
    let room = state.lifecycle.disk_room(store.account()).await?;
    let is_new = state.repos.receive_xorb(store, hash, room, body).await?;
    Ok(Json(XorbAnswer {
        was_inserted: is_new,
    }))
}

/// `POST /xet/{store}/v1/shards`
async fn shard(
    State(state): State<ApiState>,
    Path(store): Path<String>,
    headers: HeaderMap,
    body: RawBody<Bytes>,
) -> Result<Json<ShardAnswer>, ApiError> {
    let (store, repo) = opened(&state, &store, &headers)?;
    let body = Box::pin(reading(body.body));
    let room = state.lifecycle.disk_room_of(repo).await?;
    state.repos.receive_shard(store, repo, room, body).await?;
    Ok(Json(ShardAnswer { result: 1 }))
}

/// The store of an address and the repository of the token, when the token is one for both.
fn opened(
    state: &ApiState,
    address: &str,
    headers: &HeaderMap,
) -> Result<(XetStore, RepoUid), ApiError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(ApiError::unauthorized)?;
    let parts: Vec<_> = token.split('.').collect();
    let [repo, until, signature] = parts[..] else {
        return Err(ApiError::bad_token());
    };
    let repo: RepoUid = repo.parse().map_err(|_| ApiError::bad_token())?;
    let until: Millis = until.parse().map_err(|_| ApiError::bad_token())?;
    let store = XetStore::open(address, now()).ok_or_else(|| {
        ApiError::not_found("This upload address does not exist or has expired; request a new one")
    })?;
    if state
        .auth
        .is_signed(&may_send(store, repo), until, signature)
    {
        Ok((store, repo))
    } else {
        Err(ApiError::bad_token())
    }
}

fn may_send(store: XetStore, repo: RepoUid) -> String {
    format!("XET {} {repo}", store.address())
}
