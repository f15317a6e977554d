//! The images a build begins from: found, fetched and looked at before the engine builds on them.
//!
//! An engine holds more than its users may read: private Spaces' images, the layers they were built in, and whatever its
//! operator made or fetched with a password. So an image is read by the name it bears there, never by its id, and only
//! if its operator lists that name or its registry gives it to anybody.

use std::collections::{HashMap, HashSet};

use bollard::Docker;
use bollard::models::{ImageConfig, ImageInspect};
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;
use parking_lot::{Mutex, MutexGuard};

use super::ImageLimits;
use super::dockerfile::{self, Found};
use super::failure::{fetch_error, internal};
use super::reference::Reference;
use crate::docker::{self, DATA, Reach};
use crate::domain::{BuildError, bytes_text, may_reach, size_text};
use crate::journal::Log;

/// An image that a build needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: Reference,
    /// Where its author names it, to begin a message with; `None` where the operator does.
    pub(super) at: Option<String>,
}

/// What registries were found to give to anybody: names, each with the id it had.
#[derive(Debug, Default)]
pub(in crate::builder) struct PublicImages(Mutex<HashSet<(Reference, String)>>);

/// Beyond this they are forgotten and asked for again.
const MOST_REMEMBERED: usize = 10_000;
/// Bytes that the environment of an image and what it has the engine do may have together.
const LONGEST_ENVIRONMENT: usize = 128 << 10;

/// Finds images on the engine, and fetches those that are missing.
pub(super) struct Finder<'a> {
    pub(super) docker: &'a Docker,
    pub(super) limits: &'a ImageLimits,
    /// Patterns of names that authors may read, whatever they are.
    pub(super) listed: &'a [String],
    pub(super) public: &'a PublicImages,
    pub(super) log: &'a Log,
}

// === impl Finder ===

impl Finder<'_> {
    /// The image, if it may be built on.
    ///
    /// # Errors
    /// When there is no such image, or none that may be built on.
    pub(super) async fn find(&self, wanted: &Wanted) -> Result<Found, BuildError> {
        let Wanted { name, at } = wanted;
        let theirs = at.is_some();
        let full = name.to_string();
        let found = match self.docker.inspect_image(&full).await {
            Ok(image) => {
                if theirs && !self.is_listed(name) {
                    self.is_public(name, &image)
                        .await
                        .map_err(|error| placed(at, error))?;
                }
                image
            }
            Err(error) if docker::status(&error) == Some(404) => {
                if theirs {
                    registry_is_allowed(name, self.limits.reach == Reach::Private)
                        .await
                        .map_err(|error| placed(at, error))?;
                }
                self.fetch(name, theirs)
                    .await
                    .map_err(|error| placed(at, error))?;
                let fetched = self.docker.inspect_image(&full).await;
                let image =
                    fetched.map_err(|error| placed(at, fetch_error(&full, theirs, &error)))?;
                self.public
                    .add(name, image.id.as_deref().unwrap_or_default());
                image
            }
            Err(error) => return Err(internal(&error)),
        };
        match obstacle(name, &found, self.limits.image_bytes) {
            None => {}
            Some(obstacle) if theirs => {
                return Err(placed(
                    at,
                    BuildError::author(format!("`{name}` {obstacle}.")),
                ));
            }
            Some(obstacle) => {
                tracing::warn!("the base image {name} {obstacle}");
                return Err(BuildError::server(format!(
                    "the base image `{name}` {obstacle}"
                )));
            }
        }
        let config = found.config.unwrap_or_default();
        let id = found
            .id
            .filter(|id| id.starts_with("sha256:"))
            .ok_or_else(|| {
                tracing::warn!("the container engine returned no id for {name}");
                BuildError::server("the container engine returned no id for a base image")
            })?;
        Ok(Found {
            id,
            shell: config.shell.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            environment: config.env.unwrap_or_default(),
            triggers: config.on_build.unwrap_or_default(),
        })
    }

    fn is_listed(&self, name: &Reference) -> bool {
        self.listed.iter().any(|pattern| name.fits(pattern))
    }

    /// Whether anybody could fetch what is here already: it came from that repository, which still shows it without a
    /// password.
    async fn is_public(&self, name: &Reference, image: &ImageInspect) -> Result<(), BuildError> {
        let id = image.id.clone().unwrap_or_default();
        if self.public.has(name, &id) {
            return Ok(());
        }
        let refused = || {
            BuildError::author(format!(
                "`{name}` may not be used as a base image: this server's copy did not come from a public registry. \
                 Use another image, or ask the operator to allow it (`images` under [build])."
            ))
        };
        let digests = image.repo_digests.as_deref().unwrap_or_default();
        if !name.was_fetched(digests) {
            return Err(refused());
        }
        registry_is_allowed(name, self.limits.reach == Reach::Private).await?;
        match self
            .docker
            .inspect_registry_image(&name.to_string(), None)
            .await
        {
            Ok(_) => {
                self.public.add(name, &id);
                Ok(())
            }
            Err(error) => Err(match fetch_error(&name.to_string(), true, &error) {
                error if error.fault == crate::domain::Fault::Author => refused(),
                error => error,
            }),
        }
    }

    async fn fetch(&self, name: &Reference, theirs: bool) -> Result<(), BuildError> {
        let full = name.to_string();
        self.log.line(&format!("Fetching {full}."));
        let options = CreateImageOptions {
            from_image: Some(full.clone()),
            ..CreateImageOptions::default()
        };
        let most = self.limits.image_bytes;
        let mut fetching = self.docker.create_image(Some(options), None, None);
        let mut layers = HashMap::new();
        while let Some(step) = fetching.next().await {
            let step = step.map_err(|error| fetch_error(&full, theirs, &error))?;
            let total = step.progress_detail.and_then(|detail| detail.total);
            if let (Some(id), Some(total)) = (step.id, total) {
                // Compressed, so it is at least this much.
                layers.insert(id, u64::try_from(total).unwrap_or(0));
                let sum: u64 = layers.values().sum();
                if sum > most {
                    return Err(BuildError::author(format!(
                        "`{full}` is larger than {}, the limit for an image on this server.",
                        bytes_text(most)
                    )));
                }
            }
        }
        Ok(())
    }
}

