//! Who may be connected: so many in all, so many from one address, and who goes when there is no room.
//!
//! A connection that has waited a while for a request's header, its first or its next, costs the client nothing, so it is the
//! one that goes: the oldest of them, of the same address when that has its share, else of all. Where all are busy, the rule of
//! [`Shares`] says whose goes, and of those one that nothing has been answered on before one whose answer is on its way. Where
//! nobody holds more than others, a newcomer who holds none takes the place of the request that has taken longest to arrive.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection_state::{ConnectionState, Stage, nanos, stage};
use super::shares::Shares;
use crate::config::ServerConfig;
use crate::domain::{household, site};

/// All places of a listener.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    free: Arc<Semaphore>,
    /// Of one address.
    share: usize,
    /// They speak for many, and have no share.
    proxies: Vec<IpAddr>,
    began: Instant,
    /// How long a body may be on its way before the need of a stranger who holds nothing.
    fresh_body: Duration,
    here: Mutex<Here>,
}

#[derive(Debug, Default)]
struct Here {
    next: u64,
    states: BTreeMap<u64, Taken>,
    of_address: HashMap<IpAddr, usize>,
    shares: Shares,
}

#[derive(Debug)]
struct Taken {
    state: Arc<ConnectionState>,
    /// Who holds it: through a proxy, whoever asked last.
    holder: Option<IpAddr>,
}

/// The place of one connection; its drop gives it back.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    number: u64,
    state: Arc<ConnectionState>,
    connection_limit: Arc<ConnectionLimit>,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The address has its share, and all of it is busy.
    Address,
    /// All are busy, and nobody holds more than the address does.
    Server,
}

/// Between two looks for somebody who can go while all places are taken.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a header may be on its way before a stranger's need goes before it.
const FRESH: Duration = Duration::from_secs(1);

/// [`ConnectionLimit::fresh_body`].
const FRESH_BODY: Duration = Duration::from_secs(10);

// === impl ConnectionLimit ===

impl ConnectionLimit {
    pub(super) fn new(config: &ServerConfig) -> Arc<Self> {
        let share = config.max_connections_per_address;
        Arc::new(Self {
            free: Arc::new(Semaphore::new(config.max_connections)),
            share: share.unwrap_or_else(|| (config.max_connections / 4).max(1)),
            proxies: config.trusted_proxies.clone(),
            began: Instant::now(),
            fresh_body: FRESH_BODY,
            here: Mutex::default(),
        })
    }

    /// A place for one who has just connected. Whoever holds none yet waits for one.
    pub(super) async fn enter(
        self: &Arc<Self>,
        peer: SocketAddr,
    ) -> Result<ConnectionPermit, Refusal> {
        let address = peer.ip().to_canonical();
        let address = (!self.proxies.contains(&address)).then(|| household(address));
        if address.is_some_and(|address| self.has_its_share(address))
            && !self
                .lock()
                .send_away(|taken, stage| stage == Stage::Waits && taken.state.address() == address)
        {
            return Err(Refusal::Address);
        }
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            if !self.make_room(address) && self.lock().shares.held(address) > 0 {
                return Err(Refusal::Server);
            }
            let freed = Arc::clone(&self.free).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(LOOK_AGAIN, freed).await {
                // Never closed.
                break permit.map_err(|_| Refusal::Server)?;
            }
        };
        let state = Arc::new(ConnectionState::new(address, self.began));
        let mut here = self.lock();
        let number = here.next;
        here.next += 1;
        let taken = Taken {
            state: Arc::clone(&state),
            holder: None,
        };
        here.states.insert(number, taken);
        here.charge(number, address);
        if let Some(address) = address {
            *here.of_address.entry(address).or_default() += 1;
        }
        drop(here);
        Ok(ConnectionPermit {
            number,
            state,
            connection_limit: Arc::clone(self),
            _permit: permit,
        })
    }

    fn has_its_share(&self, address: IpAddr) -> bool {
        self.lock().of_address.get(&address).copied().unwrap_or(0) >= self.share
    }

    /// Tells somebody to go for a newcomer from that address. `false` if nobody has to.
    fn make_room(&self, newcomer: Option<IpAddr>) -> bool {
        let before = |age| nanos(self.began.elapsed().saturating_sub(age));
        let here = self.lock();
        let late = |taken: &Taken, age| taken.state.since() < before(age);
        if here.send_away(|taken, stage| stage == Stage::Waits && late(taken, FRESH)) {
            return true;
        }
        if let Some(richest) = here.shares.who_gives_way(newcomer) {
            return here.send_away(|taken, _| taken.holder.map(site) == Some(richest));
        }
        here.shares.held(newcomer) == 0
            && here.send_away(|taken, stage| stage == Stage::Sends && late(taken, self.fresh_body))
    }

    fn lock(&self) -> MutexGuard<'_, Here> {
        self.here.lock()
    }
}

