//! Disk: what was measured of each owner's, and what is reserved for bytes on their way.
//!
//! Whoever writes takes a [`DiskReservation`] and grows it before each write, so that all writers of an owner together
//! never pass the quota. What was written is kept on the page of what it belongs to ([`DiskReservation::keep`]), where the
//! next measuring puts the exact amount; there is no moment at which it counts nowhere. A reservation that is dropped gives
//! back what was not kept. Nothing of this is stored: after a restart, what is on disk is measured.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{OwnerAccount, Refused, Reservation};
use crate::domain::{AccountId, DiskAmount, RepoUid, WorkloadId};

/// What on disk belongs to an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiskUse {
    /// A repository with its large files, and what was last built of it.
    Repository(RepoUid),
    /// A workload's durable storage.
    Storage(WorkloadId),
    /// What an account sent and laid out outside of any repository.
    Account(AccountId),
}

/// A moment from which on something is measured. What is kept later may be missing from the result, and is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measuring(u64);

/// The pages of all that is on disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pages: Mutex<HashMap<DiskUse, Page>>,
    clock: AtomicU64,
}

#[derive(Debug)]
struct Page {
    owner: AccountId,
    bytes: Reservation,
    files: Reservation,
    measured: Measuring,
    /// What was kept, and when, that a measuring under way may miss.
    kept: Vec<(Measuring, DiskAmount)>,
}

/// Room on an owner's disk for what is being written; its drop gives back what was not kept.
#[derive(Debug)]
pub struct DiskReservation {
    disk: Arc<Disk>,
    account: Arc<OwnerAccount>,
    bytes: Reservation,
    files: Reservation,
}

// === impl Disk ===

impl Disk {
    pub(super) fn reserve(self: &Arc<Self>, account: Arc<OwnerAccount>) -> DiskReservation {
        DiskReservation {
            disk: Arc::clone(self),
            bytes: account.disk.hold(),
            files: account.files.hold(),
            account,
        }
    }

    pub(super) fn now(&self) -> Measuring {
        Measuring(self.clock.fetch_add(1, Ordering::AcqRel))
    }

    /// Notes what was found, unless something measured later was noted already.
    pub(super) fn set(
        &self,
        of: DiskUse,
        account: &Arc<OwnerAccount>,
        found: DiskAmount,
        since: Measuring,
    ) {
        let mut pages = self.pages.lock();
        let page = pages.entry(of).or_insert_with(|| Page::new(account));
        if page.measured > since {
            return;
        }
        if page.owner != account.owner {
            let kept = std::mem::take(&mut page.kept);
            *page = Page::new(account);
            page.kept = kept;
        }
        page.measured = since;
        page.kept.retain(|(at, _)| *at >= since);
        let sum = page.kept.iter().fold(found, |sum, (_, kept)| sum + *kept);
        page.bytes.set(sum.bytes);
        page.files.set(sum.files);
    }

    pub(super) fn forget(&self, of: DiskUse) {
        self.pages.lock().remove(&of);
    }

    pub(super) fn of(&self, of: DiskUse) -> DiskAmount {
        let pages = self.pages.lock();
        pages.get(&of).map_or_else(DiskAmount::default, |page| {
            DiskAmount::new(page.bytes.amount(), page.files.amount())
        })
    }
}

// === impl Page ===

impl Page {
    fn new(account: &Arc<OwnerAccount>) -> Self {
        Self {
            owner: account.owner,
            bytes: account.disk.hold(),
            files: account.files.hold(),
            measured: Measuring(0),
            kept: Vec::new(),
        }
    }
}

// === impl DiskReservation ===

impl DiskReservation {
    /// Whose disk it is.
    pub fn owner(&self) -> AccountId {
        self.account.owner
    }

    /// What is reserved and not kept yet.
    pub fn amount(&self) -> DiskAmount {
        DiskAmount::new(self.bytes.amount(), self.files.amount())
    }

    /// Reserves that much more, before it is written.
    ///
    /// # Errors
    /// The owner's quota; then nothing has changed.
    pub fn grow(&mut self, more: DiskAmount) -> Result<(), Refused> {
        self.bytes.grow(more.bytes)?;
        let files = self.files.grow(more.files);
        if files.is_err() {
            self.bytes.set(self.bytes.amount() - more.bytes);
        }
        files
    }

