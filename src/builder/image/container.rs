//! Containers of a build, each of which is removed when its value is dropped.

use std::io;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};

/// A container of a build. Its drop removes it, with what it wrote.
pub(super) struct Container {
    docker: Docker,
    pub(super) id: String,
}

// === impl Container ===

impl Container {
    /// One that has not started.
    pub(super) async fn create(docker: &Docker, body: ContainerCreateBody) -> Result<Self, Error> {
        // It goes on when the build is ended meanwhile, so that what the engine makes then is removed too.
        let docker = docker.clone();
        let making = tokio::spawn(async move {
            let made = docker.create_container(None::<CreateContainerOptions>, body);
            let id = made.await?.id;
            Ok(Self { docker, id })
        });
        let made = making.await;
        made.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    /// Removes it, and waits until it is gone.
    pub(super) async fn remove(mut self) {
        let id = std::mem::take(&mut self.id);
        removed(&self.docker, &id).await;
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        // Without a runtime the process is ending, and it goes with the network.
        if !id.is_empty()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { removed(&docker, &id).await });
        }
    }
}

/// What cannot be removed goes with the network.
async fn removed(docker: &Docker, id: &str) {
    let options = RemoveContainerOptions {
        force: true,
        v: true,
        ..RemoveContainerOptions::default()
    };
    let _ = docker.remove_container(id, Some(options)).await;
}
