//! Builds under way: each kind has a lane of its own, so that a long one keeps no short one waiting; in each so many go at
//! once, and owners take turns.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::{
    DiskReservation, FairQueue, Ledger, OwnerAccount, QuotaPool, Refused, Reservation, Ticket, Tier,
};
use crate::domain::{AccountId, DiskAmount, Resource};

/// Kinds of work, each with its own line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Reads and lays out files: a moment, and no build of the owner's quota.
    Files,
    /// Compiles WebAssembly.
    Wasm,
    /// Builds container images.
    Images,
}

/// How much goes on at once in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes {
    /// In [`Lane::Files`].
    pub files: usize,
    /// In [`Lane::Wasm`].
    pub wasm: usize,
    /// In [`Lane::Images`].
    pub images: usize,
}

/// Why a build has no permit yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Others are before it, or as many of its owner's are under way as may be.
    Turn {
        /// Its place in the line, beginning at 1.
        place: usize,
    },
    /// There is no memory for it. It holds no permit meanwhile, and others of whom that is not true go before it.
    Room(Refused),
    /// Its owner has built enough today.
    Day,
}

/// The right to build; its drop gives it back.
#[derive(Debug)]
pub struct BuildPermit {
    /// Given back before the others are told.
    held: Option<Held>,
    ledger: Ledger,
    began: Instant,
    worked: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Held {
    _running: Reservation,
    _of_lane: Reservation,
    _build: Option<Reservation>,
    _memory: Option<Reservation>,
}

/// How one build gets its permits. Cheap to clone; all clones are of the same build.
#[derive(Clone)]
pub struct BuildTurns {
    ledger: Ledger,
    owner: AccountId,
    notify: Told,
    worked: Arc<AtomicU64>,
    /// For what it lays out.
    room: Arc<Mutex<DiskReservation>>,
}

/// Hears why a build waits whenever that may have changed, and `None` when it waits no longer.
type Told = Arc<dyn Fn(Option<&Waiting>) + Send + Sync>;

/// One lane.
#[derive(Debug)]
pub(super) struct Builds {
    lane: Lane,
    running: Arc<QuotaPool>,
    queue: Arc<FairQueue>,
    per_owner: u64,
    /// Of owners that have been here.
    owners: Mutex<HashMap<AccountId, Arc<QuotaPool>>>,
}

/// How soon there may be memory that there was not.
const ROOM: Duration = Duration::from_millis(500);

// === impl Lanes ===

impl Lanes {
    /// The same in each lane.
    pub fn of_each(at_once: usize) -> Self {
        Self {
            files: at_once,
            wasm: at_once,
            images: at_once,
        }
    }
}

// === impl BuildTurns ===

impl BuildTurns {
    /// For a build of that owner's. `notify` hears, again and again, what it waits for; it must not block.
    pub fn new(
        ledger: Ledger,
        owner: AccountId,
        notify: impl Fn(Option<&Waiting>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            room: Arc::new(Mutex::new(ledger.reserve_disk(owner))),
            ledger,
            owner,
            notify: Arc::new(notify),
            worked: Arc::default(),
        }
    }

    /// Waits for the right to build, of its owner and of the host, with that many bytes of memory.
    ///
    /// # Errors
    /// When that much memory will never be there.
    pub async fn take(&self, lane: Lane, memory: u64) -> Result<BuildPermit, Refused> {
        let mut waited = false;
        let notify = |waiting: &Waiting| {
            waited = true;
            (self.notify)(Some(waiting));
        };
        let permit = self.ledger.build_permit(self.owner, lane, memory, notify);
        let mut permit = permit.await?;
        if waited {
            (self.notify)(None);
        }
        permit.worked = Arc::clone(&self.worked);
        Ok(permit)
    }

    /// Reserves room on its owner's disk for what it is about to lay out. All of it is given back with the last clone, which
    /// is kept until what was laid out was measured.
    ///
    /// # Errors
    /// The owner's quota; then nothing has changed.
    pub fn reserve_disk(&self, amount: DiskAmount) -> Result<(), Refused> {
        self.room.lock().grow(amount)
    }

