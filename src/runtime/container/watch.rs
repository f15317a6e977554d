//! Looks after a container while it runs: what it prints, what it uses, and how it ends.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{KillContainerOptions, LogsOptions, WaitContainerOptions};
use futures_util::StreamExt;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::super::Ended;
use super::cpu::cpu;
use super::inspect::{inspect, is_absent};
use super::stop::remove;
use super::storage::STORAGE;
use super::{Inner, Running, exit_reason, name_of};
use crate::docker::{free, held_open, most_files, own_layer, written};
use crate::domain::{ExitReason, Millis, bytes_text};

/// Between looks while the engine does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two looks at the disks of a container that may come near its limit before it is measured again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Bytes that are written in a millisecond, at most.
const FASTEST: u64 = 1 << 20;
/// Measuring what is much takes long: at most this share of the time.
const SHARE: u32 = 4;

/// Its log is usually read to its end within this time after its end.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Copies what the container prints into the Space's run log, until it ends, also across an engine that goes away and
/// comes back. What was printed up to `after` is there already.
pub(super) fn follow_log(docker: Docker, running: Arc<Running>, after: Option<Millis>) {
    tokio::spawn(async move {
        let name = name_of(running.instance);
        let mut after = after;
        loop {
            copy_log(&docker, &running, &name, &mut after).await;
            match inspect(&docker, &name).await {
                Ok(inspected)
                    if inspected
                        .state
                        .as_ref()
                        .is_some_and(|state| state.running == Some(true)) => {}
                Err(_) if !running.is_stopping() && !is_absent(&docker, &name).await => {}
                _ => return,
            }
            sleep(PAUSE).await;
        }
    });
}

/// Copies until the stream ends, and leaves in `after` when the last line was printed.
async fn copy_log(docker: &Docker, running: &Running, name: &str, after: &mut Option<Millis>) {
    let options = LogsOptions {
        follow: true,
        stdout: true,
        stderr: true,
        timestamps: true,
        since: after
            .and_then(|after| i32::try_from(after / 1000).ok())
            .unwrap_or(0),
        ..LogsOptions::default()
    };
    let known = *after;
    let mut chunks = docker.logs(name, Some(options));
    while let Some(Ok(chunk)) = chunks.next().await {
        let chunk = chunk.into_bytes();
        let text = String::from_utf8_lossy(&chunk);
        // The engine sends one line a frame, cut at 16 KiB, with its time before it.
        let (at, line) = text.split_once(' ').unwrap_or(("", &text));
        let at = at.parse::<jiff::Timestamp>().ok();
        let at = at.map(jiff::Timestamp::as_millisecond);
        if at.is_some_and(|at| known.is_some_and(|known| at <= known)) {
            continue;
        }
        *after = at.or(*after);
        for line in line.trim_end_matches(['\r', '\n']).split('\n') {
            running.keep_tail(line);
            running.say(line);
        }
    }
}

/// Watches until the container ends, and tells of an end that nobody asked for.
pub(super) fn watch(inner: Arc<Inner>, docker: Docker, running: Arc<Running>) {
    tokio::spawn(async move {
        let reason = tokio::select! {
            reason = ended(&docker, &running) => reason,
            reason = measure(&inner, &docker, &running) => reason,
            exposed = inner.exposed() => ExitReason::Exposed(exposed),
        };
        if running.is_stopping() {
            return;
        }
        sleep(LAST_LINES).await;
        running.say(&reason.message());
        let name = name_of(running.instance);
        // The engine does not end what is frozen.
        let _ = docker.unpause_container(&name).await;
        if let Err(error) = remove(&docker, &name).await {
            tracing::warn!(container = %name, "a container that ended could not be removed: {error:#}");
        }
        inner.running.lock().remove(&running.instance);
        running.give_back();
        // The other end is gone when the server stops.
        let _ = inner.endings.send(Ended {
            workload: running.workload,
            instance: running.instance,
            reason,
            log_tail: running.log_tail(),
        });
    });
}

