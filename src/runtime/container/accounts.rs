//! The lists of accounts of an image, which the engine itself reads when a container starts.

use bollard::Docker;

use super::internal;
use super::storage::STORAGE;
use crate::docker::accounts::odd_accounts;
use crate::runtime::{InstanceSpec, RuntimeError};

/// Looks at them before the container starts.
///
/// # Errors
/// The author's, of an image that has something else there.
pub(super) async fn check(
    docker: &Docker,
    container: &str,
    spec: &InstanceSpec,
) -> Result<(), RuntimeError> {
    let shared = spec.repositories.mounts.iter();
    let mut mounted: Vec<String> = shared.map(|shared| shared.target.clone()).collect();
    mounted.push(STORAGE.to_owned());
    let odd = odd_accounts(docker, container, &mounted).await;
    match odd.map_err(internal)? {
        None => Ok(()),
        Some(file) => Err(RuntimeError::Author(format!(
            "Its container does not start: {file} of its image must be an ordinary file of at most 1 MiB."
        ))),
    }
}
