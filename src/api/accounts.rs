//! Who is asking, and what accounts there are.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::answers::Created;
use super::extract::LaterBody;
use super::likes::seen_likes;
use super::schema::Moment;
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::{Action, Credential, Object, Principal};
use crate::domain::{
    Account, AccountKind, MemberRole, Owner, RepoKind, RepoName, Repository, Role, Scope,
    Visibility,
};
use crate::store::{ListRepositories, StoreError, Taken};

/// An account to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    #[schemars(with = "Owner")]
    name: String,
}

/// An account and a token for it, which is shown this once.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UserToken {
    name: Owner,
    token: String,
}

/// An account.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AccountFacts {
    name: Owner,
    role: Role,
    #[serde(rename = "type")]
    kind: AccountKind,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhoAmI {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    name: Owner,
    fullname: Owner,
    /// Nobody's is kept.
    email: Option<String>,
    is_pro: bool,
    /// Whether this token may do what operators may.
    is_operator: bool,
    avatar_url: &'static str,
    orgs: Vec<OwnOrganization>,
    auth: AuthFacts,
}

/// An organisation that one is in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnOrganization {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    name: Owner,
    fullname: Owner,
    avatar_url: &'static str,
    role_in_org: MemberRole,
}

/// By what the asker is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AuthFacts {
    #[serde(rename = "type")]
    kind: &'static str,
    access_token: AccessToken,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AccessToken {
    display_name: String,
    role: Scope,
}

/// A user, as anybody may know one; counted is what the asker may see.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserOverview {
    user: Owner,
    fullname: Owner,
    #[serde(rename = "type")]
    kind: &'static str,
    avatar_url: &'static str,
    is_pro: bool,
    num_models: usize,
    num_datasets: usize,
    num_spaces: usize,
    num_likes: usize,
    orgs: Vec<NamedOrganization>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamedOrganization {
    name: Owner,
    fullname: Owner,
    avatar_url: &'static str,
}

/// One of the caller's own repositories.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnRepository {
    id: RepoName,
    #[serde(rename = "type")]
    kind: RepoKind,
    updated_at: Moment,
    visibility: Visibility,
    storage: u64,
    storage_percent: u64,
}

/// Rows read from the store at a time.
const PAGE: i64 = 1000;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/whoami-v2",
            Access::Account,
            "Shows the account and the token that the request was made with.",
            whoami,
        )
        .get(
            "/api/users/{user}/overview",
            Access::Filtered,
            "Shows a user, and how many of their repositories you may see.",
            overview,
        )
        .get(
            "/api/settings/repositories",
            Access::Account,
            "Lists your repositories, most recently changed first.",
            repositories,
        )
        .get(
            "/api/admin/users",
            Access::Operator,
            "Lists all accounts.",
            list_users,
        )
        .post(
            "/api/admin/users",
            Access::Operator,
            "Creates an account and its first token, which is shown only once.",
            create_user,
        )
        .post(
            "/api/admin/users/{user}/reset",
            Access::Operator,
            "Revokes an account's sessions, tokens and password, and creates a new token, which is shown only once.",
            reset_user,
        )
}

/// `GET /api/whoami-v2`
async fn whoami(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<WhoAmI>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ReadAccount).await?;
    let memberships = caller.principal.memberships.iter();
    let orgs = memberships.map(|one| OwnOrganization {
        kind: "org",
        id: one.organization.to_string(),
        name: one.name.clone(),
        fullname: one.name.clone(),
        avatar_url: "",
        role_in_org: one.role,
    });
    let name = &caller.account.name;
    let scope = caller.principal.credential.map(Credential::scope);
    let token = state.auth.token_of(&headers).await?.map(|token| token.name);
    Ok(Json(WhoAmI {
        kind: "user",
        id: caller.account.id.to_string(),
        name: name.clone(),
        fullname: name.clone(),
        email: None,
        is_pro: false,
        is_operator: caller.may(Action::Operate, Object::Server),
        avatar_url: "",
        orgs: orgs.collect(),
        auth: AuthFacts {
            kind: "access_token",
            access_token: AccessToken {
                // Where there is no bearer token, it came in another way; the clients want a name for it all the same.
                display_name: token.unwrap_or_else(|| name.to_string()),
                role: scope.unwrap_or(Scope::Read),
            },
        },
    }))
}