/// Waits for the end. The engine may go away and come back meanwhile.
async fn ended(docker: &Docker, running: &Running) -> ExitReason {
    let name = name_of(running.instance);
    loop {
        let mut wait = std::pin::pin!(docker.wait_container(&name, None::<WaitContainerOptions>));
        // Whatever it says, the state says it better.
        let _ = wait.next().await;
        match inspect(docker, &name).await {
            Ok(inspected) if has_ended(&inspected) => {
                return exit_reason::reason(docker, running, &inspected).await;
            }
            Ok(_) => {}
            Err(_) if is_absent(docker, &name).await => return ExitReason::Lost,
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Whether the engine says that it runs no more.
pub(super) fn has_ended(inspected: &ContainerInspectResponse) -> bool {
    let state = inspected.state.as_ref();
    state.is_some_and(|state| state.running != Some(true))
}

/// Measures again and again; returns when it has written more than it may, and runs no more.
async fn measure(inner: &Arc<Inner>, docker: &Docker, running: &Running) -> ExitReason {
    let name = name_of(running.instance);
    // Engines take a second to say how much CPU time was used, in which much can be written.
    let beyond = tokio::select! {
        beyond = measure_disk(inner, docker, running, &name) => beyond,
        never = measure_cpu(inner, docker, running, &name) => match never {},
    };
    let _ = docker
        .kill_container(&name, None::<KillContainerOptions>)
        .await;
    beyond
}

async fn measure_cpu(inner: &Inner, docker: &Docker, running: &Running, name: &str) -> Infallible {
    let mut rounds = interval(inner.settings.measure_every);
    loop {
        rounds.tick().await;
        if !running.frozen.load(Ordering::Acquire)
            && let Some(sample) = cpu(docker, name).await
        {
            running.charge(sample);
        }
    }
}

async fn measure_disk(
    inner: &Arc<Inner>,
    docker: &Docker,
    running: &Running,
    name: &str,
) -> ExitReason {
    loop {
        let until = Instant::now() + inner.settings.measure_every;
        while !running.frozen.load(Ordering::Acquire)
            && let Some(disk) = disk(inner, docker, running, name).await
        {
            if let Some(beyond) = disk.beyond {
                return beyond;
            }
            if !disk.fills(until).await {
                break;
            }
        }
        sleep_until(until).await;
    }
}

/// Tells its author, once, that one of its processes was ended for want of memory while the others went on.
fn tell_of_memory(found: &ContainerInspectResponse, running: &Running) {
    let state = found.state.as_ref();
    let ended = state.is_some_and(|state| state.oom_killed == Some(true));
    if ended && !running.told_of_memory.swap(true, Ordering::AcqRel) {
        running.say(&format!(
            "One of its processes was killed: together they needed more than the {} of memory of its hardware.",
            bytes_text(running.memory_bytes)
        ));
    }
}

/// What a container has written, measured.
struct Disk {
    /// The limit or quota that it exceeds.
    beyond: Option<ExitReason>,
    /// Bytes left until it does.
    room: u64,
    /// Where it writes to, and what was left there to everybody.
    folders: Vec<(PathBuf, u64)>,
    /// How long it took to measure.
    took: Duration,
}

async fn disk(inner: &Arc<Inner>, docker: &Docker, running: &Running, name: &str) -> Option<Disk> {
    let began = Instant::now();
    let found = inspect(docker, name).await.ok()?;
    tell_of_memory(&found, running);
    let folders = own_layer(&found).into_iter();
    let folders = folders.chain(running.storage_bytes.map(|_| inner.storage().to_owned()));
    let folders = folders.filter_map(|folder| Some((folder.clone(), free(&folder)?)));
    let mut disk = Disk {
        beyond: None,
        room: 0,
        folders: folders.collect(),
        took: Duration::ZERO,
    };
    let written = written(docker, found.clone()).await.ok()?;
    let limit = inner.settings.disk_bytes;
    if written.bytes > limit || written.files > most_files(limit) {
        disk.beyond = Some(ExitReason::OutOfDisk { limit });
        return Some(disk);
    }
    disk.room = limit - written.bytes;
    if let Some(limit) = running.storage_bytes {
        let (inner, workload) = (Arc::clone(inner), running.workload);
        let since = running.account.measuring();
        let stored = tokio::task::spawn_blocking(move || {
            inner.stored(workload) + held_open(&found, STORAGE)
        });
        let stored = stored.await.ok()?;
        if stored.bytes > limit {
            disk.beyond = Some(ExitReason::OutOfDisk { limit });
            return Some(disk);
        }
        let quota = &running.account.owner.disk;
        let refused = running.account.set_storage(stored, since).err();
        disk.beyond = refused.map(|refused| ExitReason::OverQuota(refused.resource));
        let of_quota = quota.limit().saturating_sub(quota.used());
        disk.room = disk.room.min(limit - stored.bytes).min(of_quota);
    }
    disk.took = began.elapsed();
    Some(disk)
}

// === impl Disk ===

impl Disk {
    /// Waits until so much was written to its disks, by whomever, that it may be near its limit; false when that moment
    /// comes first.
    async fn fills(&self, until: Instant) -> bool {
        // Half of the room cannot be used up before.
        let half = Duration::from_millis(self.room / FASTEST / 2);
        let often = LOOK_EVERY.max(self.took * SHARE).max(half);
        loop {
            let next = Instant::now() + often;
            if next >= until {
                return false;
            }
            sleep_until(next).await;
            let mut folders = self.folders.iter();
            let filled = |(folder, before): &(PathBuf, u64)| {
                free(folder).is_some_and(|now| before.saturating_sub(now) > self.room / 2)
            };
            if folders.any(filled) {
                return true;
            }
        }
    }
}
