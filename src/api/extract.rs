//! What handlers ask of a request: who sends it, which repository it names, what its body says.

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::{ApiError, ApiState};
use crate::auth::{Action, Principal, may};
use crate::domain::{Account, RepoKind, Repository, Scope, Space, SpaceName};

/// How a handler gets hold of a repository of any kind: as [`SpaceAccess`] for what only Spaces have.
#[derive(Debug)]
pub struct RepoAccess;

/// How a handler gets hold of a Space: by name, and only through one of these questions.
///
/// A Space that its asker may not see is answered exactly as one that does not exist.
#[derive(Debug)]
pub struct SpaceAccess;

/// Someone with an account, not merely a visitor.
#[derive(Debug)]
pub struct Caller {
    /// Who.
    pub account: Account,
    /// As authenticated.
    pub principal: Principal,
}

/// A JSON body, whatever its content type says: no route takes credentials that a browser adds by itself.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// The parameters of a query in order; lists are repeated keys.
#[derive(Debug, Default)]
pub struct QueryPairs(Vec<(String, String)>);

const READ_ONLY: &str = "This token may only read; make one with the scope `write`";

// === impl RepoAccess ===

impl RepoAccess {
    /// The repository, for one who may read it.
    ///
    /// # Errors
    /// As [`SpaceAccess::read`]; 307 when it has moved and its asker may see it where it is.
    pub async fn read(
        state: &ApiState,
        headers: &HeaderMap,
        kind: RepoKind,
        owner: &str,
        name: &str,
    ) -> Result<(Principal, Repository), ApiError> {
        let principal = state.auth.authenticate(headers).await?;
        let repo = Self::find(state, &principal, kind, owner, name).await?;
        if principal.may(Action::See, repo.owner, repo.visibility) {
            Ok((principal, repo))
        } else {
            Err(ApiError::repo_not_found())
        }
    }

    /// The repository, for one who may change it.
    ///
    /// # Errors
    /// As [`SpaceAccess::write`]; 307 as [`RepoAccess::read`].
    pub async fn write(
        state: &ApiState,
        headers: &HeaderMap,
        kind: RepoKind,
        owner: &str,
        name: &str,
    ) -> Result<(Caller, Repository), ApiError> {
        let caller = Caller::of(state, headers).await?;
        let repo = Self::find(state, &caller.principal, kind, owner, name).await?;
        may_write(&caller.principal, &repo)?;
        Ok((caller, repo))
    }

    async fn find(
        state: &ApiState,
        principal: &Principal,
        kind: RepoKind,
        owner: &str,
        name: &str,
    ) -> Result<Repository, ApiError> {
        let full: SpaceName = format!("{owner}/{name}")
            .parse()
            .map_err(|_| ApiError::repo_not_found())?;
        if let Some(repo) = state.store.repository_by_name(kind, &full).await? {
            return Ok(repo);
        }
        let moved = state.store.repository_by_former_name(kind, &full).await?;
        let seen = moved.filter(|repo| principal.may(Action::See, repo.owner, repo.visibility));
        Err(seen.map_or_else(ApiError::repo_not_found, |repo| {
            ApiError::moved(&full, &repo.name)
        }))
    }
}

fn may_write(principal: &Principal, repo: &Repository) -> Result<(), ApiError> {
    let may = |action| principal.may(action, repo.owner, repo.visibility);
    if may(Action::Write) {
        return Ok(());
    }
    if !may(Action::See) && !may(Action::Visit) {
        return Err(ApiError::repo_not_found());
    }
    Err(if principal.scope == Some(Scope::Read) {
        ApiError::forbidden(READ_ONLY)
    } else {
        ApiError::forbidden(format!("Only {} may change {}", repo.name.owner, repo.name))
    })
}

/// The kind stands in the path: `/api/models/…`, `/datasets/…`, `/spaces/…`; what names none is a model.
impl<S: Send + Sync> FromRequestParts<S> for RepoKind {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let path = parts.uri.path();
        let path = path.strip_prefix("/api").unwrap_or(path);
        let first = path.trim_start_matches('/').split('/').next();
        let named = Self::ALL
            .into_iter()
            .find(|kind| first == Some(kind.plural()));
        Ok(named.unwrap_or(Self::Model))
    }
}

// === impl SpaceAccess ===

impl SpaceAccess {
    /// The Space, for one who may see its source.
    ///
    /// # Errors
    /// 404 when there is none, or none that this client may see; 401 for a token that is not good.
    pub async fn read(
        state: &ApiState,
        headers: &HeaderMap,
        owner: &str,
        name: &str,
    ) -> Result<(Principal, Space), ApiError> {
        let principal = state.auth.authenticate(headers).await?;
        let space = Self::find(state, &principal, owner, name).await?;
        if may(&principal, Action::See, &space) {
            Ok((principal, space))
        } else {
            Err(ApiError::repo_not_found())
        }
    }

