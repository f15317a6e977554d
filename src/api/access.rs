//! Who sends a request, and which repository it names.

use http::HeaderMap;

use super::{ApiError, ApiState};
use crate::auth::{Action, Credential, Object, Principal, may};
use crate::domain::{Account, RepoKind, RepoName, Repository, Scope, Space};

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

const READ_ONLY: &str = "This token may only read; use one with the scope `write`";

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
        if principal.may(Action::See, &repo) {
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
        let full: RepoName = format!("{owner}/{name}")
            .parse()
            .map_err(|_| ApiError::repo_not_found())?;
        if let Some(repo) = state.store.repository_by_name(kind, &full).await? {
            return Ok(repo);
        }
        let moved = state.store.repository_by_former_name(kind, &full).await?;
        let seen = moved.filter(|repo| principal.may(Action::See, repo));
        Err(seen.map_or_else(ApiError::repo_not_found, |repo| {
            ApiError::moved(&full, &repo.name)
        }))
    }
}

/// Refuses, in words for the reason.
fn may_write(principal: &Principal, repo: &Repository) -> Result<(), ApiError> {
    let may = |action| principal.may(action, repo);
    if may(Action::Write) {
        return Ok(());
    }
    if !may(Action::See) && !may(Action::Visit) {
        return Err(ApiError::repo_not_found());
    }
    Err(match principal.credential.map(Credential::scope) {
        Some(Scope::Read) => ApiError::forbidden(READ_ONLY),
        Some(Scope::FineGrained) => {
            ApiError::forbidden(format!("This token may not change {}", repo.name))
        }
        _ => ApiError::forbidden(format!("Only {} may change {}", repo.name.owner, repo.name)),
    })
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
    ) -> Result<(Caller, Space), ApiError> {
        let caller = Caller::of(state, headers).await?;
        let space = Self::find(state, &caller.principal, owner, name).await?;
        may_write(&caller.principal, &Repository::from(&space))?;
        Ok((caller, space))
    }

    async fn find(
        state: &ApiState,
        principal: &Principal,
        owner: &str,
        name: &str,
    ) -> Result<Space, ApiError> {
        let full: RepoName = format!("{owner}/{name}")
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

    /// The same, for one who may do that with their own account.
    ///
    /// # Errors
    /// As [`Caller::of`]; 403 for a token that does not reach so far.
    pub async fn of_own(
        state: &ApiState,
        headers: &HeaderMap,
        action: Action,
    ) -> Result<Self, ApiError> {
        let caller = Self::of(state, headers).await?;
        let own = caller.own();
        caller.must(action, own)?;
        Ok(caller)
    }

    /// The same, for one who may do that with the server.
    ///
    /// # Errors
    /// As [`Caller::of`]; 403 for all but operators, and for their tokens that do not reach so far.
    pub async fn of_server(
        state: &ApiState,
        headers: &HeaderMap,
        action: Action,
    ) -> Result<Self, ApiError> {
        let caller = Self::of(state, headers).await?;
        caller.must(action, Object::Server)?;
        Ok(caller)
    }

    /// The caller's account, as what something is done with.
    pub fn own(&self) -> Object {
        Object::Account(self.account.id)
    }

    /// Whether the caller may do that.
    pub fn may(&self, action: Action, object: impl Into<Object>) -> bool {
        self.principal.may(action, object)
    }

    /// Refuses what the caller may not do with an account or the server, in words for the reason.
    ///
    /// # Errors
    /// 403.
    pub fn must(&self, action: Action, object: Object) -> Result<(), ApiError> {
        if self.may(action, object) {
            return Ok(());
        }
        Err(ApiError::forbidden(match self.principal.credential {
            Some(Credential::Space(_)) => {
                "A Space's own token may read only what is public and the Space itself"
            }
            Some(Credential::Application(_)) => {
                "This token was given to a Space by signing in there; what was allowed does not include this"
            }
            Some(Credential::Token(Scope::FineGrained)) => {
                "This token is limited to its grants, which do not allow this; use one with the scope `write`"
            }
            Some(Credential::Token(Scope::Read)) => READ_ONLY,
            _ => match object {
                Object::Server => "Only operators of this server may do this",
                _ => "Your account may not do this",
            },
        }))
    }

    /// Refuses a token that may create nothing at all.
    ///
    /// # Errors
    /// 403.
    pub fn may_create_anywhere(&self) -> Result<(), ApiError> {
        match self.principal.credential {
            Some(Credential::Token(Scope::FineGrained)) => Ok(()),
            _ => self.must(Action::Create, self.own()),
        }
    }
}
