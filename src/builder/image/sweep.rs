//! Takes away from the engine what nobody needs any more: images, the layers of old builds, networks of ended ones.

use std::collections::HashSet;
use std::fs;

use bollard::Docker;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};

use super::super::Inner;
use super::record::Record;
use crate::docker::{CACHE, EngineError, is_gone, status};
use crate::domain::{BuildId, SpaceId};

/// What engines before 25 list as the name of an image without one.
const NAMELESS: &str = "<none>:<none>";

/// The name of a build's image on the engine.
pub(super) fn tag(data: &str, build: BuildId) -> String {
    format!("glasshouse/{data}:{build}")
}

// === impl Inner ===

impl Inner {
    /// Removes images of this data folder that are not in `used`, and what ended builds left; of the last build of each of
    /// `spaces` nothing if it failed, for the next one tries again. Returns how many images. What cannot be removed is said
    /// in the log, left for the next time, and keeps nothing else from being removed.
    ///
    /// # Errors
    /// When the engine answers but will not say what it has. One that is not there has nothing to sweep.
    pub(in crate::builder) async fn sweep_images(
        &self,
        used: &HashSet<String>,
        spaces: &HashSet<SpaceId>,
    ) -> anyhow::Result<usize> {
        let docker = match self.config.images.engine.connect().await {
            Ok(docker) => docker,
            Err(EngineError::Off | EngineError::Absent { .. } | EngineError::Claimed(_)) => {
                return Ok(0);
            }
            Err(error) => return Err(error.into()),
        };
        let records = Record::all(&self.images())?;
        let removed = self.sweep_named(&docker, used).await;
        let steps = self.sweep_steps(&docker, used, spaces, &records).await;
        self.layers().retain(|image, _| used.contains(image));
        let networks = self.sweep_networks(&docker).await;
        steps.and(networks)?;
        removed
    }

    /// The steps of a Space's last build, in order, if that failed; what it printed may be among them.
    pub(in crate::builder) fn failed_steps(&self, space: SpaceId) -> Vec<String> {
        let records = Record::all(&self.images()).unwrap_or_default();
        let newest = Record::newest(&records);
        let failed = newest.get(&space).filter(|newest| newest.image.is_none());
        failed.map_or_else(Vec::new, |newest| newest.steps.clone())
    }

    async fn sweep_named(&self, docker: &Docker, used: &HashSet<String>) -> anyhow::Result<usize> {
        let options = ListImagesOptions {
            filters: Some(self.config.images.engine.own()),
            ..ListImagesOptions::default()
        };
        let mut removed = 0;
        for image in docker.list_images(Some(options)).await? {
            // A build that is not recorded yet may have made it, or found it.
            let of_a_build = |name: &String| {
                let build = name.rsplit_once(':').map(|(_, build)| build);
                build.is_some_and(|build| self.holds.is_held(build))
            };
            if used.contains(&image.id)
                || self.holds.is_held(&image.id)
                || image.repo_tags.iter().any(of_a_build)
            {
                continue;
            }
            // Older engines say so of one without a name, which has its id alone.
            let names = image.repo_tags.iter().filter(|name| *name != NAMELESS);
            for name in names.chain([&image.id]) {
                if let Err(error) = remove(docker, name).await {
                    tracing::warn!(%name, "an old image could not be removed: {error:#}");
                }
            }
            removed += usize::from(docker.inspect_image(&image.id).await.is_err());
        }
        Ok(removed)
    }

