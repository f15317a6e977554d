//! Creating, changing and deleting Spaces as repositories.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Caller, JsonBody, SpaceAccess};
use super::schema::{Created, Setting};
use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::{Action, may};
use crate::domain::{Owner, SleepAfter, Space, SpaceName, Visibility};
use crate::lifecycle::LifecycleError;
use crate::store::NewSpace;

/// The body of a creation. Clients before 1.20 say `private`, later ones `visibility`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateRequest {
    name: String,
    organization: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    visibility: Option<Visibility>,
    private: Option<bool>,
    // `create_repo` takes only the Hub's own SDK names, so the card decides and this does not.
    #[serde(rename = "sdk")]
    _sdk: Option<String>,
    template: Option<String>,
    hardware: Option<String>,
    sleep_time_seconds: Option<i64>,
    #[serde(default)]
    secrets: Option<Vec<Setting>>,
    #[serde(default)]
    variables: Option<Vec<Setting>>,
    #[serde(default)]
    volumes: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeleteRequest {
    name: String,
    organization: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SettingsRequest {
    visibility: Option<Visibility>,
    private: Option<bool>,
    gated: Option<Value>,
}

/// `POST /api/repos/create`
///
/// That the Space exists is found out before anything else is looked at: `hf upload` creates first, always, with an
/// SDK that means nothing, and goes on when it hears 409.
pub(super) async fn create(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<CreateRequest>,
) -> Result<Json<Created>, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    only_spaces(wanted.kind.as_deref())?;
    let name = full_name(&caller, &wanted.name, wanted.organization.as_deref())?;
    let arrival = Arrival::of(&state.config, &headers);
    if let Some(existing) = state.store.space_by_name(&name).await? {
        return Err(existing_space(&caller, &existing, &arrival));
    }
    caller.may_write()?;
    if !caller.principal.may_create(&name.owner) {
        let message = format!("You may not create Spaces under {}", name.owner);
        return Err(ApiError::forbidden(message));
    }
    let space = make(&state, &caller, &arrival, name, wanted).await?;
    let name = space.name.to_string();
    Ok(Json(Created {
        url: arrival.page(&space.name),
        id: name.clone(),
        name,
    }))
}

/// `DELETE /api/repos/delete`
pub(super) async fn delete(
    State(state): State<ApiState>,
    headers: HeaderMap,
    JsonBody(wanted): JsonBody<DeleteRequest>,
) -> Result<&'static str, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    only_spaces(wanted.kind.as_deref())?;
    let name = full_name(&caller, &wanted.name, wanted.organization.as_deref())?;
    let (owner, name) = (name.owner.as_str(), name.name.as_str());
    let (_, space) = SpaceAccess::write(&state, &headers, owner, name).await?;
    state.lifecycle.delete(space.id).await?;
    Ok("OK")
}

/// `PUT /api/spaces/{owner}/{name}/settings`
pub(super) async fn settings(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    JsonBody(wanted): JsonBody<SettingsRequest>,
) -> Result<Json<Value>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    if wanted
        .gated
        .is_some_and(|gated| gated != Value::Bool(false) && !gated.is_null())
    {
        return Err(ApiError::not_offered(
            "gated repositories; make the Space private instead",
        ));
    }
    let visibility = visibility(wanted.visibility, wanted.private).unwrap_or(space.visibility);
    if visibility != space.visibility {
        state.lifecycle.set_visibility(space.id, visibility).await?;
    }
    let private = visibility == Visibility::Private;
    Ok(Json(
        json!({ "visibility": visibility, "private": private, "gated": false }),
    ))
}

/// `POST /api/repos/move`
pub(super) async fn move_repo() -> ApiError {
    ApiError::not_offered("moving a Space; create another one and push to it")
}

/// `POST /api/spaces/{owner}/{name}/duplicate`
pub(super) async fn duplicate() -> ApiError {
    ApiError::not_offered("duplicating a Space; download it and push it under another name")
}

fn existing_space(caller: &Caller, existing: &Space, arrival: &Arrival) -> ApiError {
    let known = [Action::See, Action::Visit]
        .into_iter()
        .any(|action| may(&caller.principal, action, existing));
    if !known {
        return ApiError::forbidden(format!(
            "You may not create Spaces under {}",
            existing.name.owner
        ));
    }
    ApiError::exists(arrival.page(&existing.name))
}

