//! Who may be connected: so many in all, so many from one address, and who goes when there is no room.
//!
//! A connection that waits for a request's header, its first or its next, costs the client nothing, so it is the one
//! that goes: the oldest of them, of the same address when that has its share, else of all. One whose request is under
//! way never does.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use crate::domain::household;

/// All places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// Of one address.
    share: usize,
    /// They speak for many, and have no share.
    proxies: Vec<IpAddr>,
    began: Instant,
    here: Mutex<Here>,
}

#[derive(Debug, Default)]
struct Here {
    next: u64,
    seats: BTreeMap<u64, Arc<Seat>>,
    of_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; its drop gives it back.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    seat: Arc<Seat>,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Seat {
    /// `None` for a proxy.
    address: Option<IpAddr>,
    began: Instant,
    /// Since when it waits for a header, in nanoseconds; or one of the two below.
    waits_since: AtomicU64,
    /// Cancelled when it has to go.
    leave: CancellationToken,
}

/// Its request is under way.
const BUSY: u64 = u64::MAX;

/// It has been told to go.
const LEAVING: u64 = u64::MAX - 1;

/// Between two looks for somebody who can go while all places are taken.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

// === impl Places ===

impl Places {
    pub(super) fn new(config: &ServerConfig) -> Arc<Self> {
        let share = config.max_connections_per_address;
        Arc::new(Self {
            free: Arc::new(Semaphore::new(config.max_connections)),
            share: share.unwrap_or_else(|| (config.max_connections / 4).max(1)),
            proxies: config.trusted_proxies.clone(),
            began: Instant::now(),
            here: Mutex::default(),
        })
    }

    /// A place for one who has just connected, waited for where all are taken by those who are busy. `None` when its
    /// address has its share, and all of it is busy.
    pub(super) async fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip().to_canonical();
        let address = (!self.proxies.contains(&address)).then(|| household(address));
        if address.is_some_and(|address| self.has_its_share(address))
            && !self.send_away(|seat| seat.address == address)
        {
            return None;
        }
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            self.send_away(|_| true);
            let freed = Arc::clone(&self.free).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(LOOK_AGAIN, freed).await {
                // Never closed.
                break permit.ok()?;
            }
        };
        let seat = Arc::new(Seat {
            address,
            began: self.began,
            waits_since: AtomicU64::new(nanos(self.began.elapsed())),
            leave: CancellationToken::new(),
        });
        let mut here = self.lock();
        let number = here.next;
        here.next += 1;
        here.seats.insert(number, Arc::clone(&seat));
        if let Some(address) = address {
            *here.of_address.entry(address).or_default() += 1;
        }
        drop(here);
        Some(Place {
            number,
            seat,
            places: Arc::clone(self),
            _permit: permit,
        })
    }

    fn has_its_share(&self, address: IpAddr) -> bool {
        self.lock().of_address.get(&address).copied().unwrap_or(0) >= self.share
    }

    /// Tells the one who has waited longest to go. `false` if nobody waits.
    fn send_away(&self, whom: impl Fn(&Seat) -> bool) -> bool {
        let here = self.lock();
        loop {
            let waiting = here.seats.values().filter(|seat| whom(seat));
            let oldest = waiting
                .map(|seat| (seat.waits_since.load(Ordering::Acquire), seat))
                .filter(|(since, _)| *since < LEAVING)
                .min_by_key(|(since, _)| *since);
            let Some((since, seat)) = oldest else {
                return false;
            };
            // Its request may have come in this moment.
            let told = seat.waits_since.compare_exchange(
                since,
                LEAVING,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if told.is_ok() {
                seat.leave.cancel();
                return true;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut here = self.places.lock();
        here.seats.remove(&self.number);
        if let Some(address) = self.seat.address
            && let Some(count) = here.of_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                here.of_address.remove(&address);
            }
        }
    }
}

// === impl Seat ===

impl Seat {
    /// It waits for a header from here on.
    pub(super) fn waits(&self) {
        let now = nanos(self.began.elapsed());
        let busy = BUSY;
        // One that was told to go stays told.
        let _ = self
            .waits_since
            .compare_exchange(busy, now, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// A whole header has come.
    pub(super) fn is_asking(&self) {
        self.waits_since.store(BUSY, Ordering::Release);
    }

    /// Whether no request is under way.
    pub(super) fn is_waiting(&self) -> bool {
        self.waits_since.load(Ordering::Acquire) != BUSY
    }

    /// Done when it has to go.
    pub(super) async fn told_to_leave(&self) {
        self.leave.cancelled().await;
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(LEAVING - 1)
}