    /// Layers without a name that no build of ours would find in the cache any more.
    async fn sweep_steps(
        &self,
        docker: &Docker,
        used: &HashSet<String>,
        spaces: &HashSet<SpaceId>,
        records: &[Record],
    ) -> anyhow::Result<()> {
        let is_held = |record: &&Record| {
            let build = record.build.map(|build| build.to_string());
            build.is_some_and(|build| self.holds.is_held(&build))
        };
        // One that is under way may not have come as far as the one before it.
        let newest = Record::newest(records.iter().filter(|record| !is_held(record)));
        let lives = |record: &&Record| {
            let is_newest = |space| {
                spaces.contains(&space)
                    && newest
                        .get(&space)
                        .is_some_and(|last| last.path == record.path)
            };
            is_held(record)
                || match &record.image {
                    Some(image) => used.contains(image),
                    None => record.space.is_some_and(is_newest),
                }
        };
        let (live, dead): (Vec<_>, Vec<_>) = records.iter().partition(lives);
        let needed: HashSet<&String> = live.iter().flat_map(|record| &record.steps).collect();
        let begun = records.iter().filter(is_held).map(|record| record.began);
        self.sweep_strays(docker, &needed, begun.min()).await?;
        for record in &dead {
            let mut left = false;
            // Later steps are built on earlier ones.
            for step in record.steps.iter().rev() {
                let needed = needed.contains(step);
                let removed = self.remove_step(docker, step, record.began, needed).await;
                left |= !removed.unwrap_or_else(|error| {
                    tracing::warn!(%step, "an old layer could not be removed: {error:#}");
                    false
                });
            }
            // While some are left it is the proof that they are ours.
            if !left {
                fs::remove_file(&record.path)?;
            }
        }
        Ok(())
    }

    /// Layers that nobody noted: a step goes on when its build is ended, and leaves one. Those made since `begun` may be a
    /// build's that is under way.
    async fn sweep_strays(
        &self,
        docker: &Docker,
        needed: &HashSet<&String>,
        begun: Option<i64>,
    ) -> anyhow::Result<()> {
        let prefix = format!("{}:", self.config.images.engine.data());
        let filters = [
            ("dangling".to_owned(), vec!["true".to_owned()]),
            ("label".to_owned(), vec![CACHE.to_owned()]),
        ];
        let options = ListImagesOptions {
            filters: Some(filters.into()),
            ..ListImagesOptions::default()
        };
        for image in docker.list_images(Some(options)).await? {
            let is_ours = image
                .labels
                .get(CACHE)
                .is_some_and(|label| label.starts_with(&prefix));
            let id = image.id.trim_start_matches("sha256:");
            let made = image.created.saturating_mul(1000);
            if !is_ours
                || begun.is_some_and(|begun| made >= begun - 1000)
                || needed.iter().any(|step| id.starts_with(step.as_str()))
                || self.holds.is_held(&image.id)
            {
                continue;
            }
            if let Err(error) = remove(docker, &image.id).await {
                tracing::warn!(%id, "a stray layer could not be removed: {error:#}");
            }
        }
        Ok(())
    }

    /// Whether there is nothing (any more) to remove. What is `needed` stays.
    async fn remove_step(
        &self,
        docker: &Docker,
        step: &str,
        began: i64,
        needed: bool,
    ) -> anyhow::Result<bool> {
        let image = match docker.inspect_image(step).await {
            Ok(image) => image,
            Err(error) if is_gone(&error) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let named = |names: Option<Vec<String>>| {
            let mut names = names.into_iter().flatten();
            names.any(|name| !name.starts_with("<none>"))
        };
        let created = image
            .created
            .and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let is_older = created.is_none_or(|at| at.as_millisecond() < began);
        if is_older || named(image.repo_tags) || named(image.repo_digests) {
            return Ok(true);
        }
        // A build goes on with what came of a piece of it.
        let held = image.id.is_some_and(|id| self.holds.is_held(&id));
        Ok(!needed && !held && remove(docker, step).await?)
    }
}

/// Whether it is gone. What others are built on, or a container uses, stays; so do layers below it, which may be a
/// stranger's.
async fn remove(docker: &Docker, name: &str) -> anyhow::Result<bool> {
    let options = RemoveImageOptions {
        noprune: true,
        ..RemoveImageOptions::default()
    };
    match docker.remove_image(name, Some(options), None).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(true),
        Err(error) if status(&error) == Some(409) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
