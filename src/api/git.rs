//! `git clone`, `git pull` and `git push`, with a token as the password.
//!
//! A push is a publish: it goes through the lock and the checks of a commit through the API, and what it moves `main` to
//! is built.

use std::net::IpAddr;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::answers::{Media, RawBody};
use super::commits::next_chunk;
use super::describe::{Operation, Output};
use super::query::Query;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, RepoAccess};
use crate::auth::Principal;
use crate::base_url::BaseUrl;
use crate::domain::{RepoKind, Repository};
use crate::lifecycle::Landing;
use crate::repo::{FetchRequest, Push, Received};
use crate::server::Client;

type RepoPath = Path<(String, String)>;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/{prefix}{owner}/{name}/info/refs",
            Access::Git,
            "For git: lists branches and tags.",
            references,
        )
        .post(
            "/{prefix}{owner}/{name}/git-upload-pack",
            Access::Git,
            "For git: serves clones and fetches.",
            upload_pack,
        )
        .post(
            "/{prefix}{owner}/{name}/git-receive-pack",
            Access::Writer,
            "For git: receives a push.",
            receive_pack,
        )
}

/// What the branches and tags are wanted for.
#[derive(Debug, Deserialize, JsonSchema)]
struct ReferencesQuery {
    /// The only one left of git's protocols.
    #[schemars(with = "Service")]
    service: Option<String>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "other words are answered in words for people")]
enum Service {
    GitUploadPack,
    GitReceivePack,
}

/// An answer in the form that git reads, which shows what is plain text.
#[derive(Debug)]
struct GitAnswer(Response);

impl IntoResponse for GitAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for GitAnswer {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_raw(200, "*/*", "A message of git's smart protocol.");
        operation.fails_with::<String>("text/plain");
    }
}

struct UploadPack;

impl Media for UploadPack {
    const TYPE: &'static str = "application/x-git-upload-pack-request";
}

struct ReceivePack;

impl Media for ReceivePack {
    const TYPE: &'static str = "application/x-git-receive-pack-request";
}

/// `GET /{prefix}{owner}/{name}[.git]/info/refs?service=…`
async fn references(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    Extension(client): Extension<Client>,
    query: Query<ReferencesQuery>,
    headers: HeaderMap,
) -> GitAnswer {
    let answer = async {
        match query.service.as_deref() {
            Some("git-upload-pack") => {
                let repo = reader(&state, &headers, kind, &owner, &name).await?;
                let nothing = tokio::io::empty();
                let request = (FetchRequest::References, client.peer.client);
                fetched(&state, &repo, request, &headers, nothing).await
            }
            Some("git-receive-pack") => {
                let (_, repo) = writer(&state, &headers, kind, &owner, &name).await?;
                let answer = state.repos.advertise_push(repo.id).await?;
                Ok(git_answer("git-receive-pack-advertisement", answer.into()))
            }
            _ => Err(ApiError::bad_request(
                "This address is for git's smart protocol: run `git clone` with the address without `/info/refs`",
            )),
        }
    };
    GitAnswer(answer.await.unwrap_or_else(plain))
}

/// `POST /{prefix}{owner}/{name}[.git]/git-upload-pack`
async fn upload_pack(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: RawBody<UploadPack>,
) -> GitAnswer {
    let answer = async {
        let repo = reader(&state, &headers, kind, &owner, &name).await?;
        let gzip = match encoding(&headers) {
            "" | "identity" => false,
            "gzip" | "x-gzip" => true,
            _ => return Err(unknown_encoding()),
        };
        let request = (FetchRequest::Pack { gzip }, client.peer.client);
        let body = Box::pin(reading(body.body));
        fetched(&state, &repo, request, &headers, body).await
    };
    GitAnswer(answer.await.unwrap_or_else(plain))
}

/// `POST /{prefix}{owner}/{name}[.git]/git-receive-pack`
async fn receive_pack(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name)): RepoPath,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: RawBody<ReceivePack>,
) -> GitAnswer {
    let answer = async {
        let (caller, repo) = writer(&state, &headers, kind, &owner, &name).await?;
        if !matches!(encoding(&headers), "" | "identity") {
            return Err(unknown_encoding());
        }
        let full = state.store.check_room().is_err();
        let room = state.lifecycle.disk_room(repo.owner).await?;
        let received = state
            .repos
            .receive_push(
                repo.id,
                room,
                full,
                client.peer.client,
                Box::pin(reading(body.body)),
            )
            .await?;
        let report = match received {
            Received::Nothing => Vec::new(),
            Received::Refused(report) => report,
            Received::Ready(push) => {
                let page = BaseUrl::of(&state.config, &headers).repo_page(kind, &repo.name);
                // It runs to its end even when the client no longer waits: a push that landed is published.
                let by = caller.principal;
                let work = tokio::spawn(async move { land(&state, &repo, push, by, &page).await });
                work.await.map_err(|error| ApiError::internal(&error))??
            }
        };
        Ok(git_answer("git-receive-pack-result", report.into()))
    };
    GitAnswer(answer.await.unwrap_or_else(plain))
}