    /// The Space, for one who may visit its demo: the name, the stage and the address of a protected Space are
    /// everybody's, its source is not.
    ///
    /// # Errors
    /// As [`SpaceAccess::read`].
    pub async fn visit(
        state: &ApiState,
        headers: &HeaderMap,
        owner: &str,
        name: &str,
    ) -> Result<(Principal, Space), ApiError> {
        let principal = state.auth.authenticate(headers).await?;
        let space = Self::find(state, &principal, owner, name).await?;
        if may(&principal, Action::See, &space) || may(&principal, Action::Visit, &space) {
            Ok((principal, space))
        } else {
            Err(ApiError::repo_not_found())
        }
    }

    /// The Space, for one who may change it.
    ///
    /// # Errors
    /// 401 for a client without a token, before anything is looked up; 404 as [`SpaceAccess::read`]; 403 for one who
    /// sees the Space and may not change it.
    pub async fn write(
        state: &ApiState,
        headers: &HeaderMap,
        owner: &str,
        name: &str,
    ) -> Result<(Principal, Space), ApiError> {
        let caller = Caller::of(state, headers).await?;
        let space = Self::find(state, &caller.principal, owner, name).await?;
        may_write(&caller.principal, &Repository::from(&space))?;
        Ok((caller.principal, space))
    }

    async fn find(
        state: &ApiState,
        principal: &Principal,
        owner: &str,
        name: &str,
    ) -> Result<Space, ApiError> {
        let full: SpaceName = format!("{owner}/{name}")
            .parse()
            .map_err(|_| ApiError::repo_not_found())?;
        if let Some(space) = state.store.space_by_name(&full).await? {
            return Ok(space);
        }
        // The answer says where it has moved, if it has.
        let moved = RepoAccess::find(state, principal, RepoKind::Space, owner, name).await?;
        let space = state.store.space_by_id(moved.id.space()).await?;
        space.ok_or_else(ApiError::repo_not_found)
    }
}

// === impl Caller ===

impl Caller {
    /// Whoever sends these headers.
    ///
    /// # Errors
    /// 401 without a token, or with one that is not good.
    pub async fn of(state: &ApiState, headers: &HeaderMap) -> Result<Self, ApiError> {
        let principal = state.auth.authenticate(headers).await?;
        let account = principal
            .account
            .clone()
            .ok_or_else(ApiError::unauthorized)?;
        Ok(Self { account, principal })
    }

    /// The same, refusing a token that may only read.
    ///
    /// # Errors
    /// As [`Caller::of`]; 403 for a token of scope `read`.
    pub async fn writer(state: &ApiState, headers: &HeaderMap) -> Result<Self, ApiError> {
        let caller = Self::of(state, headers).await?;
        caller.may_write()?;
        Ok(caller)
    }

    /// Refuses a token that may only read.
    ///
    /// # Errors
    /// 403.
    pub fn may_write(&self) -> Result<(), ApiError> {
        match self.principal.scope {
            Some(Scope::Write) => Ok(()),
            _ => Err(ApiError::forbidden(READ_ONLY)),
        }
    }
}

// === impl JsonBody ===

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(body_error)?;
        // Some clients send no body at all where every field is optional.
        let bytes = if bytes.is_empty() {
            Bytes::from_static(b"{}")
        } else {
            bytes
        };
        let Json(value) = Json::from_bytes(&bytes).map_err(|error| {
            ApiError::bad_request(format!(
                "The body is not what this route takes: {}",
                cause(&error)
            ))
        })?;
        Ok(Self(value))
    }
}

fn body_error(error: BytesRejection) -> ApiError {
    match error {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            ApiError::too_large("The body is larger than this route takes")
        }
        other => ApiError::bad_request(format!("The body did not arrive: {other}")),
    }
}

/// The innermost cause: what serde found wrong, without the framework's words around it.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

// === impl QueryPairs ===

impl QueryPairs {
    /// The first value of a key, unless it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// All values of a key that are not empty.
    pub fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let named = move |(found, value): &'a (String, String)| {
            (found == key && !value.is_empty()).then_some(value.as_str())
        };
        self.0.iter().filter_map(named)
    }

    /// Whether a switch is on: `true` or `1`.
    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some("true" | "True" | "1"))
    }

    /// A number.
    ///
    /// # Errors
    /// 400 when the value is not one.
    pub fn number(&self, key: &str) -> Result<Option<u64>, ApiError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| ApiError::bad_request(format!("`{key}` must be a whole number")))
        };
        self.get(key).map(parse).transpose()
    }

    /// The query with `key` set to `value` and everything else as it was.
    pub fn with(&self, key: &str, value: &str) -> String {
        let others = self.0.iter().filter(|(found, _)| found != key);
        let pairs = others.map(|(key, value)| (key.as_str(), value.as_str()));
        let encoded: Vec<_> = pairs
            .chain([(key, value)])
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        encoded.join("&")
    }
}

fn encode(text: &str) -> impl Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

impl<S: Send + Sync> FromRequestParts<S> for QueryPairs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::from_request_parts(parts, state).await;
        pairs
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|error| ApiError::bad_request(error.to_string()))
    }
}
