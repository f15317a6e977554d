//! The models and datasets that a Space's card names, and its volumes, laid out for its instances.

use std::collections::HashSet;

use crate::auth::{Action, Principal};
use crate::domain::{
    AccountId, Artifact, ArtifactKind, GuestAbi, NamedRepository, RepoKind, RepoUid, Repository,
    Space, Visibility, Volume,
};
use crate::repo::RepoError;
use crate::runtime::{Mount, Repositories};

use crate::lifecycle::reconcile::runtime_state::RuntimeState;
use crate::lifecycle::{Lifecycle, LifecycleError, Parts};

/// What is to be mounted.
struct Wanted {
    named: NamedRepository,
    target: String,
    /// The folder of it that is seen.
    path: Option<String>,
    /// Who names it, as the author is told.
    by: &'static str,
    /// Whether it is not mounted while it is private.
    denied: bool,
}

/// Where a card stands.
const CARD: &str = "README.md";

/// What is there of what the card and the volumes name, and the private ones among it. What the Space's owner may not see
/// is not there.
pub(in crate::lifecycle) async fn of(
    parts: &Parts,
    space: &Space,
    artifact: &Artifact,
) -> anyhow::Result<(Repositories, Vec<RepoUid>)> {
    let (mut found, mut private) = (Repositories::default(), Vec::new());
    if matches!(artifact.kind, ArtifactKind::Site { .. }) {
        return Ok((found, private));
    }
    let mut volumes = parts.store.volumes(space.id).await?;
    if artifact.settings.storage_bytes.is_some() {
        let stored = |volume: &Volume| volume.overlaps("/data");
        if volumes.iter().any(stored) {
            let note = "The volume below /data is not mounted, because the card's `storage` is mounted there.";
            found.notes.push(note.to_owned());
        }
        volumes.retain(|volume| !stored(volume));
    }
    let denied = parts.store.denied_repositories(space.id).await?;
    let wanted = wanted(&volumes, &artifact.settings.repositories, &denied);
    if wanted.is_empty() {
        return Ok((found, private));
    }
    if matches!(
        artifact.kind,
        ArtifactKind::Component {
            abi: GuestAbi::Command,
            ..
        }
    ) {
        let note = "Models, datasets and volumes are not mounted, because a WASI command cannot read files on this \
                    server. Build the app as a component instead.";
        found.notes.push(note.to_owned());
        return Ok((found, private));
    }
    let owner = parts.auth.reader(space.owner).await?.unwrap_or_default();
    for one in wanted {
        let named = &one.named;
        let repository = readable(parts, &owner, named).await?;
        let open = |found: &Repository| !one.denied || found.visibility == Visibility::Public;
        let Some(repository) = repository.filter(open) else {
            // Which of the two it is, whoever named it must not learn.
            let or_denied = match one.denied {
                true if one.by == CARD => {
                    ", or which the person who added it may not read; if it is private, someone who may read it can \
                     allow it by removing it from README.md in one commit and adding it again in the next"
                }
                true => {
                    ", or which the person who set it may not read; if it is private, someone who may read it must \
                     set the volumes"
                }
                false => "",
            };
            found.notes.push(format!(
                "{} names the {} {}, which is not on this server{or_denied}.",
                one.by,
                named.kind.as_str(),
                named.name
            ));
            continue;
        };
        match mount(parts, space, repository.id, &one).await {
            Ok(mount) => found.mounts.push(mount),
            Err(
                error @ (RepoError::RevisionNotFound(_)
                | RepoError::EntryNotFound(_)
                | RepoError::Refused(_)
                | RepoError::TooLarge(_)
                | RepoError::OverQuota(_)),
            ) => found.notes.push(format!(
                "{} names {} at {}, which cannot be laid out: {error}",
                one.by,
                named.name,
                named.revision.as_deref().unwrap_or("main")
            )),
            Err(error) => return Err(error.into()),
        }
        if repository.visibility != Visibility::Public {
            private.push(repository.id);
        }
    }
    Ok((found, private))
}

// === impl Lifecycle ===

impl Lifecycle {
    /// Takes somebody out of an organization, and what its Spaces have mounted of it from them; whether they were in it.
    ///
    /// # Errors
    /// `LastAdmin`, before anything is changed.
    pub async fn remove_member(
        &self,
        organization: AccountId,
        member: AccountId,
    ) -> Result<bool, LifecycleError> {
        let was_in = (self.parts.store)
            .remove_member(organization, member)
            .await?;
        if was_in {
            self.mount_anew(member).await?;
        }
        Ok(was_in)
    }

