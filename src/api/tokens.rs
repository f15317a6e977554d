//! A caller's own tokens: for everything, for reading, or for what they are made for.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::{Caller, RepoAccess};
use super::answers::{Created, Done};
use super::extract::LaterBody;
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::{Action, WantedToken, is_token_name};
use crate::domain::{Grant, GrantTarget, Owner, RepoKind, RepoName, Scope, now};
use crate::store::StoreError;

/// Grants of one token.
const MAX_GRANTS: usize = 100;

/// A token to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend(
    "if" = {"properties": {"scope": {"const": "fineGrained"}}, "required": ["scope"]},
    "then" = {"properties": {"grants": {"minItems": 1}}, "required": ["grants"]},
    "else" = {"properties": {"grants": {"maxItems": 0}}}
))]
pub(super) struct TokenRequest {
    /// Among the caller's own tokens.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[^\x00-\x20\x7f-\xa0]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0])?$"),
        example = &"ci"
    )]
    name: String,
    /// `write` when nothing is said.
    #[schemars(with = "Option<Scope>")]
    scope: Option<String>,
    /// In the future; without it the token does not end. Any time zone may be named.
    #[schemars(extend("examples" = ["2099-12-31T00:00:00Z"]))]
    expires_at: Option<Timestamp>,
    /// For the scope `fineGrained`, which has some, and no other.
    #[serde(default)]
    #[schemars(length(max = MAX_GRANTS))]
    grants: Vec<GrantRequest>,
}

/// One thing that a fine-grained token may do: with one repository, or with all of an owner.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"properties": {"repo": {"type": "string"}, "owner": {"type": "null"}}, "required": ["repo"]},
    {"properties": {"owner": {"type": "string"}, "repo": {"type": "null"}}, "required": ["owner"]},
]))]
pub(super) struct GrantRequest {
    /// Of which kind `repo` is; `model` when nothing is said.
    #[serde(rename = "type")]
    kind: Option<RepoKind>,
    /// One repository, `owner/name`; there is either this or `owner`.
    #[schemars(with = "Option<RepoName>")]
    repo: Option<String>,
    /// All that a user or an organisation has and will have.
    #[schemars(with = "Option<Owner>")]
    owner: Option<String>,
    /// Whether to change it too; otherwise only to look.
    #[serde(default)]
    write: bool,
}

/// A token that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewToken {
    name: String,
    scope: Scope,
    /// Shown this once.
    token: String,
    expires_at: Option<Moment>,
}

/// What is known of a token, which is not the token.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenFacts {
    name: String,
    scope: Scope,
    expires_at: Option<Moment>,
    last_used_at: Option<Moment>,
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/tokens",
            Access::Account,
            "Lists your tokens by name and scope, without the tokens themselves.",
            list,
        )
        .post(
            "/api/tokens",
            Access::Account,
            "Creates a token for your account, which is shown only once.",
            create,
        )
        .delete(
            "/api/tokens/{name}",
            Access::Account,
            "Revokes one of your tokens at once.",
            delete,
        )
}

/// `POST /api/tokens`: another token for the caller's own account, shown this once.
pub(super) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    wanted: LaterBody<TokenRequest>,
) -> Result<Created<NewToken>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ManageTokens).await?;
    let wanted = wanted.understood()?;
    let word = wanted.scope.as_deref().unwrap_or("write");
    let scope = Scope::from_word(word).ok_or_else(|| {
        ApiError::bad_request(format!(
            "`{word}` is not a scope; use `read`, `write` or `fineGrained`"
        ))
    })?;
    let name = wanted.name.trim();
    if !is_token_name(name) {
        return Err(ApiError::bad_request(
            "A token's name must have 1 to 64 characters",
        ));
    }
    if (scope == Scope::FineGrained) == wanted.grants.is_empty() {
        return Err(ApiError::bad_request(
            "A token with the scope `fineGrained` needs `grants`; other scopes may not have any",
        ));
    }
    if wanted.grants.len() > MAX_GRANTS {
        return Err(ApiError::bad_request(format!(
            "A token can have at most {MAX_GRANTS} grants"
        )));
    }
    let expires_at = wanted.expires_at.map(Timestamp::as_millisecond);
    if expires_at.is_some_and(|at| at <= now()) {
        return Err(ApiError::bad_request("`expiresAt` is in the past"));
    }
    let mut grants = Vec::with_capacity(wanted.grants.len());
    for grant in wanted.grants {
        grants.push(granted(&state, &headers, grant).await?);
    }
    let new = WantedToken {
        account: caller.account.id,
        name: name.to_owned(),
        scope,
        expires_at,
        grants,
    };
    let token = add(&state, new).await?;
    Ok(Created(NewToken {
        name: name.to_owned(),
        scope,
        token,
        expires_at: expires_at.map(Moment),
    }))
}

/// `GET /api/tokens`: what is known of the caller's own tokens, which is not the tokens. One that may not manage them
/// learns about itself.
pub(super) async fn list(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Vec<TokenFacts>>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let all = caller.may(Action::ManageTokens, caller.own());
    let used = state.auth.token_of(&headers).await?.map(|token| token.name);
    let tokens = state.store.list_tokens(caller.account.id).await?;
    let listed = tokens
        .into_iter()
        .filter(|token| all || used.as_ref() == Some(&token.name))
        .map(|token| TokenFacts {
            name: token.name,
            scope: token.scope,
            expires_at: token.expires_at.map(Moment),
            last_used_at: token.last_used_at.map(Moment),
        });
    Ok(Json(listed.collect()))
}

/// `DELETE /api/tokens/{name}`: ends one of the caller's own tokens at once.
pub(super) async fn delete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<Done>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ManageTokens).await?;
    if state.store.delete_token(caller.account.id, &name).await? {
        Ok(Json(Done {}))
    } else {
        Err(ApiError::not_found(format!("Token `{name}` not found")))
    }
}

/// Makes a token and returns it, for the one answer that shows it.
///
/// # Errors
/// 409 when the account has one of that name.
pub(super) async fn add(state: &ApiState, wanted: WantedToken) -> Result<String, ApiError> {
    match state.auth.issue_token(wanted).await {
        Err(StoreError::Taken { .. }) => Err(ApiError::conflict(
            "You already have a token with that name",
        )),
        Err(error) => Err(error.into()),
        Ok(token) => Ok(token.expose().to_owned()),
    }
}

/// Names become identifiers, which stay when names change. What the caller cannot see cannot be named.
async fn granted(
    state: &ApiState,
    headers: &HeaderMap,
    grant: GrantRequest,
) -> Result<Grant, ApiError> {
    let on = match (grant.repo, grant.owner) {
        (Some(repo), None) => {
            let (owner, name) = repo.split_once('/').unwrap_or((&repo, ""));
            let kind = grant.kind.unwrap_or(RepoKind::Model);
            let (_, repo) = RepoAccess::read(state, headers, kind, owner, name).await?;
            GrantTarget::Repo(repo.id)
        }
        (None, Some(owner)) => {
            let name: Owner = owner
                .parse()
                .map_err(|error| ApiError::bad_request(format!("`{owner}`: {error}")))?;
            let account = state.store.account_by_name(&name).await?;
            let unknown = || ApiError::bad_request(format!("Account `{owner}` not found"));
            GrantTarget::Owner(account.ok_or_else(unknown)?.id)
        }
        _ => {
            return Err(ApiError::bad_request(
                "A grant must name either a `repo` (with its `type`) or an `owner`, and may set `write`",
            ));
        }
    };
    Ok(Grant {
        on,
        write: grant.write,
    })
}