async fn land(
    state: &ApiState,
    repo: &Repository,
    push: Push,
    by: Principal,
    page: &str,
) -> Result<Vec<u8>, ApiError> {
    // Of what takes away nothing is recorded.
    if !push.only_removes()
        && let Err(error) = state.store.check_writable().await
    {
        return Ok(push.refused(ApiError::from(error).message()));
    }
    let by = match state.lifecycle.still_writes(repo.id, &by).await {
        Ok(by) => by,
        Err(error) => return Ok(push.refused(ApiError::from(error).message())),
    };
    let landed = state.repos.land_push(repo.id, push).await?;
    let Some(head) = &landed.head else {
        let text = landed.unpublished_branch().map(|branch| {
            format!(
                "`{branch}` is stored, but `main` is the branch that is published and shown.\n\
                 To publish `{branch}`: git push origin {branch}:main"
            )
        });
        return Ok(landed.report(&text.unwrap_or_default()));
    };
    // What has landed has landed; whoever pushed is told if it went no further.
    let landing = Landing {
        head: head.clone(),
        before: landed.before.clone(),
        by: Some(by),
        copy_of: None,
    };
    let text = match state.lifecycle.landed(repo.kind, repo.id, landing).await {
        Ok(()) if repo.kind == RepoKind::Space => {
            format!("Building {}; follow the build at {page}", repo.name)
        }
        Ok(()) => String::new(),
        Err(error) => {
            let error = ApiError::from(error);
            format!("The push was stored but not published: {}", error.message())
        }
    };
    Ok(landed.report(&text))
}

async fn fetched(
    state: &ApiState,
    repo: &Repository,
    (request, client): (FetchRequest, IpAddr),
    headers: &HeaderMap,
    body: impl AsyncRead + Unpin + Send + 'static,
) -> Result<Response, ApiError> {
    let version = match headers
        .get("git-protocol")
        .and_then(|value| value.to_str().ok())
    {
        Some("version=2") => Some(2),
        Some("version=1") => Some(1),
        _ => None,
    };
    let fetch = state
        .repos
        .fetch(repo.id, request, version, client, body)
        .await?;
    let status = StatusCode::from_u16(fetch.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_str(fetch.content_type());
    let chunks = stream::unfold(fetch, async |mut fetch| {
        fetch.next().await.map(|chunk| (chunk, fetch))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(kind) = kind {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The body as git reads it; one that goes silent or breaks off is an error.
pub(super) fn reading(body: Body) -> impl AsyncRead + Send {
    let chunks = stream::unfold(body, async |mut body| {
        let chunk = next_chunk(&mut body).await.transpose()?;
        let chunk = chunk.map_err(|error| {
            std::io::Error::new(
                std::io::ErrorKind::ConnectionAborted,
                error.message().to_owned(),
            )
        });
        Some((chunk, body))
    });
    StreamReader::new(chunks)
}

/// The repository, for one who may read it. Git asks for a name and token only when it is told that it needs them.
///
/// # Errors
/// As [`RepoAccess::read`], but 401 for nobody in particular.
pub(super) async fn reader(
    state: &ApiState,
    headers: &HeaderMap,
    kind: RepoKind,
    owner: &str,
    name: &str,
) -> Result<Repository, ApiError> {
    let name = name.strip_suffix(".git").unwrap_or(name);
    match RepoAccess::read(state, headers, kind, owner, name).await {
        Ok((_, repo)) => Ok(repo),
        Err(error)
            if error.status() == StatusCode::NOT_FOUND
                && !headers.contains_key(header::AUTHORIZATION) =>
        {
            Err(ApiError::unauthorized())
        }
        Err(error) => Err(error),
    }
}

/// The repository, for one who may change it.
///
/// # Errors
/// As [`RepoAccess::write`].
pub(super) async fn writer(
    state: &ApiState,
    headers: &HeaderMap,
    kind: RepoKind,
    owner: &str,
    name: &str,
) -> Result<(super::Caller, Repository), ApiError> {
    let name = name.strip_suffix(".git").unwrap_or(name);
    RepoAccess::write(state, headers, kind, owner, name).await
}

fn encoding(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_ENCODING);
    value.map_or("", |value| value.to_str().unwrap_or("?"))
}

fn unknown_encoding() -> ApiError {
    ApiError::unsupported_media_type("The server does not support this Content-Encoding")
}

fn git_answer(kind: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&format!("application/x-{kind}")) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An error as git shows it: it prints what is plain text. One of credentials makes it ask for them.
fn plain(error: ApiError) -> Response {
    let text = format!("{}\n", error.message());
    let asks = error.status() == StatusCode::UNAUTHORIZED;
    let mut response = error.into_response();
    *response.body_mut() = text.into();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if asks {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"user name and token\""),
        );
    }
    response
}
