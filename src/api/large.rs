//! Large files: the batch API of git-lfs (docs/api), as `git-lfs` and `huggingface_hub` speak it.
//!
//! A batch says where each file is to be sent, or fetched from: a signed address of this server, which needs no token.
//! Clients that know the Hub's own way `multipart` send what is large in parts, each of which they can try again.

mod parts;
mod wire;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};

use self::wire::{
    Actions, Batch, BatchAnswer, Lfs, LfsAction, MAX_OBJECTS, Object, ObjectAnswer, ObjectError,
    SignedQuery,
};
use super::answers::{Bytes, Done, RawBody};
use super::extract::UnreadBody;
use super::files::send::{self, FileAnswer};
use super::git::{reader, reading, writer};
use super::query::Query;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::base_url::BaseUrl;
use crate::domain::{DiskAmount, Millis, RepoKind, RepoUid, Repository, now};
use crate::repo::{LargeFile, LargeId, Repo, RepoError};

/// Most bytes of a batch's description.
const BATCH_BYTES: usize = 1 << 20;
/// How long an address holds: it must not end before a large file has begun to be sent.
const HOLDS: Millis = 6 * 3600 * 1000;

type RepoPath = Path<(String, String)>;

pub(super) fn routes() -> Routes {
    let locks_of_files = "/{prefix}{owner}/{name}/info/lfs/locks";
    Routes::new()
        .post(
            "/{prefix}{owner}/{name}/info/lfs/objects/batch",
            Access::Git,
            "Says where to upload large files, or where to download them.",
            batch,
        )
        .any(locks_of_files, Access::Anyone, "", locks)
        .any(
            &format!("{locks_of_files}/{{*rest}}"),
            Access::Anyone,
            "",
            locks,
        )
        .put(
            "/lfs/{repo}/{oid}",
            Access::Signed,
            "Uploads a large file.",
            upload,
        )
        .post(
            "/lfs/{repo}/{oid}",
            Access::Signed,
            "Checks whether a large file has arrived.",
            verify,
        )
        .get(
            "/lfs/{repo}/{oid}",
            Access::Signed,
            "Downloads a large file.",
            download,
        )
        .merge(parts::routes())
}

/// `POST /{prefix}{owner}/{name}.git/info/lfs/objects/batch`
async fn batch(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    headers: HeaderMap,
    body: UnreadBody<Batch>,
) -> Lfs<BatchAnswer> {
    let answer = async {
        let batch = body.read(BATCH_BYTES).await?;
        let offers = |way: &str| batch.transfers.iter().any(|offered| offered == way);
        let basic = batch.transfers.is_empty() || offers("basic");
        let in_parts = offers("multipart") && parts::are_worth_it(&batch.objects);
        // As git-lfs writes it, and as huggingface.js does.
        let known = |algo: &str| algo == "sha256" || algo == "sha_256";
        if !basic || batch.hash_algo.is_some_and(|algo| !known(&algo)) {
            return Err(ApiError::bad_request(
                "This server names large files by SHA-256 and supports only the transfer `basic`",
            ));
        }
        if batch.objects.len() > MAX_OBJECTS {
            return Err(ApiError::too_large(format!(
                "Ask about at most {MAX_OBJECTS} files at once"
            )));
        }
        let base_url = BaseUrl::of(&state.config, &headers);
        let (transfer, objects) = match batch.operation.as_str() {
            "upload" => {
                let (_, repo) = writer(&state, &headers, kind, &owner, &name).await?;
                state.store.check_room()?;
                let way = if in_parts { "multipart" } else { "basic" };
                let objects = uploads(&state, &base_url, &repo, batch.objects, in_parts);
                (way, objects.await?)
            }
            "download" => {
                let repo = reader(&state, &headers, kind, &owner, &name).await?;
                let objects = downloads(&state, &base_url, &repo, batch.objects);
                ("basic", objects.await?)
            }
            _ => {
                return Err(ApiError::bad_request(
                    "`operation` must be `upload` or `download`",
                ));
            }
        };
        Ok(BatchAnswer {
            transfer,
            objects,
            hash_algo: "sha256",
        })
    };
    Lfs(answer.await)
}