/// `GET /api/users/{user}/overview`
async fn overview(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Json<UserOverview>, ApiError> {
    let principal = state.auth.authenticate(&headers).await?;
    let unknown = || ApiError::not_found(format!("Account `{user}` not found"));
    let name: Owner = user.parse().map_err(|_| unknown())?;
    let account = state
        .store
        .account_by_name(&name)
        .await?
        .filter(|account| account.kind == AccountKind::User)
        .ok_or_else(unknown)?;
    let all = everything_of(&state, &account, &principal).await?;
    let likes = seen_likes(&state, &principal, account.id).await?;
    let count = |kind| all.iter().filter(|repo| repo.kind == kind).count();
    let memberships = state.store.memberships(account.id).await?;
    let orgs = memberships.into_iter().map(|one| NamedOrganization {
        fullname: one.name.clone(),
        name: one.name,
        avatar_url: "",
    });
    Ok(Json(UserOverview {
        user: account.name.clone(),
        fullname: account.name.clone(),
        kind: "user",
        avatar_url: "",
        is_pro: false,
        num_models: count(RepoKind::Model),
        num_datasets: count(RepoKind::Dataset),
        num_spaces: count(RepoKind::Space),
        num_likes: likes.len(),
        orgs: orgs.collect(),
    }))
}

/// `GET /api/settings/repositories`: the caller's own, newest change first.
async fn repositories(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Vec<OwnRepository>>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let mut own = everything_of(&state, &caller.account, &caller.principal).await?;
    own.sort_by_key(|repo| std::cmp::Reverse(repo.updated_at));
    let listed = own.into_iter().map(|repo| OwnRepository {
        id: repo.name,
        kind: repo.kind,
        updated_at: Moment(repo.updated_at),
        visibility: repo.visibility,
        storage: 0,
        storage_percent: 0,
    });
    Ok(Json(listed.collect()))
}

/// `POST /api/admin/users`: makes an account and a token for it, which is shown this once.
async fn create_user(
    State(state): State<ApiState>,
    headers: HeaderMap,
    wanted: LaterBody<NewUser>,
) -> Result<Created<UserToken>, ApiError> {
    let who = operator(&state, &headers).await?;
    let wanted = wanted.understood()?;
    let name: Owner = wanted
        .name
        .parse()
        .map_err(|error| ApiError::bad_request(format!("`{}`: {error}", wanted.name)))?;
    let (account, token) = match state.auth.create_user(who.id, &name).await {
        Err(StoreError::Taken { what: Taken::Owner }) => {
            return Err(ApiError::conflict(format!(
                "The account `{name}` already exists"
            )));
        }
        other => other?,
    };
    Ok(Created(UserToken {
        name: account.name,
        token: token.expose().to_owned(),
    }))
}

/// `POST /api/admin/users/{user}/reset`: ends the account's sessions, tokens and password, and makes one token for it, which
/// is shown this once.
async fn reset_user(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Json<UserToken>, ApiError> {
    let who = operator(&state, &headers).await?;
    let account = account_named(&state, &name).await?;
    if account.kind != AccountKind::User {
        let text = format!("`{name}` is an organisation, and organisations do not sign in");
        return Err(ApiError::bad_request(text));
    }
    let token = state.auth.reset_user(who.id, &account).await?;
    Ok(Json(UserToken {
        name: account.name,
        token: token.expose().to_owned(),
    }))
}

/// `GET /api/admin/users`
async fn list_users(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Vec<AccountFacts>>, ApiError> {
    operator(&state, &headers).await?;
    let accounts = state.store.list_accounts().await?;
    let listed = accounts.into_iter().map(|account| AccountFacts {
        name: account.name,
        role: account.role,
        kind: account.kind,
    });
    Ok(Json(listed.collect()))
}

/// What an account has that the principal may visit.
pub(super) async fn everything_of(
    state: &ApiState,
    owner: &Account,
    principal: &Principal,
) -> Result<Vec<Repository>, ApiError> {
    let mut all = Vec::new();
    for kind in RepoKind::ALL {
        let mut list = ListRepositories {
            owner: Some(owner.name.clone()),
            visible_to: principal.account.as_ref().map(|account| account.id),
            everything: principal.looks_everywhere(),
            limit: PAGE,
            ..ListRepositories::default()
        };
        loop {
            let page = match kind {
                RepoKind::Space => {
                    let spaces = state.store.list_spaces(&list).await?;
                    spaces.iter().map(Repository::from).collect()
                }
                kind => state.store.list_repositories(kind, &list).await?,
            };
            let is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            list.after = page.last().map(|last| (last.updated_at, last.id));
            // The store knows the account, but not how far its token reaches.
            all.extend(
                page.into_iter()
                    .filter(|repo| principal.may(Action::Visit, repo)),
            );
            if is_last {
                break;
            }
        }
    }
    Ok(all)
}

/// The caller, who must be an operator.
///
/// # Errors
/// 401 and 403.
pub(super) async fn operator(state: &ApiState, headers: &HeaderMap) -> Result<Account, ApiError> {
    let caller = Caller::of_server(state, headers, Action::Operate).await?;
    Ok(caller.account)
}

/// The account of that name.
///
/// # Errors
/// 404 when there is none.
pub(super) async fn account_named(state: &ApiState, name: &str) -> Result<Account, ApiError> {
    let unknown = || ApiError::not_found(format!("Account `{name}` not found"));
    let name: Owner = name.parse().map_err(|_| unknown())?;
    let found = state.store.account_by_name(&name).await?;
    found.ok_or_else(unknown)
}