// === impl Here ===

impl Here {
    /// Tells one of those to go: of the least stage, the one that has been in it for longest. `false` if there is none.
    fn send_away(&self, whom: impl Fn(&Taken, Stage) -> bool) -> bool {
        loop {
            let oldest = (self.states.values())
                .filter_map(|taken| Some((taken.state.rank()?, taken)))
                .filter(|(rank, taken)| whom(taken, stage(*rank)))
                .min_by_key(|(rank, _)| *rank);
            let Some((rank, taken)) = oldest else {
                return false;
            };
            if taken.state.send_away(rank) {
                return true;
            }
        }
    }

    /// The connection counts for that address from here on, and for no other.
    fn charge(&mut self, number: u64, address: Option<IpAddr>) {
        let Some(taken) = self.states.get_mut(&number) else {
            return;
        };
        if taken.holder != address {
            if let Some(before) = std::mem::replace(&mut taken.holder, address) {
                self.shares.give_back(before);
            }
            if let Some(address) = address {
                self.shares.take(address);
            }
        }
    }
}

// === impl ConnectionPermit ===

impl ConnectionPermit {
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// A whole header has come, from that client, and perhaps the whole request.
    pub(super) fn is_asked_by(&self, client: IpAddr, whole: bool) {
        self.state.goes_to(match whole {
            true => Stage::Asks,
            false => Stage::Sends,
        });
        if self.state.address().is_none() {
            let client = Some(household(client));
            self.connection_limit.lock().charge(self.number, client);
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut here = self.connection_limit.lock();
        here.charge(self.number, None);
        here.states.remove(&self.number);
        if let Some(address) = self.state.address()
            && let Some(count) = here.of_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                here.of_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn peer(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 1).into()
    }

    /// Gives the place back when it is told to go.
    async fn leaves(permit: ConnectionPermit) {
        permit.state().told_to_leave().await;
    }

    #[tokio::test]
    async fn a_body_on_its_way_for_long_gives_way_to_who_holds_nothing() {
        let mut config = Config::defaults().server;
        config.max_connections = 2;
        config.max_connections_per_address = Some(2);
        let mut limit = Arc::into_inner(ConnectionLimit::new(&config)).expect("alone");
        limit.fresh_body = Duration::from_millis(200);
        let limit = Arc::new(limit);
        let slow = limit.enter(peer(1)).await.expect("free");
        let whole = limit.enter(peer(2)).await.expect("free");
        slow.is_asked_by(peer(1).ip(), false);
        whole.is_asked_by(peer(2).ip(), false);
        whole.state().has_come();
        let whole_state = Arc::clone(whole.state());
        let slow = tokio::spawn(leaves(slow));
        let began = Instant::now();
        let newcomer = tokio::time::timeout(Duration::from_secs(5), limit.enter(peer(3))).await;
        let newcomer = newcomer.expect("not for ever").expect("a place");
        assert!(
            began.elapsed() >= Duration::from_millis(150),
            "{:?}",
            began.elapsed()
        );
        slow.await.expect("gone");
        assert!(!whole_state.is_leaving(), "it waits for its answer");
        // Whoever holds one already is turned away, for nobody holds more.
        let again = limit.enter(peer(3)).await;
        assert_eq!(again.err(), Some(Refusal::Server));
        drop((whole, newcomer));
    }
}
