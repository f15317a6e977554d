//! The bytes of a file.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, Method};
use schemars::JsonSchema;
use serde::Deserialize;

use super::send::{FileAnswer, Source, ascii, send};
use super::{FileRoute, safe};
use crate::api::query::Query;
use crate::api::{ApiError, ApiState, RepoAccess};
use crate::domain::RepoKind;
use crate::repo::{Repo, RepoError};

/// Which commit a file is of; clients keep files under it.
const REPO_COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");

/// How a file is sent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ResolveQuery {
    /// For a browser: to be kept, not shown.
    #[serde(default)]
    download: bool,
}

/// `GET` and `HEAD /{prefix}{owner}/{name}/resolve/{revision}/{*path}`
pub(super) async fn resolve(
    State(state): State<ApiState>,
    kind: RepoKind,
    Path((owner, name, revision, path)): FileRoute,
    query: Query<ResolveQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<FileAnswer, ApiError> {
    let (_, stored) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let asked = path.clone();
    let read = move |repo: &Repo| {
        let at = repo.resolve(&revision)?;
        match repo.file(&at, &asked) {
            Ok(file) => Ok((at, Some(file))),
            Err(RepoError::EntryNotFound(_)) => Ok((at, None)),
            Err(error) => Err(error),
        }
    };
    let (at, file) = state.repos.read(stored.id, read).await?;
    let Some(file) = file else {
        return Err(ApiError::entry_not_found(&path, Some(at)));
    };
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    out.insert(REPO_COMMIT, ascii(at.as_str())?);
    safe::add_headers(out, &path, query.download);
    let (tag, size) = (file.tag().to_owned(), file.size);
    let source = Source::File(file);
    send(
        &state,
        stored.id,
        source,
        &tag,
        size,
        (&method, &headers),
        response,
    )
    .await
}
