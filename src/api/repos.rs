//! Repositories as wholes: created, changed, moved, copied, deleted.

mod create;

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{Caller, RepoAccess};
use super::extract::JsonBody;
use super::lenient_integer::maybe_whole;
use super::schema::{CreatedRepo, Setting};
use super::secrets::check_all;
use super::volumes::{self, VolumeRequest};
use super::{ApiError, ApiState};
use crate::base_url::BaseUrl;
use crate::domain::{Owner, RepoKind, RepoName, ShortName, SleepAfter, Visibility};
use crate::lifecycle::{LifecycleError, NewCopy};
use crate::store::SpaceSettings;

pub(super) use create::create;
use create::{remember_creator, room_for, same_address};

/// What is to go.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DeleteRequest {
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
}

/// Who is to see a repository.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SettingsRequest {
    visibility: Option<Visibility>,
    /// An older word for `visibility`.
    private: Option<bool>,
    /// Gated repositories are not offered.
    #[schemars(with = "Option<bool>", extend("not" = {"const": true}))]
    gated: Option<Value>,
}

/// Which repository gets which name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MoveRequest {
    #[schemars(with = "RepoName")]
    from_repo: String,
    #[schemars(with = "RepoName")]
    to_repo: String,
    /// `model` when nothing is said.
    #[serde(rename = "type")]
    #[schemars(with = "Option<RepoKind>")]
    kind: Option<String>,
}

/// The body of a duplication. Clients before 1.20 say `private`, later ones `visibility`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DuplicateRequest {
    /// The copy's name, with the owner or without.
    #[schemars(with = "GivenName")]
    repository: String,
    visibility: Option<Visibility>,
    private: Option<bool>,
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

/// A repository's name, with the owner or without.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(
    dead_code,
    reason = "what it stands for is read as text, for what is wrong with it to be told well"
)]
pub(super) enum GivenName {
    Own(ShortName),
    Full(RepoName),
}

/// Who sees a repository.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SettingsAnswer {
    visibility: Visibility,
    private: bool,
    gated: bool,
}

/// Where a repository is now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Moved {
    url: String,
}

/// `DELETE /api/repos/delete`
pub(super) async fn delete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<DeleteRequest>,
) -> Result<&'static str, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let kind = kind_of(wanted.kind.as_deref())?;
    let name = full_name(&caller, &wanted.name, wanted.organization.as_deref())?;
    // A former name leads to a repository, but whoever deletes it must mean it.
    if state.store.repository_by_name(kind, &name).await?.is_none() {
        return Err(ApiError::repo_not_found());
    }
    let (owner, name) = (name.owner.as_str(), name.name.as_str());
    let (_, repo) = RepoAccess::write(&state, &headers, kind, owner, name).await?;
    let by = caller.account.id.into();
    state.lifecycle.delete(repo, by).await?;
    Ok("OK")
}

/// `PUT /api/{kinds}/{owner}/{name}/settings`
pub(super) async fn settings(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<SettingsRequest>,
) -> Result<Json<SettingsAnswer>, ApiError> {
    let (caller, repo) = RepoAccess::write(&state, &headers, kind, &owner, &name).await?;
    if wanted
        .gated
        .is_some_and(|gated| gated != Value::Bool(false) && !gated.is_null())
    {
        return Err(ApiError::not_offered(
            "gated repositories; make the repository private instead",
        ));
    }
    let visibility = visibility(wanted.visibility, wanted.private).unwrap_or(repo.visibility);
    if visibility != repo.visibility {
        state
            .lifecycle
            .set_visibility(&repo, visibility, caller.account.id.into())
            .await?;
    }
    let private = visibility == Visibility::Private;
    Ok(Json(SettingsAnswer {
        visibility,
        private,
        gated: false,
    }))
}

/// `POST /api/repos/move`
pub(super) async fn move_repo(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<MoveRequest>,
) -> Result<Json<Moved>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let kind = kind_of(wanted.kind.as_deref())?;
    let from = full_name(&caller, &wanted.from_repo, None)?;
    let to = full_name(&caller, &wanted.to_repo, None)?;
    let (owner, name) = (from.owner.as_str(), from.name.as_str());
    let (_, repo) = RepoAccess::write(&state, &headers, kind, owner, name).await?;
    let base_url = BaseUrl::of(&state.config, &headers);
    let found = state.store.repository_by_name(kind, &to).await?;
    // Its own name in other letters is free for itself.
    let owner = match found {
        Some(found) if found.id == repo.id => repo.owner,
        _ => room_for(&state, &caller, kind, &to, &base_url).await?,
    };
    let (id, former) = (repo.id, repo.owner);
    match state
        .lifecycle
        .rename(repo, owner, to.clone(), caller.account.id.into())
        .await
    {
        Err(LifecycleError::Taken { existing }) if kind == RepoKind::Space => {
            Err(same_address(&state, &caller, &to, &existing).await?)
        }
        moved => {
            moved?;
            if owner != former && owner != caller.account.id {
                // Contributors to an organisation may change what they have brought there.
                state.store.set_creator(id, caller.account.id).await?;
            }
            Ok(Json(Moved {
                url: base_url.repo_page(kind, &to),
            }))
        }
    }
}

