//! Creating repositories, with what a Space may be given at once.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::volumes::{self, VolumeRequest};
use super::{GivenName, check_hardware, full_name, kind_of, sleep_after, visibility};
use crate::api::access::Caller;
use crate::api::extract::JsonBody;
use crate::api::lenient_integer::maybe_whole;
use crate::api::schema::{CreatedRepo, Setting};
use crate::api::secrets::check_all;
use crate::api::{ApiError, ApiState};
use crate::auth::{Action, may};
use crate::base_url::BaseUrl;
use crate::domain::{
    AccountId, Owner, RepoKind, RepoName, Repository, Sdk, SpaceId, Visibility, Volume,
};
use crate::lifecycle::{FirstCommit, LifecycleError};
use crate::store::{Actor, NewRepository, SpaceSettings};

/// The body of a creation. Clients before 1.20 say `private`, later ones `visibility`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct CreateRequest {
    /// With the owner or without.
    #[schemars(with = "GivenName")]
    name: String,
    /// The owner; the caller when neither this nor `name` says it.
    #[schemars(with = "Option<Owner>")]
    organization: Option<String>,
    /// `model` when nothing is said.
    #[serde(rename = "type")]
    #[schemars(with = "Option<RepoKind>")]
    kind: Option<String>,
    visibility: Option<Visibility>,
    private: Option<bool>,
    /// What the card of a new Space says until its author says otherwise.
    #[schemars(with = "Option<Sdk>")]
    sdk: Option<String>,
    /// Templates are not offered.
    #[schemars(extend("type" = "null"))]
    template: Option<String>,
    hardware: Option<String>,
    #[schemars(range(min = -1), extend("not" = {"const": 0}))]
    #[serde(default, deserialize_with = "maybe_whole")]
    sleep_time_seconds: Option<i64>,
    #[serde(default)]
    secrets: Option<Vec<Setting>>,
    #[serde(default)]
    variables: Option<Vec<Setting>>,
    #[serde(default)]
    volumes: Option<Vec<VolumeRequest>>,
}

/// `POST /api/repos/create`
///
/// That the repository exists is found out before anything else is looked at: `hf upload` creates first, always, with an
/// SDK of no meaning, and goes on when it hears 409.
pub(in crate::api) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<CreateRequest>,
) -> Result<Json<CreatedRepo>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let kind = kind_of(wanted.kind.as_deref())?;
    let name = full_name(&caller, &wanted.name, wanted.organization.as_deref())?;
    let base_url = BaseUrl::of(&state.config, &headers);
    let owner = room_for(&state, &caller, kind, &name, &base_url).await?;
    let made = if kind == RepoKind::Space {
        make_space(&state, &caller, &base_url, owner, name, wanted).await?
    } else {
        make_repository(&state, &caller, &base_url, kind, owner, name, wanted).await?
    };
    remember_creator(&state, &caller, &made).await?;
    Ok(Json(CreatedRepo::of(&made, &base_url)))
}

/// Contributors to an organisation may change what they have made there.
pub(super) async fn remember_creator(
    state: &ApiState,
    caller: &Caller,
    made: &Repository,
) -> Result<(), ApiError> {
    if made.owner != caller.account.id {
        state.store.set_creator(made.id, caller.account.id).await?;
    }
    Ok(())
}

/// The account under which a repository of that name is to be made, when it may and the name is free.
///
/// # Errors
/// 409 with the address of what is there, 403, and 400 when there is no such account.
pub(super) async fn room_for(
    state: &ApiState,
    caller: &Caller,
    kind: RepoKind,
    name: &RepoName,
    base_url: &BaseUrl,
) -> Result<AccountId, ApiError> {
    if let Some(existing) = state.store.repository_by_name(kind, name).await? {
        return Err(there_already(caller, &existing, base_url));
    }
    if !caller.principal.may_create(&name.owner) {
        // A token that could never create says why; any other is of an account that may not create there.
        caller.may_create_anywhere()?;
        return Err(not_under(kind, name));
    }
    let owner = state.store.account_by_name(&name.owner).await?;
    let owner = owner
        .ok_or_else(|| ApiError::bad_request(format!("Account `{}` not found", name.owner)))?;
    Ok(owner.id)
}

fn not_under(kind: RepoKind, name: &RepoName) -> ApiError {
    let noun = kind.noun();
    ApiError::forbidden(format!("You may not create {noun}s under {}", name.owner))
}

fn there_already(caller: &Caller, existing: &Repository, base_url: &BaseUrl) -> ApiError {
    let known = [Action::See, Action::Visit]
        .into_iter()
        .any(|action| caller.principal.may(action, existing));
    if !known {
        return not_under(existing.kind, &existing.name);
    }
    ApiError::exists(
        existing.kind,
        base_url.repo_page(existing.kind, &existing.name),
    )
}

/// 400 and not 409, at which clients that put up with what exists look for its address and use it.
pub(super) async fn same_address(
    state: &ApiState,
    caller: &Caller,
    name: &RepoName,
    existing: &RepoName,
) -> Result<ApiError, ApiError> {
    let space = state.store.space_by_name(existing).await?;
    let known = space.is_some_and(|space| may(&caller.principal, Action::Visit, &space));
    let other = if known {
        existing.to_string()
    } else {
        "another Space".to_owned()
    };
    Ok(ApiError::bad_request(format!(
        "{name} would have the same address as {other}; choose a name whose letters or digits differ"
    )))
}

