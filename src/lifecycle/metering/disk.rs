//! What owners have on disk: measured, and room for more.

use crate::domain::{AccountId, DiskAmount, RepoKind, RepoUid, SpaceId};
use crate::ledger::{DiskReservation, DiskUse, QuotaPool};
use crate::lifecycle::{Lifecycle, LifecycleError, Parts};

// === impl Lifecycle ===

impl Lifecycle {
    /// Room on an owner's disk for what is to be written, none of it yet. The first time after a start, all that the owner
    /// has is measured before.
    ///
    /// # Errors
    /// Ours only; the quota refuses when the reservation grows.
    pub async fn disk_room(&self, owner: AccountId) -> Result<DiskReservation, LifecycleError> {
        self.parts.disk_known(owner).await?;
        self.make_disk_room(owner).await;
        Ok(self.parts.ledger.reserve_disk(owner))
    }

    /// Gives up, as an owner's disk fills, what is kept only to spare the owner's time: what was sent in chunks and is a
    /// file by now, and then the artifacts of earlier versions.
    async fn make_disk_room(&self, owner: AccountId) {
        let account = self.parts.ledger.owner(owner);
        let half = |book: &QuotaPool| book.used() > book.limit() / 2;
        if !half(&account.disk) && !half(&account.files) {
            return;
        }
        self.parts.free_sent(owner, false).await;
        let forgotten = self.supervisors.artifacts().forget_when_full(&account);
        if let Err(error) = forgotten.await {
            tracing::error!(%owner, "earlier versions could not be forgotten: {error:#}");
        }
    }

    /// The same on the disk of a repository's owner.
    ///
    /// # Errors
    /// When the repository is gone.
    pub async fn disk_room_of(&self, id: RepoUid) -> Result<DiskReservation, LifecycleError> {
        let (_, owner) = self.parts.find(id).await?.ok_or(LifecycleError::NotFound)?;
        self.disk_room(owner).await
    }

    /// Measures a repository anew, when something of it went away that nobody counted.
    ///
    /// # Errors
    /// Ours only.
    pub async fn measure(&self, id: RepoUid) -> Result<(), LifecycleError> {
        if let Some((kind, owner)) = self.parts.find(id).await? {
            self.parts.measure(kind, id, owner).await;
        }
        Ok(())
    }
}

// === impl Parts ===

impl Parts {
    async fn find(&self, id: RepoUid) -> Result<Option<(RepoKind, AccountId)>, LifecycleError> {
        let found = self.store.repository_by_id(id).await?;
        Ok(found.map(|found| (found.kind, found.owner)))
    }

    /// Sees to it that all an owner has was measured since the server started.
    pub(in crate::lifecycle) async fn disk_known(
        &self,
        owner: AccountId,
    ) -> Result<(), LifecycleError> {
        let account = self.ledger.owner(owner);
        let measured = account.disk_known.get_or_try_init(|| async {
            for (kind, id) in self.store.repositories_of(owner).await? {
                self.measure(kind, id, owner).await;
            }
            self.measure_account(owner).await;
            Ok::<_, LifecycleError>(())
        });
        measured.await?;
        Ok(())
    }

    /// Measures what a repository takes on disk: of a Space with what was last built of it and what it keeps.
    pub(in crate::lifecycle) async fn measure(
        &self,
        kind: RepoKind,
        id: RepoUid,
        owner: AccountId,
    ) {
        let of_it = async {
            let (files, since) = self.repos.disk(id, &self.ledger).await?;
            if kind != RepoKind::Space {
                return anyhow::Ok((files, since));
            }
            let storage = DiskUse::Storage(id.space().into());
            let stored_since = self.ledger.measuring();
            let stored = self.runtimes.stored(id.space().into()).await;
            self.ledger.set_disk(storage, owner, stored, stored_since);
            Ok((files + self.built_of(id.space()).await?, since))
        };
        match of_it.await {
            Ok((found, since)) => {
                let repository = DiskUse::Repository(id);
                self.ledger.set_disk(repository, owner, found, since);
            }
            Err(error) => tracing::warn!(repository = %id, "{id} could not be measured: {error:#}"),
        }
        // One that was removed meanwhile was forgotten after its files had gone, and before this.
        if matches!(self.repos.is_there(id).await, Ok(false)) {
            self.forget_disk(id);
        }
    }

    /// A repository is gone, with its files.
    pub(in crate::lifecycle) fn forget_disk(&self, id: RepoUid) {
        self.ledger.forget_disk(DiskUse::Repository(id));
        self.ledger.forget_disk(DiskUse::Storage(id.space().into()));
    }

    /// Removes what an account sent in chunks and no upload needs; `at_once` as soon as the upload has ended.
    pub(in crate::lifecycle) async fn free_sent(&self, account: AccountId, at_once: bool) {
        match self.repos.free_xorbs(account, at_once).await {
            Ok(true) => self.measure_account(account).await,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%account, "uploaded chunks could not be removed: {error}");
            }
        }
    }

    pub(in crate::lifecycle) async fn measure_account(&self, owner: AccountId) {
        let since = self.ledger.measuring();
        match self.repos.disk_of_account(owner).await {
            Ok(found) => {
                let account = DiskUse::Account(owner);
                self.ledger.set_disk(account, owner, found, since);
            }
            Err(error) => {
                tracing::warn!(account = %owner, "the uploads of {owner} could not be measured: {error}");
            }
        }
    }

    /// A Space's artifacts, those of its earlier versions too.
    async fn built_of(&self, space: SpaceId) -> anyhow::Result<DiskAmount> {
        let artifacts = self.store.artifacts_of(space).await?;
        Ok(self.builder.disk_of(space, &artifacts).await)
    }

    /// Measures every repository, and what accounts have outside of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::lifecycle) async fn measure_all(&self) -> anyhow::Result<()> {
        for (kind, id) in self.store.repositories_to_stay().await? {
            if let Some(found) = self.store.repository_by_id(id).await? {
                self.measure(kind, id, found.owner).await;
            }
        }
        for account in self.ledger.owners() {
            self.measure_account(account.owner).await;
        }
        Ok(())
    }
}