// === impl PublicImages ===

impl PublicImages {
    fn lock(&self) -> MutexGuard<'_, HashSet<(Reference, String)>> {
        self.0.lock()
    }

    fn has(&self, name: &Reference, id: &str) -> bool {
        self.lock().contains(&(name.clone(), id.to_owned()))
    }

    fn add(&self, name: &Reference, id: &str) {
        let mut known = self.lock();
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert((name.clone(), id.to_owned()));
    }
}

/// The error with the line it is about.
fn placed(at: &Option<String>, error: BuildError) -> BuildError {
    match at {
        Some(at) if error.fault == crate::domain::Fault::Author => {
            BuildError::author(format!("{at}: {}", error.message))
        }
        _ => error,
    }
}

/// Why an image may not be built on.
fn obstacle(name: &Reference, image: &ImageInspect, most: u64) -> Option<String> {
    // A private Space's files are in its image, and layers without a name may be of one.
    let config = image.config.clone().unwrap_or_default();
    let labels = config.labels.clone().unwrap_or_default();
    let tags = image.repo_tags.as_deref().unwrap_or_default();
    let digests = image.repo_digests.as_deref().unwrap_or_default();
    if labels.contains_key(DATA) || !name.is_among(tags, digests) {
        return Some("may not be used as a base image; use one from a registry".into());
    }
    if image.os.as_deref().is_some_and(|os| os != "linux") {
        return Some("is not a Linux image".into());
    }
    let size = u64::try_from(image.size.unwrap_or(0)).unwrap_or(0);
    if size > most {
        return Some(format!(
            "has {}; this server allows {} for one image",
            size_text(size),
            bytes_text(most)
        ));
    }
    let environment = config.env.iter().chain(&config.on_build).flatten();
    if environment.map(String::len).sum::<usize>() > LONGEST_ENVIRONMENT {
        return Some(format!(
            "has an environment of more than {} KiB",
            LONGEST_ENVIRONMENT >> 10
        ));
    }
    trigger(&config)
}