    /// Reserves what is missing up to an amount.
    ///
    /// # Errors
    /// As [`grow`](Self::grow).
    pub fn reach(&mut self, amount: DiskAmount) -> Result<(), Refused> {
        self.grow(amount - self.amount())
    }

    /// Says no to what would not fit now, and reserves nothing.
    ///
    /// # Errors
    /// The owner's quota.
    pub fn check(&self, more: DiskAmount) -> Result<(), Refused> {
        let (mut bytes, mut files) = (self.account.disk.hold(), self.account.files.hold());
        bytes.grow(more.bytes)?;
        files.grow(more.files)
    }

    /// Gives back what is reserved and not kept.
    pub fn give_back(&mut self) {
        self.bytes.set(0);
        self.files.set(0);
    }

    /// What was written is there to stay, as a part of that, and came to so much. What was reserved beyond is given back;
    /// what was written beyond counts all the same.
    pub fn keep(&mut self, of: DiskUse, written: DiskAmount) {
        let mut pages = self.disk.pages.lock();
        let page = pages.entry(of).or_insert_with(|| Page::new(&self.account));
        page.kept.push((self.disk.now(), written));
        let same_owner = page.owner == self.account.owner;
        for (to, from, amount) in [
            (&mut page.bytes, &mut self.bytes, written.bytes),
            (&mut page.files, &mut self.files, written.files),
        ] {
            let sum = to.amount().saturating_add(amount);
            if same_owner {
                from.pass(to, amount);
            }
            to.set(sum);
            from.set(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Ledger, LedgerLimits};
    use super::*;
    use crate::domain::Quota;

    const LIMIT: u64 = 1000;

    fn ledger() -> Ledger {
        let quota = Quota {
            disk_bytes: LIMIT,
            disk_files: 10,
            ..Quota::UNLIMITED
        };
        Ledger::new(LedgerLimits {
            quota,
            ..LedgerLimits::default()
        })
    }

    #[test]
    fn what_is_kept_while_something_is_measured_is_not_missed() {
        let (ledger, owner, id) = (ledger(), AccountId::new(), RepoUid::new());
        let of = DiskUse::Repository(id);
        let mut room = ledger.reserve_disk(owner);
        room.grow(DiskAmount::new(300, 2)).expect("room");
        let early = ledger.measuring();
        room.keep(of, DiskAmount::new(250, 2));
        let used = || {
            (
                ledger.owner(owner).disk.used(),
                ledger.owner(owner).files.used(),
            )
        };
        assert_eq!(used(), (250, 2));
        // It looked before that was written, or after: which of the two is not known.
        ledger.set_disk(of, owner, DiskAmount::new(0, 0), early);
        assert_eq!(used(), (250, 2));
        let late = ledger.measuring();
        ledger.set_disk(of, owner, DiskAmount::new(240, 2), late);
        // One that began earlier and ends later knows less.
        ledger.set_disk(of, owner, DiskAmount::new(7, 1), early);
        assert_eq!(used(), (240, 2));
        let other = AccountId::new();
        ledger.set_disk(of, other, DiskAmount::new(240, 2), ledger.measuring());
        assert_eq!((used(), ledger.owner(other).disk.used()), ((0, 0), 240));
        ledger.forget_disk(of);
        assert_eq!(ledger.owner(other).disk.used(), 0);
    }

    #[test]
    fn bytes_and_files_are_refused_together_and_given_back() {
        let (ledger, owner) = (ledger(), AccountId::new());
        let mut room = ledger.reserve_disk(owner);
        let refused = room.grow(DiskAmount::new(10, 11)).expect_err("files");
        assert_eq!(refused.resource, crate::domain::Resource::Files);
        assert_eq!(room.amount(), DiskAmount::default());
        room.grow(DiskAmount::new(LIMIT, 1)).expect("room");
        let other = ledger.reserve_disk(owner);
        other.check(DiskAmount::new(1, 0)).expect_err("bytes");
        drop(room);
        other.check(DiskAmount::new(LIMIT, 10)).expect("all of it");
        assert_eq!(ledger.owner(owner).disk.used(), 0);
    }
}
