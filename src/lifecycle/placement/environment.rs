//! The environment a Space's instances see.

use std::collections::BTreeMap;

use crate::domain::{Artifact, ArtifactKind, Space};
use crate::lifecycle::Parts;
use crate::store::StoreError;

/// The owner's variables, by name: what the pages of a static Space are told. Secrets are never among them.
pub(in crate::lifecycle) async fn public(
    parts: &Parts,
    space: &Space,
) -> Result<Vec<(String, String)>, StoreError> {
    let variables = parts.store.list_variables(space.id).await?.into_iter();
    let variables: BTreeMap<_, _> = variables
        .map(|variable| (variable.key, variable.value))
        .collect();
    Ok(variables.into_iter().collect())
}

/// The Hub's own variables, then those of signing people in, then the owner's variables, then the secrets; a later one of the same name wins.
pub(in crate::lifecycle) async fn of(
    parts: &Parts,
    space: &Space,
    artifact: &Artifact,
) -> Result<Vec<(String, String)>, StoreError> {
    let name = &space.name;
    let address = parts.settings.addresses.space(&space.subdomain);
    let host = address
        .split_once("://")
        .map_or(address.as_str(), |(_, host)| host);
    let mut environment: BTreeMap<String, String> = [
        ("ACCELERATOR", "none".to_owned()),
        ("SPACE_ID", name.to_string()),
        ("SPACE_AUTHOR_NAME", name.owner.to_string()),
        ("SPACE_REPO_NAME", name.name.to_string()),
        ("SPACE_HOST", host.to_owned()),
        ("SPACE_CREATOR_USER_ID", space.owner.to_string()),
        // Only this server reaches an app, and says who visits.
        ("FORWARDED_ALLOW_IPS", "*".to_owned()),
        ("SYSTEM", "spaces".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    if let Some(hardware) = parts.hardware_of(space) {
        let cores = f64::from(hardware.limits.cpu_millis) / 1000.0;
        environment.insert("CPU_CORES".into(), cores.to_string());
        environment.insert(
            "MEMORY".into(),
            format!("{}Mi", hardware.limits.memory_bytes >> 20),
        );
    }
    if let Some(app) = &artifact.settings.oauth {
        let secret = parts.auth.oauth_secret(space);
        let more = [
            ("OAUTH_CLIENT_ID", space.id.to_string()),
            ("OAUTH_CLIENT_SECRET", secret.expose().to_owned()),
            ("OAUTH_SCOPES", app.scopes.join(" ")),
        ];
        environment.extend(more.map(|(key, value)| (key.to_owned(), value)));
        // A container finds this server on a network of its own, and is told where there.
        if !matches!(artifact.kind, ArtifactKind::Image { .. }) {
            environment.insert("OPENID_PROVIDER_URL".into(), parts.settings.addresses.hub());
        }
    }
    for variable in parts.store.list_variables(space.id).await? {
        environment.insert(variable.key, variable.value);
    }
    for (key, value) in parts.store.reveal_secrets(space.id).await? {
        environment.insert(key, value.expose().to_owned());
    }
    Ok(environment.into_iter().collect())
}
