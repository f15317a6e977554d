//! Publishing: what to send, sending it, and what the card looks like before it is sent.

mod base64;
mod receive;
mod scan;
mod stream;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::receive::receive;
pub(super) use self::receive::{next_chunk, small_json};
use super::answers::{JSON, Media, Noticed, RawBody};
use super::describe::{Operation, Output};
use super::extract::UnreadBody;
use super::lenient_integer::whole;
use super::query::Query;
use super::quota;
use super::table::{Access, Routes};
use super::{ApiError, ApiState, RepoAccess};
use crate::base_url::BaseUrl;
use crate::domain::{CardProblem, DiskAmount, FrontMatter, RepoKind, Revision, size_text};
use crate::repo::{Attributes, CommitRequest, FilePath, Ignore, MAIN, RepoError};

/// Most bytes of a request that only describes files.
const DESCRIPTION_BYTES: usize = 8 << 20;
/// The longest README that is looked at before it is pushed, by whomever, in bytes.
const CARD_BYTES: usize = 1 << 20;
/// Most bytes of a `.gitignore` that is heeded.
const GITIGNORE_BYTES: u64 = 256 << 10;

pub(super) fn routes() -> Routes {
    Routes::new()
        .post(
            "/api/{kinds}/{owner}/{name}/preupload/{revision}",
            Access::Writer,
            "Says how to upload each of the given files, and which of them the repository already has.",
            preupload,
        )
        .post(
            "/api/{kinds}/{owner}/{name}/commit/{revision}",
            Access::Writer,
            "Creates a commit. The body has one line with the `header`, then one for each `file`, `lfsFile`, \
             `deletedFile` or `deletedFolder`.",
            commit,
        )
        .post(
            "/api/validate-yaml",
            Access::Anyone,
            "Checks a README's card before it is pushed.",
            validate_yaml,
        )
}

type RevisionPath = Path<(String, String, String)>;

/// Files that are to be sent.
#[derive(Debug, Deserialize, JsonSchema)]
struct Preupload {
    files: Vec<PreuploadFile>,
    /// The text of a `.gitignore`; that of the repository when nothing is said.
    #[serde(rename = "gitIgnore")]
    git_ignore: Option<String>,
}

/// A file that is to be sent.
#[derive(Debug, Deserialize, JsonSchema)]
struct PreuploadFile {
    /// From the root, without a leading slash.
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$"),
        length(max = 200)
    )]
    path: String,
    /// Bytes.
    #[serde(default, deserialize_with = "whole")]
    size: u64,
}

/// How files are to be sent.
#[derive(Debug, Serialize, JsonSchema)]
struct PreuploadAnswer {
    files: Vec<UploadMode>,
}

/// How a file is to be sent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UploadMode {
    path: String,
    upload_mode: Mode,
    should_ignore: bool,
    /// What is there already, to be compared with the hash that goes with the mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    oid: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Apart from the commit, as a large file.
    Lfs,
    /// In the commit.
    Regular,
}

/// Says how each file is to be sent (in the commit itself, or apart from it as a large file), which ones are ignored, and
/// what is stored already.
async fn preupload(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    headers: HeaderMap,
    body: UnreadBody<Preupload>,
) -> Result<Json<PreuploadAnswer>, ApiError> {
    let (_, stored) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    // Said here, before anything is sent: clients try a refused upload again for minutes.
    state.store.check_room()?;
    let request = body.read(DESCRIPTION_BYTES).await?;
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
                "ask about at most {} files at once",
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
                    "`{path}` has {}; this server allows {} for one file",
                    size_text(file.size),
                    size_text(limits.file_bytes)
                )));
            }
            // A client compares it with the hash that goes with the mode it was told.
            let mut there = None;
            let mut known = None;
            if let Some(oid) = stored {
                there = repo.large_behind(&oid)?;
                known = match &there {
                    Some(file) if large => Some(file.id.to_string()),
                    None if !large => Some(oid),
                    _ => None,
                };
            }
            if large && !ignored && there.is_none_or(|there| there.size != file.size) {
                coming = coming + DiskAmount::file(file.size);
            }
            files.push(UploadMode {
                path: path.to_string(),
                upload_mode: if large { Mode::Lfs } else { Mode::Regular },
                should_ignore: ignored,
                oid: known,
            });
        }
        // Now, and not after an hour of sending.
        if coming.files > 0 {
            room.check(coming)?;
            repos.check_free(coming.bytes)?;
        }
        Ok(files)
    });
    Ok(Json(PreuploadAnswer {
        files: answer.await?,
    }))
}

