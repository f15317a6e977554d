//! What the engine would open of an image in the next piece of a build is looked at first: see `dockerfile/piece.rs`.

use std::collections::HashSet;
use std::io;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{DownloadFromContainerOptions, InspectContainerOptions};
use futures_util::StreamExt;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::mpsc;

use super::container::Container;
use super::dockerfile::{Copied, Piece, Step};
use super::failure::{internal, place};
use super::patterns::{Matches, SPECIAL, has_wildcards, hidden, is_no_file, matches};
use crate::docker::accounts::{
    OF_ENGINE, leads_nowhere, link_target, look, may_be_copied, odd_accounts, shows_its_own_folders,
};
use crate::docker::{DATA, layer_folders};
use crate::domain::BuildError;

/// Pieces of an archive that wait to be read.
const WAITING: usize = 8;

/// Images whose lists of accounts the engine may open, by their ids: what bears an id stays as it is.
#[derive(Debug, Default)]
pub(in crate::builder) struct SoundImages(Mutex<HashSet<String>>);

/// Beyond this they are forgotten and looked at again.
const MOST_REMEMBERED: usize = 10_000;

/// Looks at images between the pieces of a build.
pub(super) struct Opened<'a> {
    pub(super) docker: &'a Docker,
    pub(super) sound: &'a SoundImages,
    /// The data folder's name.
    pub(super) data: &'a str,
    /// The build's own network: what is in it goes when the build ends, however that is.
    pub(super) network: &'a str,
    /// What its Dockerfile is called.
    pub(super) file: &'a str,
    /// Whether the Dockerfile is the author's; or else an SDK's.
    pub(super) theirs: bool,
}

// === impl Opened ===

