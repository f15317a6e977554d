//! Publishing: what to send, sending it, and what the card looks like before it is sent.

mod base64;
mod receive;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use self::receive::receive;
pub(super) use self::receive::{next_chunk, small_json};
use super::kinds::EachKind;
use super::quota;
use super::{ApiError, ApiState, QueryPairs, RepoAccess};
use crate::arrival::Arrival;
use crate::domain::{Card, DiskAmount, RepoKind, split_front_matter};
use crate::repo::{Attributes, CommitRequest, FilePath, Ignore, MAIN, RepoError, size_text};

/// Most bytes of a request that only describes files.
const DESCRIPTION_BYTES: usize = 8 << 20;
/// The longest README that is looked at before it is pushed, by whomever, in bytes.
const CARD_BYTES: usize = 1 << 20;
/// Most bytes of a `.gitignore` that is heeded.
const GITIGNORE_BYTES: u64 = 256 << 10;

pub(super) fn routes() -> Router<ApiState> {
    Router::new()
        .each_kind(
            "/api/{kinds}/{owner}/{name}/preupload/{revision}",
            post(preupload),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/commit/{revision}",
            post(commit),
        )
        .route("/api/validate-yaml", post(validate_yaml))
}

type RevisionPath = Path<(String, String, String)>;

#[derive(Deserialize)]
struct Preupload {
    files: Vec<PreuploadFile>,
    #[serde(rename = "gitIgnore")]
    git_ignore: Option<String>,
}

#[derive(Deserialize)]
struct PreuploadFile {
    path: String,
    #[serde(default)]
    size: u64,
}

/// Says how each file is to be sent (in the commit itself, or apart from it as a large file), which ones are ignored, and
/// what is stored already.
async fn preupload(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let (_, stored) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    // Said here, before anything is sent: clients try a refused upload again for minutes.
    state.store.check_room()?;
    let request: Preupload = small_json(body, DESCRIPTION_BYTES).await?;
    let limits = state.repos.limits().clone();
    let (room, repos) = (
        state.lifecycle.disk_room(stored.owner).await?,
        state.repos.clone(),
    );
    let answer = state.repos.read(stored.id, move |repo| {
        let at = match repo.resolve(&revision) {
            Err(RepoError::RevisionNotFound(_)) if revision == MAIN => None,
            found => Some(found?),
        };
        let ignore = match (&request.git_ignore, &at) {
            (Some(text), _) => Ignore::parse(text),
            (None, Some(at)) => match repo.read(at, ".gitignore", GITIGNORE_BYTES) {
                Ok(text) => Ignore::parse(&String::from_utf8_lossy(&text)),
                Err(RepoError::EntryNotFound(_) | RepoError::TooLarge(_)) => Ignore::default(),
                Err(error) => return Err(error),
            },
            (None, None) => Ignore::default(),
        };
        if request.files.len() > limits.operations {
            return Err(RepoError::TooLarge(format!(
                "ask for at most {} files at once",
                limits.operations
            )));
        }
        let paths = request.files.iter().map(|file| file.path.parse());
        let paths: Vec<FilePath> = paths.collect::<Result<_, _>>()?;
        let stored = match &at {
            Some(at) => {
                let paths: Vec<_> = paths.iter().map(FilePath::as_str).collect();
                repo.file_ids(at, &paths)?
            }
            None => vec![None; paths.len()],
        };
        let attributes = match &at {
            Some(at) => repo.attributes(at)?,
            None => Attributes::default(),
        };
        let mut files = Vec::new();
        // Large files that are not here already, by what can be said before they are hashed.
        let mut coming = DiskAmount::default();
        for ((file, path), stored) in request.files.iter().zip(&paths).zip(stored) {
            let ignored = ignore.ignores(path.as_str());
            // Every client can: old ones by the batch API, new ones in chunks.
            let large = file.size >= limits.large_from
                || (file.size > 0 && attributes.is_large(path.as_str()));
            if large && !ignored {
                repo.room_for_large(file.size)?;
            } else if file.size > limits.file_bytes && !ignored {
                return Err(RepoError::TooLarge(format!(
                    "`{path}` has {}; a file may have {} here",
                    size_text(file.size),
                    size_text(limits.file_bytes)
                )));
            }
            let mode = if large { "lfs" } else { "regular" };
            let mut answer =
                json!({"path": path.as_str(), "uploadMode": mode, "shouldIgnore": ignored});
            // A client compares it with the hash that goes with the mode it was told.
            let mut there = None;
            if let Some(oid) = stored {
                there = repo.large_behind(&oid)?;
                match &there {
                    Some(file) if large => answer["oid"] = file.id.as_str().into(),
                    None if !large => answer["oid"] = oid.into(),
                    _ => {}
                }
            }
            if large && !ignored && there.is_none_or(|there| there.size != file.size) {
                coming = coming + DiskAmount::file(file.size);
            }
            files.push(answer);
        }
        // Now, and not after an hour of sending.
        if coming.files > 0 {
            room.check(coming)?;
            repos.check_free(coming.bytes)?;
        }
        Ok(files)
    });
    Ok(Json(json!({"files": answer.await?})))
}

