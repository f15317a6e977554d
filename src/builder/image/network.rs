//! The network of a build: nothing else is in it, so that the build's containers are known by it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptions, ListNetworksOptions, RemoveContainerOptions,
};

use super::super::{BuildRequest, Inner};
use super::ImageConfig;
use crate::docker::{BUILD, is_gone};
use crate::domain::{BuildError, BuildId};

/// The network of a build. Its drop removes it, and whatever the engine still runs in it.
pub(super) struct Network {
    inner: Arc<Inner>,
    /// A build that is tried again gets another network: the old one may still be on its way out.
    attempt: BuildId,
    pub(super) name: String,
}

/// How long the engine has to end a build by itself.
const ENDING: Duration = Duration::from_secs(10);

impl Drop for Network {
    fn drop(&mut self) {
        let (inner, attempt) = (Arc::clone(&self.inner), self.attempt);
        inner.underway().remove(&attempt);
        // Without a runtime the process is ending, and the next start clears it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let began = Instant::now();
                while began.elapsed() < ENDING && !inner.network_is_free(attempt).await {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                inner.remove_network(attempt).await;
            });
        }
    }
}

// === impl Inner ===

impl Inner {
    /// The network of a build, and of nothing else.
    pub(super) async fn network(
        self: &Arc<Self>,
        request: &BuildRequest,
    ) -> Result<Network, BuildError> {
        let ImageConfig {
            networks, limits, ..
        } = &self.config.images;
        if let Err(error) = networks.isolated().await {
            if limits.isolation_required {
                tracing::warn!("builds cannot be isolated from this host: {error:#}");
                return Err(BuildError::server(
                    "this server cannot isolate builds from its own network, so it does not build (see `isolation` \
                     under [docker])",
                ));
            }
            request
                .log
                .line("Note: this build is not isolated from the server's own network.");
        }
        let attempt = BuildId::new();
        self.underway().insert(attempt);
        let whose = attempt.to_string();
        // From here on there may be one to remove.
        let network = Network {
            inner: Arc::clone(self),
            attempt,
            name: networks.name(&whose, limits.reach),
        };
        networks
            .ensure(&whose, limits.reach)
            .await
            .map_err(|error| {
                tracing::warn!("the network of a build could not be created: {error:#}");
                BuildError::server("the container engine could not create a network for the build")
            })?;
        Ok(network)
    }

    /// Removes the networks of builds that are no longer under way.
    pub(super) async fn sweep_networks(&self, docker: &Docker) -> anyhow::Result<()> {
        let mut filters = self.config.images.engine.own();
        filters
            .entry("label".to_owned())
            .or_default()
            .push(BUILD.to_owned());
        let options = ListNetworksOptions {
            filters: Some(filters),
        };
        for network in docker.list_networks(Some(options)).await? {
            let attempt = network
                .labels
                .and_then(|labels| labels.get(BUILD)?.parse().ok());
            if let Some(attempt) = attempt
                && !self.underway().contains(&attempt)
            {
                self.remove_network(attempt).await;
            }
        }
        Ok(())
    }

    /// Whether the engine has ended what it ran for a build.
    async fn network_is_free(&self, attempt: BuildId) -> bool {
        let containers = self.containers_of(attempt).await;
        containers.is_ok_and(|containers| containers.is_empty())
    }

    /// Removes the network of an ended build, with whatever is still in it.
    async fn remove_network(&self, attempt: BuildId) {
        let removed = async {
            let docker = self.config.images.engine.connect().await?;
            for id in self.containers_of(attempt).await? {
                let options = RemoveContainerOptions {
                    force: true,
                    v: true,
                    ..RemoveContainerOptions::default()
                };
                match docker.remove_container(&id, Some(options)).await {
                    Err(error) if !is_gone(&error) => return Err(error.into()),
                    _ => {}
                }
            }
            self.config
                .images
                .networks
                .remove(Some(&attempt.to_string()))
                .await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%attempt, "the network of a build could not be removed: {error:#}");
        }
    }

    async fn containers_of(&self, attempt: BuildId) -> anyhow::Result<Vec<String>> {
        let images = &self.config.images;
        let docker = images.engine.connect().await?;
        let network = images
            .networks
            .name(&attempt.to_string(), images.limits.reach);
        let options = ListContainersOptions {
            all: true,
            filters: Some([("network".to_owned(), vec![network])].into()),
            ..ListContainersOptions::default()
        };
        let containers = docker.list_containers(Some(options)).await?;
        let ids = containers.into_iter().filter_map(|container| container.id);
        Ok(ids.collect())
    }
}