async fn uploads(
    state: &ApiState,
    base_url: &BaseUrl,
    repo: &Repository,
    objects: Vec<Object>,
    in_parts: bool,
) -> Result<Vec<ObjectAnswer>, ApiError> {
    let until = now() + HOLDS;
    let (auth, id, base_url) = (state.auth.clone(), repo.id, base_url.clone());
    let room = state.lifecycle.disk_room(repo.owner).await?;
    let repos = state.repos.clone();
    let work = move |files: &Repo| -> Result<Vec<ObjectAnswer>, RepoError> {
        let mut coming = DiskAmount::default();
        let one = |object: Object| -> Result<ObjectAnswer, RepoError> {
            let mut answer = ObjectAnswer::of(&object);
            let oid: LargeId = match object.oid.parse() {
                Ok(oid) => oid,
                Err(error) => return Ok(refused(answer, 422, &error)),
            };
            match files.large(&oid)? {
                Some(size) if size == object.size => return Ok(answer),
                Some(_) => {
                    return Ok(refused(
                        answer,
                        422,
                        &"the stored file has a different size",
                    ));
                }
                None => {}
            }
            let size = object.size;
            let signature = auth.sign(&may_put(id, &oid, size), until);
            let file = LargeFile { id: oid, size };
            if let Err(error) = files.room_for_whole(&file) {
                return Ok(refused(answer, 413, &error));
            }
            let with_it = coming + DiskAmount::new(size, 1) - files.parts_here(&file)?;
            if let Err(error) = room.check(with_it) {
                return Ok(refused(answer, 403, &error.explain()));
            }
            if let Err(error) = repos.check_free(with_it.bytes) {
                return Ok(refused(answer, 413, &error));
            }
            coming = with_it;
            let address = format!("{base_url}/lfs/{id}/{}", file.id);
            let query = format!("?size={size}&until={until}&signature={signature}");
            let href = format!("{address}{query}");
            let mut upload = match in_parts {
                true => parts::action(&address, &query, size),
                false => LfsAction::to(href.clone()),
            };
            upload.expires_in = Some(HOLDS / 1000);
            answer.authenticated = Some(true);
            answer.actions = Some(Actions {
                upload: Some(upload),
                verify: Some(LfsAction::to(href)),
                download: None,
            });
            Ok(answer)
        };
        objects.into_iter().map(one).collect()
    };
    Ok(state.repos.read(id, work).await?)
}

async fn downloads(
    state: &ApiState,
    base_url: &BaseUrl,
    repo: &Repository,
    objects: Vec<Object>,
) -> Result<Vec<ObjectAnswer>, ApiError> {
    let until = now() + HOLDS;
    let (auth, id, base_url) = (state.auth.clone(), repo.id, base_url.clone());
    let work = move |files: &Repo| -> Result<Vec<ObjectAnswer>, RepoError> {
        let one = |object: Object| -> Result<ObjectAnswer, RepoError> {
            let mut answer = ObjectAnswer::of(&object);
            let oid = object.oid.parse::<LargeId>();
            let stored = match &oid {
                Ok(oid) => files.large(oid)?,
                Err(_) => None,
            };
            let (Ok(oid), Some(size)) = (oid, stored) else {
                return Ok(refused(answer, 404, &"the file does not exist here"));
            };
            let signature = auth.sign(&may_get(id, &oid), until);
            let mut action = LfsAction::to(format!(
                "{base_url}/lfs/{id}/{oid}?until={until}&signature={signature}"
            ));
            action.expires_in = Some(HOLDS / 1000);
            answer.size = size;
            answer.authenticated = Some(true);
            answer.actions = Some(Actions {
                download: Some(action),
                ..Actions::default()
            });
            Ok(answer)
        };
        objects.into_iter().map(one).collect()
    };
    Ok(state.repos.read(id, work).await?)
}