/// `POST /api/{kinds}/{owner}/{name}/duplicate`: files, history and variables; never secrets.
pub(super) async fn duplicate(
    State(state): State<ApiState>,
    kind: RepoKind,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<DuplicateRequest>,
) -> Result<Json<CreatedRepo>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let (_, from) = RepoAccess::read(&state, &headers, kind, &owner, &name).await?;
    let to = full_name(&caller, &wanted.repository, None)?;
    let base_url = BaseUrl::of(&state.config, &headers);
    let owner = room_for(&state, &caller, kind, &to, &base_url).await?;
    let volumes = wanted.volumes.unwrap_or_default();
    if kind != RepoKind::Space && !volumes.is_empty() {
        return Err(ApiError::bad_request("Only a Space has volumes"));
    }
    let volumes = volumes::checked(&state, &caller.principal, volumes).await?;
    let (secrets, variables) = (
        wanted.secrets.unwrap_or_default(),
        wanted.variables.unwrap_or_default(),
    );
    let for_spaces = wanted.hardware.is_some() || wanted.sleep_time_seconds.is_some();
    if kind != RepoKind::Space && (for_spaces || !secrets.is_empty() || !variables.is_empty()) {
        return Err(ApiError::bad_request(
            "Only a Space has hardware, a sleep time, secrets or variables",
        ));
    }
    check_all(&secrets, &variables)?;
    if let Some(hardware) = &wanted.hardware {
        check_hardware(&state, hardware)?;
    }
    let sleep = wanted.sleep_time_seconds.map(sleep_after).transpose()?;
    let new = NewCopy {
        owner,
        visibility: visibility(wanted.visibility, wanted.private).unwrap_or(from.visibility),
        name: to.clone(),
        settings: SpaceSettings {
            hardware: wanted.hardware,
            sleep_after: sleep.flatten(),
        },
    };
    let made = match state
        .lifecycle
        .duplicate(from, new, caller.principal.clone())
        .await
    {
        Err(LifecycleError::Taken { existing }) if kind == RepoKind::Space => {
            return Err(same_address(&state, &caller, &to, &existing).await?);
        }
        made => made?,
    };
    remember_creator(&state, &caller, &made).await?;
    let space = made.id.space();
    if sleep == Some(None) {
        state.lifecycle.set_sleep_after(space, None).await?;
    }
    create::set_all(&state, space, &secrets, &variables, volumes).await?;
    Ok(Json(CreatedRepo::of(&made, &base_url)))
}

/// Refuses a size that is not on the list.
///
/// # Errors
/// 400 with the list.
pub(super) fn check_hardware(state: &ApiState, name: &str) -> Result<(), ApiError> {
    let offered = state.lifecycle.hardware();
    if offered.iter().any(|hardware| hardware.name == name) {
        return Ok(());
    }
    let names: Vec<_> = offered
        .iter()
        .map(|hardware| format!("`{}`", hardware.name))
        .collect();
    Err(ApiError::bad_request(format!(
        "This server has no hardware `{name}`; choose from {}",
        names.join(", ")
    )))
}

/// The clients' seconds; -1 is never.
///
/// # Errors
/// 400 for zero and for other negative numbers.
pub(super) fn sleep_after(seconds: i64) -> Result<SleepAfter, ApiError> {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
        Err(_) if seconds == -1 => Ok(None),
        _ => Err(ApiError::bad_request(
            "The sleep time must be a number of seconds above 0, or -1 for never",
        )),
    }
}

fn visibility(word: Option<Visibility>, private: Option<bool>) -> Option<Visibility> {
    let old = private.map(|private| {
        if private {
            Visibility::Private
        } else {
            Visibility::Public
        }
    });
    word.or(old)
}

/// The word of a request; models are what is meant when there is none.
///
/// # Errors
/// 400 for another word.
fn kind_of(word: Option<&str>) -> Result<RepoKind, ApiError> {
    let word = word.unwrap_or("model");
    RepoKind::from_word(word).ok_or_else(|| {
        ApiError::bad_request(format!(
            "Unknown repository type `{}`; use `model`, `dataset` or `space`",
            word.chars().take(60).collect::<String>()
        ))
    })
}

fn full_name(
    caller: &Caller,
    name: &str,
    organization: Option<&str>,
) -> Result<RepoName, ApiError> {
    let bad = |error| ApiError::bad_request(format!("`{name}`: {error}"));
    if organization.is_none() && name.contains('/') {
        return name.parse().map_err(bad);
    }
    let owner: Owner = match organization {
        Some(owner) => owner
            .parse()
            .map_err(|error| ApiError::bad_request(format!("`{owner}`: {error}")))?,
        None => caller.account.name.clone(),
    };
    Ok(RepoName {
        owner,
        name: name.parse().map_err(bad)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_times_are_seconds_or_never() {
        assert_eq!(sleep_after(-1).expect("never"), None);
        assert_eq!(
            sleep_after(60).expect("a minute"),
            Some(Duration::from_secs(60))
        );
        for bad in [0, -2, i64::MIN] {
            assert!(sleep_after(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_generations_of_clients_say_private() {
        assert_eq!(visibility(None, Some(true)), Some(Visibility::Private));
        assert_eq!(
            visibility(Some(Visibility::Protected), Some(false)),
            Some(Visibility::Protected)
        );
        assert_eq!(visibility(None, None), None);
    }
}