impl Opened<'_> {
    /// Looks at what the engine would open in `piece`.
    ///
    /// # Errors
    /// The author's, of what it may not.
    pub(super) async fn check(&self, piece: &Piece) -> Result<(), BuildError> {
        if let Some((image, step)) = &piece.accounts {
            self.check_image(image, step).await?;
        }
        for copied in &piece.copied {
            let container = self.container(&copied.image, &copied.step).await?;
            self.check_copied(&container, copied).await?;
            container.remove().await;
        }
        Ok(())
    }

    /// Looks at what the engine opens of an image where `step` needs its lists of accounts.
    ///
    /// # Errors
    /// The author's, of what it may not.
    pub(super) async fn check_image(&self, image: &str, step: &Step) -> Result<(), BuildError> {
        if self.sound.has(image) {
            return Ok(());
        }
        let container = self.container(image, step).await?;
        self.check_accounts(&container, step).await?;
        container.remove().await;
        self.sound.add(image);
        Ok(())
    }

    async fn check_accounts(&self, container: &Container, step: &Step) -> Result<(), BuildError> {
        let odd = odd_accounts(self.docker, &container.id, &[]).await;
        match odd.map_err(|error| internal(&error))? {
            None => Ok(()),
            Some(file) => Err(self.refused(
                step,
                &format!(
                    "at this step, {file} in the image must be an ordinary file of at most 1 MiB"
                ),
            )),
        }
    }

    async fn check_copied(&self, container: &Container, copied: &Copied) -> Result<(), BuildError> {
        for path in &copied.paths {
            if let Some(message) = hidden(path) {
                return Err(self.refused(&copied.step, &message));
            }
            let odd = match has_wildcards(path) {
                true => {
                    // To make an archive the engine reads the lists of accounts too.
                    self.check_accounts(container, &copied.step).await?;
                    self.odd_match(container, path).await
                }
                false => {
                    let odd = self.is_odd(container, path).await;
                    odd.map(|odd| odd.then(|| is_no_file(path)))
                }
            };
            if let Some(message) = odd.map_err(|error| internal(&error))? {
                return Err(self.refused(&copied.step, &message));
            }
        }
        Ok(())
    }

    /// Whether the engine may not open what lies there. What does not lie there it says itself.
    async fn is_odd(&self, container: &Container, path: &str) -> Result<bool, Error> {
        let path = format!("/{path}");
        let Some(facts) = look(self.docker, &container.id, &path).await? else {
            return Ok(false);
        };
        let Some(target) = link_target(&facts) else {
            return Ok(!may_be_copied(&facts));
        };
        if OF_ENGINE.contains(&target) {
            return Ok(true);
        }
        let ends = look(self.docker, &container.id, target).await?;
        Ok(ends.is_some_and(|facts| !may_be_copied(&facts)))
    }

    /// What is wrong with the first of what a path with wildcards may stand for that the engine may not open.
    async fn odd_match(&self, container: &Container, path: &str) -> Result<Option<String>, Error> {
        let names: Vec<&str> = path
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        let plain = names
            .iter()
            .take_while(|name| !name.contains(SPECIAL))
            .count();
        let (folder, pattern) = names.split_at(plain);
        let folder = format!("/{}", folder.join("/"));
        let last = pattern.last().copied().unwrap_or_default();
        let options = DownloadFromContainerOptions {
            path: folder.clone(),
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        let wanted = (folder.clone(), pattern.len(), last.to_owned());
        let reading = tokio::task::spawn_blocking(move || matches(receiver, &wanted));
        let mut archive = self
            .docker
            .download_from_container(&container.id, Some(options));
        while let Some(piece) = archive.next().await {
            match piece {
                Ok(piece) => {
                    if sender.send(piece).await.is_err() {
                        break;
                    }
                }
                // The engine will say so itself.
                Err(error) if leads_nowhere(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        drop(sender);
        let read = reading
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        let found = match read.map_err(Error::from)? {
            Matches::Odd(message) => return Ok(Some(message)),
            Matches::Links(links) => links,
        };
        for link in found {
            if self.is_odd(container, &link).await? {
                return Ok(Some(is_no_file(&link)));
            }
        }
        Ok(None)
    }

    async fn container(&self, image: &str, step: &Step) -> Result<Container, BuildError> {
        let found = self.docker.inspect_image(image).await;
        let found = found.map_err(|error| internal(&error))?;
        if let Some(layers) = layer_folders(&found) {
            let look = tokio::task::spawn_blocking(move || shows_its_own_folders(&layers));
            if !look.await.unwrap_or_default() {
                let message = "`/etc`, `/dev`, `/proc` and `/sys` of an image must be folders";
                return Err(self.refused(step, message));
            }
        }
        let config = found.config.unwrap_or_default();
        // Something of its own stands for each volume: the engine would copy what the image has there, and show the copy.
        let volumes = config.volumes.unwrap_or_default();
        let has_volumes = !volumes.is_empty();
        let covers = volumes.into_iter().map(|target| Mount {
            typ: Some(MountType::TMPFS),
            target: Some(target),
            ..Mount::default()
        });
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            cmd: Some(vec!["none".to_owned()]),
            labels: Some([(DATA.to_owned(), self.data.to_owned())].into()),
            host_config: Some(HostConfig {
                network_mode: Some(self.network.to_owned()),
                mounts: Some(covers.collect()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let container = match Container::create(self.docker, body).await {
            Ok(container) => container,
            // Of what is written by itself only the volumes are the author's.
            Err(Error::DockerResponseServerError {
                status_code: 400 | 500,
                message,
            }) if message.contains("mount") => {
                return Err(self.refused(step, &format!("a `VOLUME` does not work: {message}")));
            }
            Err(error) => return Err(internal(&error)),
        };
        if !has_volumes {
            return Ok(container);
        }
        let inspected = self
            .docker
            .inspect_container(&container.id, None::<InspectContainerOptions>);
        let mounts = inspected.await.map_err(|error| internal(&error))?.mounts;
        let mut mounts = mounts.into_iter().flatten();
        if mounts.any(|mount| mount.typ.as_deref() == Some("volume")) {
            let message = "a `VOLUME` must be an absolute path, which begins with `/`";
            return Err(self.refused(step, message));
        }
        Ok(container)
    }

    fn refused(&self, step: &Step, message: &str) -> BuildError {
        let place = place(self.file, self.theirs, Some(step));
        BuildError::author(format!("{place}: {message}."))
    }
}

// === impl SoundImages ===

impl SoundImages {
    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock()
    }

    fn has(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    fn add(&self, id: &str) {
        let mut known = self.lock();
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(id.to_owned());
    }
}
