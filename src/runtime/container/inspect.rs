//! A container, looked at.

use std::net::SocketAddr;

use anyhow::Context;
use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::InspectContainerOptions;

use crate::docker::is_gone;

pub(super) async fn inspect(
    docker: &Docker,
    name: &str,
) -> anyhow::Result<ContainerInspectResponse> {
    docker
        .inspect_container(name, None::<InspectContainerOptions>)
        .await
        .context("the container could not be looked at")
}

/// The container, running: one that is frozen is thawed.
pub(super) async fn thawed(
    docker: &Docker,
    name: &str,
) -> anyhow::Result<ContainerInspectResponse> {
    let inspected = inspect(docker, name).await?;
    let paused = inspected.state.as_ref().and_then(|state| state.paused);
    if paused == Some(true) {
        docker
            .unpause_container(name)
            .await
            .context("the container could not be thawed")?;
    }
    Ok(inspected)
}

/// Where the container listens: its own address on its Space's network.
pub(super) fn address_of(
    inspected: &ContainerInspectResponse,
    network: &str,
    port: u16,
) -> Option<SocketAddr> {
    let networks = inspected.network_settings.as_ref()?.networks.as_ref()?;
    let address = networks.get(network)?.ip_address.as_deref()?;
    Some((address.parse::<std::net::Ipv4Addr>().ok()?, port).into())
}

/// Whether the container is gone.
pub(super) async fn is_absent(docker: &Docker, name: &str) -> bool {
    let looked = docker
        .inspect_container(name, None::<InspectContainerOptions>)
        .await;
    looked.is_err_and(|error| is_gone(&error))
}