    /// Milliseconds for which it held permits that were given back.
    pub fn worked_millis(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for BuildTurns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BuildTurns")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

// === impl Builds ===

impl Builds {
    pub(super) fn new(lane: Lane, lanes: Lanes) -> Self {
        let at_once = match lane {
            Lane::Files => lanes.files,
            Lane::Wasm => lanes.wasm,
            Lane::Images => lanes.images,
        };
        let limit = u64::try_from(at_once.max(1)).unwrap_or(u64::MAX);
        let per_owner = match lane {
            Lane::Files => 1,
            // However long an owner's modules take, another's finds a place.
            Lane::Wasm => (limit - 1).max(1),
            Lane::Images => limit,
        };
        Self {
            lane,
            running: QuotaPool::new(Resource::Builds, Tier::Host, limit, None),
            queue: Arc::default(),
            per_owner,
            owners: Mutex::default(),
        }
    }

    /// Waits for a permit; `notify` hears why, at first and whenever that may have changed.
    ///
    /// # Errors
    /// When the memory asked for is more than there is in all.
    pub(super) async fn permit(
        &self,
        ledger: &Ledger,
        owner: &OwnerAccount,
        memory: u64,
        mut notify: impl FnMut(&Waiting),
    ) -> Result<BuildPermit, Refused> {
        let ticket = self.queue.enter(owner.owner);
        loop {
            let mut changed = std::pin::pin!(self.queue.changed());
            // From here on no change is missed.
            changed.as_mut().enable();
            let waiting = match self.try_take(ledger, owner, memory, &ticket) {
                Ok(held) => {
                    ticket.served();
                    return Ok(BuildPermit {
                        held: Some(held),
                        ledger: ledger.clone(),
                        began: Instant::now(),
                        worked: Arc::default(),
                    });
                }
                Err(Waiting::Room(refused)) if refused.wanted > refused.limit => {
                    return Err(refused);
                }
                Err(waiting) => waiting,
            };
            notify(&waiting);
            match waiting {
                Waiting::Room(_) => drop(tokio::time::timeout(ROOM, changed).await),
                Waiting::Turn { .. } | Waiting::Day => changed.await,
            }
        }
    }

    fn try_take(
        &self,
        ledger: &Ledger,
        owner: &OwnerAccount,
        memory: u64,
        ticket: &Ticket,
    ) -> Result<Held, Waiting> {
        let turn = || Waiting::Turn {
            place: ticket.place(),
        };
        if let Some(bar) = self.bar(owner, memory) {
            // Of one owner's the first waits for what bars them all, the others for the first.
            let first = ticket.is_next(|other| other != owner.owner);
            return Err(match bar {
                Waiting::Room(_) | Waiting::Day if first => bar,
                _ => turn(),
            });
        }
        if !ticket.is_next(|other| self.bar(&ledger.owner(other), memory).is_some()) {
            return Err(turn());
        }
        let (mut running, mut of_lane) = (self.running.hold(), self.of(owner.owner).hold());
        running.grow(1).map_err(|_| turn())?;
        of_lane.grow(1).map_err(|_| turn())?;
        let mut build = self.counts().then(|| owner.builds.hold());
        if let Some(build) = &mut build {
            build.grow(1).map_err(|_| turn())?;
        }
        let mut held = (memory > 0).then(|| owner.memory.hold());
        if let Some(held) = &mut held {
            held.grow(memory).map_err(Waiting::Room)?;
        }
        Ok(Held {
            _running: running,
            _of_lane: of_lane,
            _build: build,
            _memory: held,
        })
    }

    /// What keeps this owner from building just now, and nobody else.
    fn bar(&self, owner: &OwnerAccount, memory: u64) -> Option<Waiting> {
        if owner.is_built_out() {
            return Some(Waiting::Day);
        }
        let many = self.counts() && !owner.builds.has_room(1);
        if many || !self.of(owner.owner).has_room(1) {
            return Some(Waiting::Turn { place: 1 });
        }
        let refused = owner.memory.refusal(memory).filter(|_| memory > 0);
        refused
            .filter(|refused| refused.tier == Tier::Owner)
            .map(Waiting::Room)
    }

    /// Whether builds here are those of which an owner may have so many at once.
    fn counts(&self) -> bool {
        self.lane != Lane::Files
    }

    fn of(&self, owner: AccountId) -> Arc<QuotaPool> {
        let mut owners = self.owners();
        let pool = owners
            .entry(owner)
            .or_insert_with(|| QuotaPool::new(Resource::Builds, Tier::Owner, self.per_owner, None));
        Arc::clone(pool)
    }

    pub(super) fn look_again(&self) {
        self.queue.look_again();
    }

    pub(super) fn under_way(&self) -> (u64, usize) {
        (self.running.used(), self.queue.len())
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<QuotaPool>>> {
        self.owners.lock()
    }
}

impl Drop for BuildPermit {
    fn drop(&mut self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.worked.fetch_add(millis, Ordering::Relaxed);
        self.held = None;
        // An owner's builds are counted over all lanes.
        self.ledger.builds_look_again();
        // Its memory may be a container's again.
        self.ledger.starts().look_again();
    }
}