async fn make_repository(
    state: &ApiState,
    caller: &Caller,
    base_url: &BaseUrl,
    kind: RepoKind,
    owner: AccountId,
    name: RepoName,
    wanted: CreateRequest,
) -> Result<Repository, ApiError> {
    let some =
        |settings: &Option<Vec<Setting>>| settings.as_ref().is_some_and(|all| !all.is_empty());
    let volumes = wanted.volumes.as_ref().is_some_and(|all| !all.is_empty());
    if some(&wanted.secrets)
        || some(&wanted.variables)
        || volumes
        || wanted.hardware.is_some()
        || wanted.sleep_time_seconds.is_some()
    {
        return Err(ApiError::bad_request(
            "Only a Space has hardware, a sleep time, secrets, variables or volumes",
        ));
    }
    let visibility = visibility(wanted.visibility, wanted.private).unwrap_or(Visibility::Public);
    if visibility == Visibility::Protected {
        return Err(ApiError::bad_request(format!(
            "A {} can only be `public` or `private`; only a Space can be `protected`",
            kind.noun()
        )));
    }
    let new = NewRepository {
        kind,
        owner,
        name,
        visibility,
        settings: SpaceSettings::default(),
    };
    let first = FirstCommit {
        author: caller.account.name.to_string(),
        sdk: Sdk::Static,
    };
    match state.lifecycle.create(new, Some(first)).await {
        // Somebody else was faster.
        Err(LifecycleError::Taken { existing }) => {
            Err(ApiError::exists(kind, base_url.repo_page(kind, &existing)))
        }
        made => Ok(made?),
    }
}

async fn make_space(
    state: &ApiState,
    caller: &Caller,
    base_url: &BaseUrl,
    owner: AccountId,
    name: RepoName,
    wanted: CreateRequest,
) -> Result<Repository, ApiError> {
    if wanted.template.is_some() {
        return Err(ApiError::not_offered(
            "templates; push your own files instead",
        ));
    }
    let first = FirstCommit {
        author: caller.account.name.to_string(),
        sdk: sdk_of(wanted.sdk.as_deref())?,
    };
    let volumes = wanted.volumes.unwrap_or_default();
    let volumes = volumes::checked(state, &caller.principal, volumes).await?;
    let (secrets, variables) = (
        wanted.secrets.unwrap_or_default(),
        wanted.variables.unwrap_or_default(),
    );
    check_all(&secrets, &variables)?;
    if let Some(hardware) = &wanted.hardware {
        check_hardware(state, hardware)?;
    }
    let sleep = wanted.sleep_time_seconds.map(sleep_after).transpose()?;
    let new = NewRepository {
        kind: RepoKind::Space,
        owner,
        name: name.clone(),
        visibility: visibility(wanted.visibility, wanted.private).unwrap_or(Visibility::Public),
        settings: SpaceSettings {
            hardware: wanted.hardware,
            sleep_after: sleep.flatten(),
        },
    };
    let made = match state.lifecycle.create(new, Some(first)).await {
        // Somebody else was faster, or the name differs only in what the address leaves out.
        Err(LifecycleError::Taken { existing }) if same_name(&existing, &name) => {
            // Whoever creates and hears that it exists goes on to use it.
            return Err(match state.store.space_by_name(&existing).await? {
                Some(_) => ApiError::exists(RepoKind::Space, base_url.page(&existing)),
                None => ApiError::bad_request(format!(
                    "{existing} is being deleted; try again in a moment"
                )),
            });
        }
        Err(LifecycleError::Taken { existing }) => {
            return Err(same_address(state, caller, &name, &existing).await?);
        }
        other => other?,
    };
    let given = async {
        // A new Space without a sleep time has the server's own, so never sleeping is said afterwards.
        if sleep == Some(None) {
            let space = made.id.space();
            state.lifecycle.set_sleep_after(space, None).await?;
        }
        set_all(state, made.id.space(), &secrets, &variables, volumes).await
    };
    if let Err(error) = given.await {
        // Whoever hears that it was not created is not to find it. The first error is the one to report.
        let _ = state.lifecycle.delete(made, Actor::Server).await;
        return Err(error);
    }
    Ok(made)
}

fn sdk_of(word: Option<&str>) -> Result<Sdk, ApiError> {
    let Some(word) = word else {
        return Ok(Sdk::Static);
    };
    Sdk::from_word(word).ok_or_else(|| {
        let known = Sdk::ALL.map(Sdk::as_str).join("`, `");
        ApiError::bad_request(format!("`sdk` must be one of `{known}`"))
    })
}

/// Gives a Space its first secrets, variables and volumes.
pub(super) async fn set_all(
    state: &ApiState,
    space: SpaceId,
    secrets: &[Setting],
    variables: &[Setting],
    volumes: Vec<Volume>,
) -> Result<(), ApiError> {
    for secret in secrets {
        let description = secret.description.as_deref();
        state
            .lifecycle
            .set_secret(space, &secret.key, &secret.value, description)
            .await?;
    }
    for variable in variables {
        let description = variable.description.as_deref();
        state
            .lifecycle
            .set_variable(space, &variable.key, &variable.value, description)
            .await?;
    }
    if !volumes.is_empty() {
        state.lifecycle.set_volumes(space, volumes).await?;
    }
    Ok(())
}

fn same_name(one: &RepoName, other: &RepoName) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}
