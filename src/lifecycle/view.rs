//! What the outside is told of a Space: derived anew from the facts each time it is asked.

use std::time::Duration;

use parking_lot::Mutex;

use super::{LimitReport, Parts};
use crate::domain::{
    Blocked, BuildState, ExitReason, Hardware, Revision, Sdk, SleepAfter, Space, Stage, StageFacts,
    stage,
};
use crate::ledger::Ticket;
use crate::lifecycle::placement::admission;
use crate::lifecycle::reconcile::runtime_state::{HandleState, InstanceHandle, RuntimeState};
use crate::lifecycle::reconcile::stored::{self, Stored};
use crate::routes::Route;
use crate::store::StoreError;

/// How a Space is doing.
#[derive(Debug, Clone)]
pub struct SpaceView {
    /// In the Hub's words.
    pub stage: Stage,
    /// Whether a visit is answered, or wakes it.
    pub answers: bool,
    /// What is wrong, in words for the author; `None` when nothing is.
    pub error: Option<String>,
    /// What its newest readable card asked for.
    pub sdk: Option<Sdk>,
    /// What it runs on now; `None` while it does not run, and for what takes no compute.
    pub hardware_current: Option<Hardware>,
    /// What it is to run on.
    pub hardware_requested: Option<Hardware>,
    /// Idle time until it sleeps; `None` never.
    pub sleep_after: SleepAfter,
    /// Each limit of the running instance as it is applied.
    pub limits: Vec<LimitReport>,
    /// The commit that answers now.
    pub revision: Option<Revision>,
    /// What it has used.
    pub usage: UsageView,
    /// Its place, beginning at 1, among those that wait until the host has room.
    pub queue_place: Option<usize>,
    /// The place of its newest version, beginning at 1, among those that wait for their turn to be built.
    pub build_place: Option<usize>,
    /// Why it does not start although nothing is wrong with it.
    pub waits: Option<Waits>,
    /// How long its starts take as a rule; `None` while none was measured.
    pub usual_start: Option<Duration>,
    /// The same of its builds.
    pub usual_build: Option<Duration>,
}

/// Why a Space does not start although nothing is wrong with it.
#[derive(Debug, Clone)]
pub struct Waits {
    /// Whose limit it is, and how much of it is in use.
    pub blocked: Blocked,
    /// The same in words for the owner. Nobody else is told what an owner has.
    pub message: String,
}

/// What a Space has used since the server started, and holds now.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsageView {
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Bytes of memory held now.
    pub memory_bytes: u64,
    /// Requests that reached it.
    pub requests: u64,
    /// Milliseconds that its work waited because its CPU credit was spent.
    pub throttled_ms: u64,
    /// Bytes of bodies from visitors.
    pub bytes_in: u64,
    /// Bytes of bodies to visitors.
    pub bytes_out: u64,
    /// Requests that waited for it to wake.
    pub wakes: u64,
}

/// What stands in an error before the lines that an instance printed last.
const LAST_WORDS: &str = "\nIts last output:\n";

// === impl SpaceView ===

impl SpaceView {
    /// What is wrong, without what it printed last: its log has that, and more.
    pub fn cause(&self) -> Option<&str> {
        let error = self.error.as_deref()?;
        Some(
            error
                .split_once(LAST_WORDS)
                .map_or(error, |(cause, _)| cause),
        )
    }

    /// Whether the newest version cannot be, and the one before answers in its place.
    pub fn serves_older(&self) -> bool {
        self.answers
            && matches!(
                self.stage,
                Stage::ConfigError | Stage::BuildError | Stage::NoAppFile
            )
    }
}

/// Looks at a Space.
pub(super) async fn view(
    parts: &Parts,
    space: &Space,
    observed: &Mutex<RuntimeState>,
) -> Result<SpaceView, StoreError> {
    let stored = stored::load(parts, space.id).await?.unwrap_or(Stored {
        space: space.clone(),
        newest: None,
        good: None,
    });
    let account = parts.ledger.known(space.id);
    let spent = account.as_ref().and_then(|account| {
        let computes = parts.hardware_of(space).is_some();
        account.owner.is_spent(computes)
    });
    let usage = account.map_or_else(UsageView::default, |account| {
        let totals = account.totals();
        UsageView {
            cpu_ms: totals.cpu_micros / 1000,
            memory_bytes: account.memory.used(),
            requests: totals.requests(),
            throttled_ms: totals.throttled_micros / 1000,
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            wakes: totals.wakes,
        }
    });
    let observed = observed.lock();
    let waits = admission::refusal(parts, &stored, &observed);
    let blocked = admission::blocked(parts, &stored, &observed).is_some();
    let stage = stage_of(&stored, &observed, blocked);
    let requested = parts.hardware_of(&stored.space).cloned();
    let running = observed.instances.iter().find(|kept| {
        matches!(
            kept.state,
            HandleState::Ready { routed: true, .. } | HandleState::Ready { frozen: true, .. }
        )
    });
    let revision = running.and_then(|kept| {
        let builds = [&stored.newest, &stored.good].into_iter().flatten();
        builds
            .into_iter()
            .find(|build| build.id == kept.build)
            .map(|build| build.revision.clone())
    });
    let entry = parts.entry(&stored.space);
    let answers = entry.as_ref().is_some_and(|entry| {
        entry.barred().is_none() && matches!(entry.route(), Route::Serving(_) | Route::Asleep)
    });
    Ok(SpaceView {
        stage,
        answers,
        error: match &stored.space.disabled {
            Some(reason) => Some(format!(
                "An operator of this server has disabled this Space: {reason}"
            )),
            None => error_of(parts, &stored, &observed, stage)
                .or_else(|| spent.map(crate::lifecycle::metering::usage::spent_today)),
        },
        waits: waits.map(|blocked| Waits {
            message: admission::explain(&blocked),
            blocked,
        }),
        build_place: observed
            .building
            .as_ref()
            .and_then(|building| building.place),
        queue_place: observed.ticket.as_ref().map(Ticket::place),
        sdk: stored.space.sdk.as_deref().and_then(Sdk::from_word),
        hardware_current: requested.clone().filter(|_| running.is_some()),
        hardware_requested: requested,
        sleep_after: stored.space.sleep_after,
        limits: running.map_or_else(Vec::new, |kept| {
            parts.runtimes.for_artifact(&kept.artifact).limits(kept.id)
        }),
        revision,
        usage,
        usual_start: entry.as_ref().and_then(|entry| entry.starts.get()),
        usual_build: entry.as_ref().and_then(|entry| entry.builds.get()),
    })
}