/// What an image has the engine do when it is built on, if that is not allowed: see [`dockerfile`].
fn trigger(config: &ImageConfig) -> Option<String> {
    let triggers = config.on_build.as_deref().unwrap_or_default();
    let is_run = |trigger: &&String| trigger.to_ascii_uppercase().starts_with("RUN ");
    if triggers.iter().filter(is_run).count() > 1 {
        // Nobody could look at what the first has made before the engine opens it.
        return Some("has more than one `ONBUILD RUN` instruction, which is not supported".into());
    }
    let trigger = triggers
        .iter()
        .find(|trigger| !dockerfile::is_harmless_trigger(trigger))?;
    let shown: String = trigger.chars().take(80).collect();
    Some(format!(
        "has the instruction `ONBUILD {}`, which is not supported",
        shown.escape_debug()
    ))
}

/// The engine asks a registry from the host's own network, and shows what it says.
async fn registry_is_allowed(name: &Reference, private: bool) -> Result<(), BuildError> {
    let Some(host) = name.registry() else {
        return Ok(());
    };
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(443)),
        None => (host, 443),
    };
    // A name that is not known here may be known to the engine, or to a proxy it uses.
    let Ok(addresses) = tokio::net::lookup_host((host, port)).await else {
        return Ok(());
    };
    for address in addresses {
        if !may_reach(address.ip(), private) {
            return Err(BuildError::author(format!(
                "`{name}` is not on this server, and this server does not fetch images from `{host}`, because that is \
                 this machine or a host in a private network."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Reference {
        Reference::parse(text).expect("a name")
    }

    #[test]
    fn images_of_spaces_and_nameless_ones_are_not_built_on() {
        let image = |label: Option<&str>, triggers: &[&str]| ImageInspect {
            id: Some("sha256:abcdef0123456789".into()),
            repo_tags: Some(vec!["debian:12".into()]),
            os: Some("linux".into()),
            size: Some(1000),
            config: Some(ImageConfig {
                labels: label.map(|label| [(label.to_owned(), "x".to_owned())].into()),
                on_build: Some(triggers.iter().map(|&trigger| trigger.to_owned()).collect()),
                ..ImageConfig::default()
            }),
            ..ImageInspect::default()
        };
        let debian = name("debian:12");
        let harmless = image(None, &["RUN true", "COPY . /app"]);
        assert_eq!(obstacle(&debian, &harmless, 1000), None);
        assert!(obstacle(&debian, &image(Some(DATA), &[]), 1000).is_some());
        assert!(obstacle(&debian, &image(None, &[]), 999).is_some());
        for by_id in ["abcdef", "abcdef0123456789", "sha256:abcdef0123456789"] {
            let refused = obstacle(&name(by_id), &image(None, &[]), 1000);
            assert!(refused.is_some(), "{by_id}");
        }
        for trigger in [
            "ADD http://169.254.169.254/ /x",
            "ADD . /x",
            "COPY --from=other /x /x",
            "COPY \t--from=other /x /x",
            "\u{a0}COPY --from=other /x /x",
            "# escape=`\nCOPY --from=other /x /x",
            "RUN true\nADD http://169.254.169.254/ /x",
            "RUN --mount=type=bind,from=other true",
            "copy\t--from=other /x /x",
            "ENV A=$A$A",
            "SHELL [\"/x\"]",
            "FROM other",
            "ONBUILD ADD . /x",
        ] {
            let refused = obstacle(&debian, &image(None, &[trigger]), 1000);
            assert!(refused.is_some(), "{trigger}");
        }
    }

    #[tokio::test]
    async fn the_host_is_no_registry() {
        for text in [
            "localhost/a",
            "localhost:5000/a",
            "127.0.0.1:80/v2/x",
            "169.254.169.254/a",
            "10.0.0.1/a:1",
        ] {
            let refused = registry_is_allowed(&name(text), false).await;
            assert!(refused.is_err(), "{text}");
        }
        let private = name("10.0.0.1:5000/a");
        assert!(registry_is_allowed(&private, true).await.is_ok());
    }
}