/// 400 and not 409, at which clients that put up with what exists look for its address and use it.
async fn same_address(
    state: &ApiState,
    caller: &Caller,
    name: &SpaceName,
    existing: &SpaceName,
) -> Result<ApiError, ApiError> {
    let space = state.store.space_by_name(existing).await?;
    let known = space.is_some_and(|space| may(&caller.principal, Action::Visit, &space));
    let other = if known {
        existing.to_string()
    } else {
        "another Space".to_owned()
    };
    Ok(ApiError::bad_request(format!(
        "{name} would have the same address as {other}; choose a name that differs in letters or digits"
    )))
}

async fn make(
    state: &ApiState,
    caller: &Caller,
    arrival: &Arrival,
    name: SpaceName,
    wanted: CreateRequest,
) -> Result<Space, ApiError> {
    if wanted.template.is_some() {
        return Err(ApiError::not_offered("templates; push files of your own"));
    }
    if wanted.volumes.is_some_and(|volumes| !volumes.is_empty()) {
        return Err(ApiError::not_offered("volumes"));
    }
    let owner = state.store.account_by_name(&name.owner).await?;
    let owner = owner
        .ok_or_else(|| ApiError::bad_request(format!("There is no account `{}`", name.owner)))?;
    let (secrets, variables) = (
        wanted.secrets.unwrap_or_default(),
        wanted.variables.unwrap_or_default(),
    );
    for setting in secrets.iter().chain(&variables) {
        setting.check()?;
    }
    if let Some(hardware) = &wanted.hardware {
        check_hardware(state, hardware)?;
    }
    let sleep = wanted.sleep_time_seconds.map(sleep_after).transpose()?;
    let new = NewSpace {
        owner: owner.id,
        name: name.clone(),
        visibility: visibility(wanted.visibility, wanted.private).unwrap_or(Visibility::Public),
        hardware: wanted.hardware,
        sleep_after: sleep.flatten(),
    };
    let space = match state.lifecycle.create(new).await {
        // Somebody else was faster, or the name differs only in what the address leaves out.
        Err(LifecycleError::Taken { existing }) if same_name(&existing, &name) => {
            // Whoever creates and hears that it exists goes on to use it.
            return Err(match state.store.space_by_name(&existing).await? {
                Some(_) => ApiError::exists(arrival.page(&existing)),
                None => ApiError::bad_request(format!(
                    "{existing} is being removed; try again in a moment"
                )),
            });
        }
        Err(LifecycleError::Taken { existing }) => {
            return Err(same_address(state, caller, &name, &existing).await?);
        }
        other => other?,
    };
    // A new Space without a sleep time has the server's own, so never sleeping is said afterwards.
    if sleep == Some(None) {
        state.lifecycle.set_sleep_after(space.id, None).await?;
    }
    for secret in &secrets {
        let description = secret.description.as_deref();
        state
            .lifecycle
            .set_secret(space.id, &secret.key, &secret.value, description)
            .await?;
    }
    for variable in &variables {
        let description = variable.description.as_deref();
        state
            .lifecycle
            .set_variable(space.id, &variable.key, &variable.value, description)
            .await?;
    }
    Ok(space)
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
        "There is no hardware `{name}` here; there is {}",
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
            "The sleep time is a number of seconds above 0, or -1 for never",
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

fn only_spaces(kind: Option<&str>) -> Result<(), ApiError> {
    match kind {
        Some("space") => Ok(()),
        other => {
            let kind = other.unwrap_or("model");
            Err(ApiError::not_offered(&format!(
                "repositories of the type `{kind}`; it hosts Spaces only (`--repo-type space`)"
            )))
        }
    }
}

fn full_name(
    caller: &Caller,
    name: &str,
    organization: Option<&str>,
) -> Result<SpaceName, ApiError> {
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
    Ok(SpaceName {
        owner,
        name: name.parse().map_err(bad)?,
    })
}

fn same_name(one: &SpaceName, other: &SpaceName) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
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
