//! What a container has written becomes a layer.

use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, ImageConfig};
use bollard::query_parameters::{CommitContainerOptions, RemoveImageOptions};

use super::container::Container;
use super::dockerfile::Found;

/// Until the engine has written a layer, which it answers after.
const PATIENCE: Duration = Duration::from_secs(3600);

/// An image that nobody has taken note of. Its drop removes it.
struct Unnoted {
    docker: Docker,
    id: String,
}

/// Makes an image of an ended `container`: what it was made of and what it has written, run as `config` says and not as the
/// container was. The id of the image.
///
/// An image that is made when nobody waits for it any more is removed again.
pub(super) async fn commit(
    docker: &Docker,
    container: &str,
    config: ImageConfig,
) -> Result<String, Error> {
    let docker = docker.clone().with_timeout(PATIENCE);
    let options = CommitContainerOptions {
        container: Some(container.to_owned()),
        pause: false,
        ..CommitContainerOptions::default()
    };
    // What is left out here the engine takes from the container.
    let config = ContainerConfig {
        user: config.user,
        env: config.env,
        cmd: Some(config.cmd.unwrap_or_default()),
        entrypoint: Some(config.entrypoint.unwrap_or_default()),
        working_dir: config.working_dir,
        healthcheck: config.healthcheck,
        labels: config.labels,
        stop_signal: config.stop_signal,
        shell: config.shell,
        ..ContainerConfig::default()
    };
    let making = tokio::spawn(async move {
        let made = docker.commit_container(options, config).await?;
        Ok::<_, Error>(Unnoted {
            docker,
            id: made.id,
        })
    });
    let made = making.await;
    let mut made = made.unwrap_or_else(|error| Err(io::Error::other(error).into()))?;
    Ok(std::mem::take(&mut made.id))
}

/// The image without what it has the engine do for whoever builds on it (`ONBUILD`): the build does it itself, within its
/// limits. The layer is known by the label `cache`.
pub(super) async fn without_triggers(
    docker: &Docker,
    found: &Found,
    network: &str,
    cache: (&str, &str),
) -> Result<String, Error> {
    let body = ContainerCreateBody {
        image: Some(found.id.clone()),
        cmd: Some(vec!["none".to_owned()]),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let container = Container::create(docker, body).await?;
    let config = docker.inspect_image(&found.id).await?.config;
    let mut config = config.unwrap_or_default();
    let labels = config.labels.get_or_insert_default();
    labels.insert(cache.0.to_owned(), cache.1.to_owned());
    let made = commit(docker, &container.id, config).await;
    container.remove().await;
    made
}

impl Drop for Unnoted {
    fn drop(&mut self) {
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        // Without a runtime the process is ending, and the next sweep knows it by its label.
        if !id.is_empty()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                let options = RemoveImageOptions {
                    noprune: true,
                    ..RemoveImageOptions::default()
                };
                let _ = docker.remove_image(&id, Some(options), None).await;
            });
        }
    }
}
