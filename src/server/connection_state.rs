//! What a connection does, and whether it was told to go.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct ConnectionState {
    /// `None` for a proxy.
    address: Option<IpAddr>,
    began: Instant,
    /// A [`Stage`], since when, in nanoseconds, and whether it was told to go: less is sooner sent away.
    stage: AtomicU64,
    /// Cancelled when it has to go.
    leave: CancellationToken,
}

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Stage {
    /// It waits for a header.
    Waits = 0,
    /// A whole header has come, and not yet all of the body.
    Sends = 1 << STAGE,
    /// A whole request has come, and no answer yet.
    Asks = 2 << STAGE,
    /// The answer is on its way, or HTTP was left.
    Hears = 3 << STAGE,
}

/// Where the stage stands in a state.
const STAGE: u32 = 61;

/// It has been told to go.
const LEAVING: u64 = 1 << 63;

// === impl ConnectionState ===

impl ConnectionState {
    /// It waits for its first header. `began` is a moment before all others of its server.
    pub(super) fn new(address: Option<IpAddr>, began: Instant) -> Self {
        Self {
            address,
            began,
            stage: AtomicU64::new(nanos(began.elapsed())),
            leave: CancellationToken::new(),
        }
    }

    /// Whose it is; `None` for a proxy.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Its stage and since when, as one number, less for who is sooner sent away; `None` once it was told to go.
    pub(super) fn rank(&self) -> Option<u64> {
        Some(self.stage.load(Ordering::Acquire)).filter(|known| *known < LEAVING)
    }

    /// Tells it to go if it still has that rank: its request may have come in this moment.
    pub(super) fn send_away(&self, rank: u64) -> bool {
        let told =
            self.stage
                .compare_exchange(rank, rank | LEAVING, Ordering::AcqRel, Ordering::Relaxed);
        if told.is_ok() {
            self.leave.cancel();
        }
        told.is_ok()
    }

    /// It waits for a header from here on.
    pub(super) fn waits(&self) {
        if self.stage() != Stage::Waits {
            self.goes_to(Stage::Waits);
        }
    }

    /// All of the request has come.
    pub(super) fn has_come(&self) {
        if self.stage() == Stage::Sends {
            self.goes_to(Stage::Asks);
        }
    }

    /// The head of the answer is there.
    pub(super) fn hears(&self) {
        self.goes_to(Stage::Hears);
    }

    /// Whether no request is under way.
    pub(super) fn is_waiting(&self) -> bool {
        self.stage() == Stage::Waits
    }

    /// Whether a request waits for its answer.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage(), Stage::Sends | Stage::Asks)
    }

    /// Done when it has to go.
    pub(super) async fn told_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Whether it has to go.
    pub(super) fn is_leaving(&self) -> bool {
        self.leave.is_cancelled()
    }

    /// One that was told to go stays told.
    pub(super) fn goes_to(&self, stage: Stage) {
        let state = stage as u64 | nanos(self.began.elapsed());
        // Only another thread that tells it to go comes between, once.
        let _ = (self.stage).fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            Some(before & LEAVING | state)
        });
    }

    pub(super) fn stage(&self) -> Stage {
        stage(self.stage.load(Ordering::Acquire))
    }

    /// When its stage began, in nanoseconds.
    pub(super) fn since(&self) -> u64 {
        self.stage.load(Ordering::Acquire) & ((1 << STAGE) - 1)
    }
}

pub(super) fn stage(state: u64) -> Stage {
    match state >> STAGE & 3 {
        0 => Stage::Waits,
        1 => Stage::Sends,
        2 => Stage::Asks,
        _ => Stage::Hears,
    }
}

/// For 73 years.
pub(super) fn nanos(time: Duration) -> u64 {
    let most = (1 << STAGE) - 1;
    u64::try_from(time.as_nanos()).unwrap_or(most).min(most)
}