/// Receives a commit and makes it. Nothing can be seen of it before all of it has arrived.
async fn commit(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    if query.is_on("create_pr") {
        return Err(ApiError::not_offered("pull requests; commit to `main`"));
    }
    let branch = revision
        .strip_prefix("refs/heads/")
        .unwrap_or(&revision)
        .to_owned();
    state.store.check_room()?;
    let room = state.lifecycle.disk_room(repo.owner).await?;
    let arrived = receive(&state.repos, room, body).await?;
    let page = Arrival::of(&state.config, &headers).repo_page(kind, &repo.name);
    let request = CommitRequest {
        branch,
        parent: arrived.header.parent_commit,
        title: arrived.header.summary,
        description: arrived.header.description.unwrap_or_default(),
        author: caller.account.name.to_string(),
        operations: arrived.operations,
        spool: arrived.spool,
    };
    let head = state
        .lifecycle
        .commit(repo.kind, repo.id, request, caller.principal)
        .await?;
    let body = json!({
        "success": true,
        "commitOid": head.as_str(),
        "commitUrl": format!("{page}/commit/{head}"),
        "hookOutput": "",
    });
    let notice = quota::notice(&state.lifecycle, repo.owner).await;
    Ok((notice, Json(body)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidateYaml {
    content: String,
    #[serde(default)]
    repo_type: Option<String>,
}

/// Reads a README's card before it is pushed. What is wrong with it stops the client; what is only unwise does not.
async fn validate_yaml(State(state): State<ApiState>, body: Body) -> Result<Response, ApiError> {
    let request: ValidateYaml = small_json(body, CARD_BYTES).await?;
    let hardware: Vec<_> = state
        .lifecycle
        .hardware()
        .iter()
        .map(|hardware| hardware.name.clone())
        .collect();
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    if request.repo_type.as_deref() == Some("space") {
        match Card::parse(&request.content) {
            // A README without a card may be pushed, say before the card is written.
            Err(error) if split_front_matter(&request.content).is_none() => {
                warnings.extend(error.problems.into_iter().map(|problem| problem.message));
            }
            Err(error) => errors = error.problems,
            Ok(card) => warnings.extend(advice(&card, &hardware)),
        }
    }
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let errors: Vec<_> = errors
        .into_iter()
        .map(|problem| match problem.line {
            Some(line) => {
                json!({"message": format!("README.md:{line}: {}", problem.message), "line": line})
            }
            None => json!({"message": format!("README.md: {}", problem.message)}),
        })
        .collect();
    let warnings: Vec<_> = warnings
        .into_iter()
        .map(|text| json!({"message": text}))
        .collect();
    Ok((
        status,
        Json(json!({"errors": errors, "warnings": warnings})),
    )
        .into_response())
}

/// What will work, but perhaps not as the author thinks.
fn advice(card: &Card, hardware: &[String]) -> Vec<String> {
    let mut advice = Vec::new();
    if card.title.is_none() {
        advice.push("the card has no `title`; the Space is shown under its name".to_owned());
    }
    if let Some(suggested) = &card.suggested_hardware
        && !hardware.contains(suggested)
    {
        advice.push(format!(
            "`suggested_hardware: {suggested}` is not offered here; offered are {}",
            hardware.join(", ")
        ));
    }
    advice
}
