//! The models and datasets that a Space's card names, laid out for its instances.

use crate::auth::Action;
use crate::domain::{Artifact, ArtifactKind, NamedRepository, RepoId, Space, Visibility};
use crate::repo::RepoError;
use crate::runtime::{Mount, Repositories};

use super::Parts;

/// What is there of what the card names, and the private ones among it. What the Space's owner may not see is not there.
pub(super) async fn of(
    parts: &Parts,
    space: &Space,
    artifact: &Artifact,
) -> anyhow::Result<(Repositories, Vec<RepoId>)> {
    let (mut found, mut private) = (Repositories::default(), Vec::new());
    let named = &artifact.settings.repositories;
    if named.is_empty() || !matches!(artifact.kind, ArtifactKind::Image { .. }) {
        return Ok((found, private));
    }
    let owner = parts.auth.reader(space.owner).await?.unwrap_or_default();
    for one in named {
        let repository = parts.store.repository_by_name(one.kind, &one.name).await?;
        let Some(repository) = repository.filter(|it| owner.may(Action::See, it)) else {
            let what = one.kind.as_str();
            found.notes.push(format!(
                "README.md names the {what} {}, which is not on this server.",
                one.name
            ));
            continue;
        };
        match mount(parts, repository.id, one).await {
            Ok(mount) => found.mounts.push(mount),
            Err(
                error @ (RepoError::RevisionNotFound(_)
                | RepoError::Refused(_)
                | RepoError::TooLarge(_)),
            ) => found.notes.push(format!(
                "README.md names {} at {}, which cannot be laid out: {error}",
                one.name,
                one.revision.as_deref().unwrap_or("main")
            )),
            Err(error) => return Err(error.into()),
        }
        if repository.visibility != Visibility::Public {
            private.push(repository.id);
        }
    }
    Ok((found, private))
}

async fn mount(parts: &Parts, id: RepoId, named: &NamedRepository) -> Result<Mount, RepoError> {
    let wanted = named.revision.clone().unwrap_or_else(|| "main".to_owned());
    let revision = parts
        .repos
        .read(id, move |repo| repo.resolve(&wanted))
        .await?;
    let source = parts.repos.shelf(id, revision.clone()).await?;
    Ok(Mount {
        named: named.clone(),
        revision,
        source,
    })
}