    /// Starts those Spaces anew that run with a repository mounted and may not see it any more, as it has become private.
    pub(in crate::lifecycle) async fn unmount_elsewhere(
        &self,
        repository: &Repository,
    ) -> Result<(), LifecycleError> {
        let named = NamedRepository {
            kind: repository.kind,
            name: repository.name.clone(),
            revision: None,
        };
        let names = |observed: &RuntimeState| {
            let artifacts = observed.instances.iter().map(|kept| &kept.artifact);
            let mut all = artifacts.flat_map(|artifact| &artifact.settings.repositories);
            all.any(|one| one.is_same(&named))
        };
        let mut using = self.supervisors.those_who(names);
        let mut denied = HashSet::new();
        for space in &using {
            let all = self.parts.store.denied_repositories(*space).await?;
            if named.is_among(&all) {
                denied.insert(*space);
            }
        }
        for (space, volumes) in self.parts.store.all_volumes().await? {
            let mut naming = volumes.iter().filter(|one| one.named().is_same(&named));
            let Some(first) = naming.next() else { continue };
            if self.supervisors.observed(space).lock().instances.is_empty() {
                continue;
            }
            if !first.while_private || naming.any(|one| !one.while_private) {
                denied.insert(space);
            }
            using.push(space);
        }
        for id in using {
            let Some(space) = self.parts.store.space_by_id(id).await? else {
                continue;
            };
            let owner = self.parts.auth.reader(space.owner).await?;
            let sees = owner.is_some_and(|owner| owner.sees_private(repository));
            if !sees || denied.contains(&id) {
                self.restart(id, false).await?;
            }
        }
        Ok(())
    }

    /// Starts those Spaces of an account anew that run with models, datasets or volumes mounted: the account may see less
    /// than when they were started.
    async fn mount_anew(&self, owner: AccountId) -> Result<(), LifecycleError> {
        for (kind, id) in self.parts.store.repositories_of(owner).await? {
            if kind != RepoKind::Space {
                continue;
            }
            let running = {
                let observed = self.supervisors.observed(id.space());
                let observed = observed.lock();
                let artifacts = observed.instances.iter().map(|kept| &kept.artifact);
                let named = artifacts.map(|artifact| !artifact.settings.repositories.is_empty());
                named.collect::<Vec<_>>()
            };
            let names_some = running.contains(&true)
                || !running.is_empty() && !self.parts.store.volumes(id.space()).await?.is_empty();
            if names_some {
                self.restart(id.space(), false).await?;
            }
        }
        Ok(())
    }
}

/// The volumes, and what the card names where no volume is.
fn wanted(volumes: &[Volume], card: &[NamedRepository], denied: &[NamedRepository]) -> Vec<Wanted> {
    let mut wanted: Vec<_> = volumes
        .iter()
        .map(|volume| Wanted {
            named: volume.named(),
            target: volume.mount_path.clone(),
            path: volume.path.clone(),
            by: "A volume",
            denied: !volume.while_private,
        })
        .collect();
    for named in card {
        let target = named.folder();
        if !volumes.iter().any(|volume| volume.overlaps(&target)) {
            wanted.push(Wanted {
                named: named.clone(),
                target,
                path: None,
                by: CARD,
                denied: named.is_among(denied),
            });
        }
    }
    wanted
}

async fn readable(
    parts: &Parts,
    owner: &Principal,
    named: &NamedRepository,
) -> anyhow::Result<Option<Repository>> {
    let found = parts.store.repository_by_name(named.kind, &named.name);
    Ok(found.await?.filter(|found| owner.may(Action::See, found)))
}

async fn mount(
    parts: &Parts,
    space: &Space,
    id: RepoUid,
    wanted: &Wanted,
) -> Result<Mount, RepoError> {
    let named = &wanted.named;
    let revision = named.revision.clone().unwrap_or_else(|| "main".to_owned());
    let revision = parts
        .repos
        .read(id, move |repo| repo.resolve(&revision))
        .await?;
    // Whoever wants it laid out has room for it, and not whoever made it.
    let room = parts.ledger.reserve_disk(space.owner);
    let mut source = parts
        .repos
        .cached_checkout(id, revision.clone(), room)
        .await?;
    if let Some(path) = &wanted.path {
        // A shelf has folders and files and no links, and the path was checked when it was set.
        source.push(path);
        if !tokio::fs::metadata(&source)
            .await
            .is_ok_and(|found| found.is_dir())
        {
            return Err(RepoError::EntryNotFound(path.clone()));
        }
    }
    Ok(Mount {
        named: named.clone(),
        revision,
        source,
        target: wanted.target.clone(),
        whole: wanted.path.is_none(),
    })
}
