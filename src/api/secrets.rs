//! The environment of a Space: secrets, which nobody reads back, and variables, which everybody reads who may see the
//! Space. A write restarts the Space.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::SpaceAccess;
use super::answers::Done;
use super::extract::JsonBody;
use super::schema::{Moment, Setting};
use super::{ApiError, ApiState};
use crate::domain::{SpaceId, check_variable};
use crate::store::{Counted, StoreError};

/// What is known of a secret: never its value.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    key: String,
    description: Option<String>,
    updated_at: Moment,
}

/// A variable, for whoever may see the Space.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    key: String,
    value: String,
    description: Option<String>,
    updated_at: Moment,
}

type Secrets = BTreeMap<String, Secret>;
type Variables = BTreeMap<String, Variable>;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Key {
    key: String,
}

/// Most characters of what an owner writes about a variable.
const DESCRIPTION_CHARS: usize = 1000;

type SpacePath = Path<(String, String)>;

/// Refuses more than a Space can have, and what no environment can hold.
///
/// # Errors
/// 400 with what is allowed.
pub(super) fn check_all(secrets: &[Setting], variables: &[Setting]) -> Result<(), ApiError> {
    for (what, given) in [
        (Counted::Secrets, secrets.len()),
        (Counted::Variables, variables.len()),
    ] {
        if i64::try_from(given).unwrap_or(i64::MAX) > what.most() {
            return Err(StoreError::TooMany { what }.into());
        }
    }
    secrets.iter().chain(variables).try_for_each(Setting::check)
}

// === impl Setting ===

impl Setting {
    /// Refuses what no environment can hold.
    ///
    /// # Errors
    /// 400 with what is allowed.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        let description = self.description.as_deref().unwrap_or_default();
        if description.chars().count() > DESCRIPTION_CHARS {
            return Err(ApiError::bad_request(format!(
                "The description of {} is longer than {DESCRIPTION_CHARS} characters",
                self.key.chars().take(60).collect::<String>()
            )));
        }
        check_variable(&self.key, &self.value).map_err(ApiError::bad_request)
    }
}

/// `GET /api/spaces/{owner}/{name}/secrets`: their names, never their values.
pub(super) async fn list_secrets(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
) -> Result<Json<Secrets>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    let secrets = state.store.list_secrets(space.id).await?;
    let listed = secrets.into_iter().map(|secret| {
        let facts = Secret {
            key: secret.key.clone(),
            description: secret.description,
            updated_at: Moment(secret.updated_at),
        };
        (secret.key, facts)
    });
    Ok(Json(listed.collect()))
}

/// `POST /api/spaces/{owner}/{name}/secrets`
pub(super) async fn set_secret(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(secret): JsonBody<Setting>,
) -> Result<Json<Done>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    secret.check()?;
    let description = secret.description.as_deref();
    state
        .lifecycle
        .set_secret(space.id, &secret.key, &secret.value, description)
        .await?;
    Ok(Json(Done {}))
}

/// `DELETE /api/spaces/{owner}/{name}/secrets`
pub(super) async fn delete_secret(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(Key { key }): JsonBody<Key>,
) -> Result<Json<Done>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    state.lifecycle.delete_secret(space.id, &key).await?;
    Ok(Json(Done {}))
}

/// `GET /api/spaces/{owner}/{name}/variables`
pub(super) async fn list_variables(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
) -> Result<Json<Variables>, ApiError> {
    let (_, space) = SpaceAccess::read(&state, &headers, &owner, &name).await?;
    variables(&state, space.id).await
}

/// `POST /api/spaces/{owner}/{name}/variables`: answers with all of them.
pub(super) async fn set_variable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(variable): JsonBody<Setting>,
) -> Result<Json<Variables>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    variable.check()?;
    let description = variable.description.as_deref();
    state
        .lifecycle
        .set_variable(space.id, &variable.key, &variable.value, description)
        .await?;
    variables(&state, space.id).await
}

/// `DELETE /api/spaces/{owner}/{name}/variables`: answers with those left.
pub(super) async fn delete_variable(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Path((owner, name)): SpacePath,
    JsonBody(Key { key }): JsonBody<Key>,
) -> Result<Json<Variables>, ApiError> {
    let (_, space) = SpaceAccess::write(&state, &headers, &owner, &name).await?;
    state.lifecycle.delete_variable(space.id, &key).await?;
    variables(&state, space.id).await
}

async fn variables(state: &ApiState, space: SpaceId) -> Result<Json<Variables>, ApiError> {
    let variables = state.store.list_variables(space).await?;
    let listed = variables.into_iter().map(|variable| {
        let facts = Variable {
            key: variable.key.clone(),
            value: variable.value,
            description: variable.description,
            updated_at: Moment(variable.updated_at),
        };
        (variable.key, facts)
    });
    Ok(Json(listed.collect()))
}