/// The stage that follows from what is stored and what is observed.
pub(super) fn stage_of(stored: &Stored, observed: &RuntimeState, blocked: bool) -> Stage {
    let good = stored.good.as_ref().map(|good| good.id);
    let ready = |kept: &&InstanceHandle| matches!(kept.state, HandleState::Ready { .. });
    let starting = |kept: &&InstanceHandle| matches!(kept.state, HandleState::Starting { .. });
    stage(StageFacts {
        desired: stored.space.wanted(),
        build: stored.newest.as_ref().map(|build| {
            let fault = build
                .error
                .as_ref()
                .filter(|_| build.state == BuildState::Failed)
                .map(|error| error.fault);
            (build.state, fault)
        }),
        current_ready: observed.instances.iter().filter(ready).any(|kept| {
            Some(kept.build) == good
                && matches!(
                    kept.state,
                    HandleState::Ready { routed: true, .. }
                        | HandleState::Ready { frozen: true, .. }
                )
        }),
        any_ready: observed.instances.iter().any(|kept| ready(&kept)),
        starting: observed
            .instances
            .iter()
            .filter(starting)
            .any(|kept| Some(kept.build) == good),
        failed: failure(stored, observed).is_some(),
        asleep: observed.asleep,
        blocked,
    })
}

/// Why the newest good build last failed to run, if it did, and what it last printed.
fn failure<'a>(
    stored: &Stored,
    observed: &'a RuntimeState,
) -> Option<(&'a ExitReason, &'a [String])> {
    let good = stored.good.as_ref()?.id;
    observed
        .instances
        .iter()
        .rev()
        .find_map(|kept| match &kept.state {
            HandleState::Ended {
                reason,
                log_tail,
                failures,
                ..
            } if kept.build == good && *failures > 0 => Some((reason, log_tail.as_slice())),
            _ => None,
        })
}

fn error_of(
    parts: &Parts,
    stored: &Stored,
    observed: &RuntimeState,
    stage: Stage,
) -> Option<String> {
    match stage {
        Stage::NoAppFile | Stage::ConfigError | Stage::BuildError => {
            let newest = stored.newest.as_ref()?;
            newest.error.as_ref().map(|error| error.message.clone())
        }
        Stage::RuntimeError => last_failure(stored, observed),
        // What went wrong the last time is true until something better is known.
        Stage::AppStarting | Stage::RunningAppStarting => {
            notice(parts, stored, observed).or_else(|| last_failure(stored, observed))
        }
        Stage::Running => notice(parts, stored, observed),
        _ => None,
    }
}

/// What its runtime has to say of the newest instance of what is to run.
fn notice(parts: &Parts, stored: &Stored, observed: &RuntimeState) -> Option<String> {
    let good = stored.good.as_ref()?.id;
    let alive = |kept: &&InstanceHandle| {
        kept.build == good && !matches!(kept.state, HandleState::Ended { .. })
    };
    let kept = observed.instances.iter().rev().find(alive)?;
    parts.runtimes.for_artifact(&kept.artifact).notice(kept.id)
}

fn last_failure(stored: &Stored, observed: &RuntimeState) -> Option<String> {
    let (reason, log_tail) = failure(stored, observed)?;
    let mut message = reason.message();
    if !log_tail.is_empty() {
        message += LAST_WORDS;
        message += &log_tail.join("\n");
    }
    Some(message)
}

/// One sentence for a visitor whom no instance can serve.
pub(super) fn for_visitor(stage: Stage) -> &'static str {
    match stage {
        Stage::NoAppFile => "Nothing has been published here yet.",
        Stage::ConfigError | Stage::BuildError => {
            "The published version could not be built. Its author can see why."
        }
        Stage::RuntimeError => "This Space does not start. Its author can see why.",
        Stage::Paused => "Its owner has paused this Space.",
        Stage::Deleting => "This Space is being removed.",
        _ => "This Space is not ready.",
    }
}