/// Where a commit goes.
#[derive(Debug, Deserialize, JsonSchema)]
struct CommitQuery {
    /// Pull requests are not offered.
    #[serde(default)]
    #[schemars(extend("const" = false))]
    create_pr: bool,
}

/// JSON objects, one a line.
#[derive(Debug)]
struct Lines;

impl Media for Lines {
    const TYPE: &'static str = "application/x-ndjson";
}

/// A commit that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Committed {
    success: bool,
    commit_oid: Revision,
    commit_url: String,
    hook_output: &'static str,
}

/// Receives a commit and makes it. Nothing can be seen of it before all of it has arrived.
async fn commit(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision)): RevisionPath,
    query: Query<CommitQuery>,
    headers: HeaderMap,
    body: RawBody<Lines>,
) -> Result<Noticed<Committed>, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    if query.create_pr {
        return Err(ApiError::not_offered(
            "pull requests; commit to `main` instead",
        ));
    }
    let branch = revision
        .strip_prefix("refs/heads/")
        .unwrap_or(&revision)
        .to_owned();
    state.store.check_room()?;
    let room = state.lifecycle.disk_room(repo.owner).await?;
    let arrived = receive(&state.repos, room, body.body).await?;
    let page = BaseUrl::of(&state.config, &headers).repo_page(kind, &repo.name);
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
    let notice = quota::notice(&state.lifecycle, repo.owner).await;
    let body = Committed {
        success: true,
        commit_url: format!("{page}/commit/{head}"),
        commit_oid: head,
        hook_output: "",
    };
    Ok(Noticed { body, notice })
}

/// A README.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ValidateYaml {
    /// With the card, between lines of `---`.
    #[schemars(example = &"---\nsdk: static\n---\n")]
    content: String,
    /// Only a Space's card is looked at.
    #[serde(default)]
    repo_type: Option<String>,
}

/// What there is to say of a card: 400 when something is wrong.
#[derive(Debug, Serialize, JsonSchema)]
struct Verdict {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Problem {
    message: String,
    /// Of the README, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl IntoResponse for Verdict {
    fn into_response(self) -> Response {
        let status = match self.errors.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::BAD_REQUEST,
        };
        (status, Json(self)).into_response()
    }
}

impl Output for Verdict {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<Self>(200, JSON, "The card has no errors.");
        operation.answers::<VerdictOrError>(400, JSON, "The card has errors.");
    }
}

/// With a card that is wrong, or a request that is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it says what two answers of one status look like")]
enum VerdictOrError {
    Verdict(Verdict),
    Error(super::error::Envelope),
}

/// Reads a README's card before it is pushed. What is wrong with it stops the client; what is only unwise does not.
async fn validate_yaml(
    State(state): State<ApiState>,
    body: UnreadBody<ValidateYaml>,
) -> Result<Verdict, ApiError> {
    let request = body.read(CARD_BYTES).await?;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    if request.repo_type.as_deref() == Some("space") {
        match state.lifecycle.check_card(&request.content) {
            // A README without a card may be pushed, say before the card is written.
            Err(error) if FrontMatter::of(&request.content).is_none() => warnings = error.problems,
            Err(error) => errors = error.problems,
            Ok(card) => {
                warnings = card.warnings;
                if card.title.is_none() {
                    let message =
                        "the card has no `title`; the Space's name is shown instead".into();
                    warnings.push(CardProblem {
                        line: None,
                        message,
                    });
                }
            }
        }
    }
    let said = |problems: Vec<CardProblem>| {
        let said = problems.into_iter().map(|problem| Problem {
            message: problem.text(),
            line: problem.line,
        });
        said.collect()
    };
    Ok(Verdict {
        errors: said(errors),
        warnings: said(warnings),
    })
}
