//! Images that are there already: what an earlier build of a Space made of the same files is used again.
//!
//! Each bears a hash of all that it was made of. The engine's own cache would find its layers too, but only after the
//! files were sent, in a turn of the build's own, and as long as nobody tidied the layers away.

use std::sync::Arc;

use bollard::Docker;
use bollard::models::ImageInspect;
use sha2::{Digest, Sha256};

use super::super::{BuildPlan, BuildRequest, Inner, disk_error};
use super::check;
use super::record::Recorder;
use crate::builder::Before;
use crate::docker::MADE_OF;
use crate::domain::{Artifact, ArtifactKind, BuildError, Revision, SpaceId};

/// A hash of the files, and of what the engine is told to do with them.
pub(super) fn made_of(tree: &str, file: &str, text: &str, args: &[(String, String)]) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    for text in [tree, file, text] {
        add(text);
    }
    let mut args: Vec<_> = args.iter().collect();
    args.sort();
    for (name, value) in args {
        add(name);
        add(value);
    }
    hex::encode(hasher.finalize())
}

// === impl Inner ===

impl Inner {
    /// Whether a build of that revision would find its image made. An engine that is away has none.
    pub(in crate::builder) async fn has_image(
        self: &Arc<Self>,
        space: SpaceId,
        revision: &Revision,
        before: Before,
        plan: &BuildPlan,
    ) -> Result<bool, BuildError> {
        let Before {
            variables,
            artifacts,
            ..
        } = before;
        let order = self.order(space, revision, variables, plan).await?;
        let Ok(docker) = self.config.images.engine.connect().await else {
            return Ok(false);
        };
        let found = made_image(&docker, &artifacts, &order.made_of).await;
        Ok(found.is_some())
    }

    pub(super) fn use_again(
        &self,
        (id, image): (String, ImageInspect),
        request: &BuildRequest,
        plan: &BuildPlan,
    ) -> Result<ArtifactKind, BuildError> {
        let port = plan.card.port;
        check(&image, port, &self.config.images.limits, &request.log)?;
        let recorder = Recorder::new(&self.images(), request.build, request.space);
        recorder.map_err(disk_error)?.image(&id);
        Ok(ArtifactKind::Image { id, port })
    }
}

/// The first of the Space's own images that was made of just that. Labels alone prove nothing: whoever fills a registry
/// writes what he likes on images that others fetch.
pub(super) async fn made_image(
    docker: &Docker,
    own: &[Artifact],
    made_of: &str,
) -> Option<(String, ImageInspect)> {
    for artifact in own {
        let ArtifactKind::Image { id, .. } = &artifact.kind else {
            continue;
        };
        // Whatever is wrong with the engine, the build that follows will say.
        let Ok(image) = docker.inspect_image(id).await else {
            continue;
        };
        let labels = image
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref());
        if labels
            .and_then(|labels| labels.get(MADE_OF))
            .is_some_and(|found| found == made_of)
        {
            return Some((id.clone(), image));
        }
    }
    None
}
