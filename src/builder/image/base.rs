//! The images a build begins from: fetched and looked at before the engine builds on them.

use bollard::Docker;
use bollard::models::{ImageConfig, ImageInspect};
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use super::dockerfile;
use super::failure::{fetch_error, ours};
use crate::builder::size_text;
use crate::docker::{self, DATA};
use crate::domain::BuildError;
use crate::journal::Log;

/// Makes sure that the image is on the engine and may be built on. `theirs` says whether the author chose it.
///
/// # Errors
/// When there is no such image, or none that may be built on.
pub(super) async fn ensure(
    docker: &Docker,
    name: &str,
    theirs: bool,
    most: u64,
    log: &Log,
) -> Result<(), BuildError> {
    let image = match docker.inspect_image(name).await {
        Ok(image) => image,
        Err(error) if docker::status(&error) == Some(404) => {
            fetch(docker, name, theirs, most, log).await?;
            let fetched = docker.inspect_image(name).await;
            fetched.map_err(|error| fetch_error(name, theirs, &error))?
        }
        Err(error) => return Err(ours(&error)),
    };
    match obstacle(name, &image, most) {
        None => Ok(()),
        Some(obstacle) if theirs => Err(BuildError::author(format!("`{name}` {obstacle}."))),
        Some(obstacle) => {
            tracing::warn!("the base image {name} {obstacle}");
            Err(BuildError::server(format!(
                "the base image `{name}` {obstacle}"
            )))
        }
    }
}

/// Why an image may not be built on.
fn obstacle(name: &str, image: &ImageInspect, most: u64) -> Option<String> {
    // A private Space's files are in its image, and layers without a name may be of one.
    let config = image.config.clone().unwrap_or_default();
    let labels = config.labels.clone().unwrap_or_default();
    let id = image.id.as_deref().unwrap_or_default();
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    let by_id = name.strip_prefix("sha256:").unwrap_or(name);
    if labels.contains_key(DATA) || digits.starts_with(by_id) {
        return Some("is not an image that may be built on; name one of a registry".into());
    }
    if image.os.as_deref().is_some_and(|os| os != "linux") {
        return Some("is not an image for Linux".into());
    }
    let size = u64::try_from(image.size.unwrap_or(0)).unwrap_or(0);
    if size > most {
        return Some(format!(
            "has {}, and an image may have {} on this server",
            size_text(size),
            size_text(most)
        ));
    }
    trigger(&config)
}

/// What an image has the engine do when it is built on, if that is not allowed: see [`dockerfile`].
fn trigger(config: &ImageConfig) -> Option<String> {
    let triggers = config.on_build.as_deref().unwrap_or_default();
    triggers.iter().find_map(|trigger| {
        let fetches = match dockerfile::read(trigger, &[]) {
            Ok(needs) => !needs.images.is_empty() || !needs.added.is_empty(),
            Err(_) => true,
        };
        let shown: String = trigger.chars().take(80).collect();
        fetches.then(|| {
            format!(
                "has the engine do `{}` for whoever builds on it, which is not supported",
                shown.escape_debug()
            )
        })
    })
}

async fn fetch(
    docker: &Docker,
    name: &str,
    theirs: bool,
    most: u64,
    log: &Log,
) -> Result<(), BuildError> {
    log.line(&format!("Fetching {name}."));
    let options = CreateImageOptions {
        from_image: Some(with_tag(name)),
        ..CreateImageOptions::default()
    };
    let mut fetching = docker.create_image(Some(options), None, None);
    let mut layers = std::collections::HashMap::new();
    while let Some(step) = fetching.next().await {
        let step = step.map_err(|error| fetch_error(name, theirs, &error))?;
        let total = step.progress_detail.and_then(|detail| detail.total);
        if let (Some(id), Some(total)) = (step.id, total) {
            // Compressed, so it is at least this much.
            layers.insert(id, u64::try_from(total).unwrap_or(0));
            let sum: u64 = layers.values().sum();
            if sum > most {
                return Err(BuildError::author(format!(
                    "`{name}` has more than {}, and an image may have no more on this server.",
                    size_text(most)
                )));
            }
        }
    }
    Ok(())
}

/// Without a tag the engine would fetch them all.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.contains([':', '@']) {
        true => name.to_owned(),
        false => format!("{name}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_spaces_and_nameless_ones_are_not_built_on() {
        let image = |label: Option<&str>, triggers: &[&str]| ImageInspect {
            id: Some("sha256:abcdef0123456789".into()),
            os: Some("linux".into()),
            size: Some(1000),
            config: Some(ImageConfig {
                labels: label.map(|label| [(label.to_owned(), "x".to_owned())].into()),
                on_build: Some(triggers.iter().map(|&trigger| trigger.to_owned()).collect()),
                ..ImageConfig::default()
            }),
            ..ImageInspect::default()
        };
        assert_eq!(
            obstacle(
                "debian:12",
                &image(None, &["RUN true", "COPY . /app"]),
                1000
            ),
            None
        );
        assert!(obstacle("debian:12", &image(Some(DATA), &[]), 1000).is_some());
        assert!(obstacle("debian:12", &image(None, &[]), 999).is_some());
        for name in ["abcdef", "sha256:abcdef0123456789"] {
            assert!(obstacle(name, &image(None, &[]), 1000).is_some(), "{name}");
        }
        for trigger in [
            "ADD http://169.254.169.254/ /x",
            "ADD . /x",
            "COPY --from=other /x /x",
        ] {
            assert!(
                obstacle("a", &image(None, &[trigger]), 1000).is_some(),
                "{trigger}"
            );
        }
    }

    #[test]
    fn one_tag_is_fetched() {
        assert_eq!(with_tag("registry:5000/a"), "registry:5000/a:latest");
        assert_eq!(with_tag("a:1"), "a:1");
        assert_eq!(with_tag("a@sha256:0"), "a@sha256:0");
    }
}
