//! The transfer `multipart`, as `huggingface_hub` and its agent for git-lfs speak it: a file in parts, then a word that all
//! are there.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::puttable;
use super::wire::{LFS_JSON, Lfs, LfsAction, LfsError, Object, SignedQuery};
use crate::api::answers::{Bytes, Done, RawBody};
use crate::api::describe::{Operation, Output};
use crate::api::git::reading;
use crate::api::query::Query;
use crate::api::table::{Access, Routes};
use crate::api::{ApiError, ApiState};
use crate::repo::Parts;

/// Most addresses of parts in one answer; what needs more goes whole.
const MOST_ADDRESSES: u64 = 10_000;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post(
            "/lfs/{repo}/{oid}/parts",
            Access::Signed,
            "Completes a large file after all of its parts were sent.",
            complete,
        )
        .put(
            "/lfs/{repo}/{oid}/parts/{number}",
            Access::Signed,
            "Uploads a part of a large file.",
            part,
        )
}

/// A part has arrived.
#[derive(Debug)]
struct PartAnswer(Result<HeaderValue, ApiError>);

impl IntoResponse for PartAnswer {
    fn into_response(self) -> Response {
        match self.0 {
            // Clients ask for it, and send it back with their word that all parts are there.
            Ok(tag) => (StatusCode::OK, [(header::ETAG, tag)]).into_response(),
            Err(error) => Lfs::<Done>(Err(error)).into_response(),
        }
    }
}

impl Output for PartAnswer {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_nothing(200, "The part has arrived.");
        operation.answers_header("ETag", "The hash of the part.");
        operation.fails_with::<LfsError>(LFS_JSON);
    }
}

/// Whether any of them is more than one part.
pub(super) fn are_worth_it(objects: &[Object]) -> bool {
    let parts = objects.iter().map(|object| Parts::of(object.size).count);
    let (sum, most) = parts.fold((0, 1), |(sum, most), count| (sum + count, count.max(most)));
    most > 1 && sum <= MOST_ADDRESSES
}

/// What a client does to send a file of that size in parts to an address with its signed query.
pub(super) fn action(address: &str, query: &str, size: u64) -> LfsAction {
    let parts = Parts::of(size);
    let mut header = BTreeMap::new();
    for number in 1..=parts.count {
        let href = format!("{address}/parts/{number}{query}");
        header.insert(format!("{number:05}"), href);
    }
    header.insert("chunk_size".to_owned(), parts.bytes.to_string());
    LfsAction {
        href: format!("{address}/parts{query}"),
        header: Some(header),
        expires_in: None,
    }
}

/// `PUT /lfs/{repo}/{oid}/parts/{number}`: the bytes of a part, at a signed address.
async fn part(
    State(state): State<ApiState>,
    Path((repo, oid, number)): Path<(String, String, String)>,
    query: Query<SignedQuery>,
    body: RawBody<Bytes>,
) -> PartAnswer {
    let answer = async {
        let (repo, file) = puttable(&state, &repo, &oid, &query)?;
        let number = number
            .parse()
            .map_err(|_| ApiError::bad_request("Part numbers start at 1"))?;
        let body = Box::pin(reading(body.body));
        let room = state.lifecycle.disk_room_of(repo).await?;
        let received = state.repos.receive_part(repo, file, number, room, body);
        let hash = received.await?;
        HeaderValue::from_str(&format!("\"{hash}\"")).map_err(|error| ApiError::internal(&error))
    };
    PartAnswer(answer.await)
}

/// `POST /lfs/{repo}/{oid}/parts`: all parts are there. What the client says of each is not read: the hash of the whole
/// tells more.
async fn complete(
    State(state): State<ApiState>,
    Path((repo, oid)): Path<(String, String)>,
    query: Query<SignedQuery>,
) -> Lfs<Done> {
    let answer = async {
        let (repo, file) = puttable(&state, &repo, &oid, &query)?;
        let room = state.lifecycle.disk_room_of(repo).await?;
        let joined = state.repos.join_parts(repo, file, room).await;
        // The parts have gone.
        state.lifecycle.measure(repo).await?;
        joined?;
        Ok(Done {})
    };
    Lfs(answer.await)
}