fn refused(mut answer: ObjectAnswer, code: u16, problem: &dyn std::fmt::Display) -> ObjectAnswer {
    answer.error = Some(ObjectError {
        code,
        message: problem.to_string(),
    });
    answer
}

/// Clients go on without locks when they hear that there are none.
async fn locks() -> Lfs<Done> {
    Lfs(Err(ApiError::not_offered("locks on files")))
}

/// `PUT /lfs/{repo}/{oid}`: the bytes of a file, at a signed address.
async fn upload(
    State(state): State<ApiState>,
    Path((repo, oid)): Path<(String, String)>,
    query: Query<SignedQuery>,
    body: RawBody<Bytes>,
) -> Lfs<Done> {
    let answer = async {
        let (repo, file) = puttable(&state, &repo, &oid, &query)?;
        let body = Box::pin(reading(body.body));
        let room = state.lifecycle.disk_room_of(repo).await?;
        state.repos.receive_large(repo, file, room, body).await?;
        Ok(Done {})
    };
    Lfs(answer.await)
}

/// `POST /lfs/{repo}/{oid}`: whether a file that was sent is there.
async fn verify(
    State(state): State<ApiState>,
    Path((repo, oid)): Path<(String, String)>,
    query: Query<SignedQuery>,
) -> Lfs<Done> {
    let answer = async {
        let (repo, LargeFile { id, size }) = puttable(&state, &repo, &oid, &query)?;
        let stored = state
            .repos
            .read(repo, move |files| files.large(&id))
            .await?;
        if stored == Some(size) {
            return Ok(Done {});
        }
        Err(ApiError::not_found(
            "The file has not arrived; send it again",
        ))
    };
    Lfs(answer.await)
}

/// `GET /lfs/{repo}/{oid}`: the bytes of a file, at a signed address.
async fn download(
    State(state): State<ApiState>,
    Path((repo, oid)): Path<(String, String)>,
    query: Query<SignedQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<FileAnswer, ApiError> {
    let (repo, oid) = named(&repo, &oid)?;
    check(&state, &query, &may_get(repo, &oid))?;
    let name = oid.to_string();
    let id = oid.clone();
    let size = state
        .repos
        .read(repo, move |files| files.large(&id))
        .await?
        .ok_or_else(|| ApiError::entry_not_found(&name, None))?;
    let mut response = Response::new(Body::empty());
    send::safe_headers(response.headers_mut(), &name, true);
    let file = send::Source::Large(oid);
    send::send(
        &state,
        repo,
        file,
        &name,
        size,
        (&method, &headers),
        response,
    )
    .await
}

fn named(repo: &str, oid: &str) -> Result<(RepoUid, LargeId), ApiError> {
    let repo = repo.parse().map_err(|_| ApiError::repo_not_found())?;
    Ok((repo, oid.parse()?))
}

/// The file that a signed address lets its holder send.
fn puttable(
    state: &ApiState,
    repo: &str,
    oid: &str,
    query: &SignedQuery,
) -> Result<(RepoUid, LargeFile), ApiError> {
    let (repo, id) = named(repo, oid)?;
    let size = query.size.unwrap_or_default();
    check(state, query, &may_put(repo, &id, size))?;
    Ok((repo, LargeFile { id, size }))
}

fn may_put(repo: RepoUid, oid: &LargeId, size: u64) -> String {
    format!("PUT {repo} {oid} {size}")
}

fn may_get(repo: RepoUid, oid: &LargeId) -> String {
    format!("GET {repo} {oid}")
}

fn check(state: &ApiState, query: &SignedQuery, what: &str) -> Result<(), ApiError> {
    let until = query.until.unwrap_or_default();
    let until = Millis::try_from(until).unwrap_or(0);
    let signature = query.signature.as_deref().unwrap_or_default();
    if state.auth.is_signed(what, until, signature) {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "This address was not issued by this server, or it has expired; request a new one",
    ))
}
