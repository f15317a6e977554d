//! Looks after a container while it runs: what it prints, what it uses, and how it ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerState;
use bollard::query_parameters::{
    InspectContainerOptions, LogsOptions, StatsOptions, WaitContainerOptions,
};
use futures_util::StreamExt;
use tokio::time::{interval, sleep};

use super::super::Ended;
use super::start::{inspect, is_absent};
use super::stop::remove;
use super::{Inner, Running, lock, name_of};
use crate::domain::{ExitReason, Millis};

/// Between looks while the engine does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Its log is usually read to its end within this time after its end.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Copies what the container prints into the Space's run log, until it ends. What was printed up to `after` is there
/// already.
pub(super) fn follow_log(docker: Docker, running: Arc<Running>, after: Option<Millis>) {
    tokio::spawn(async move {
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
        let mut chunks = docker.logs(&name_of(running.instance), Some(options));
        while let Some(Ok(chunk)) = chunks.next().await {
            let chunk = chunk.into_bytes();
            let text = String::from_utf8_lossy(&chunk);
            // The engine sends one line a frame, cut at 16 KiB, with its time before it.
            let (at, line) = text.split_once(' ').unwrap_or(("", &text));
            let at = at.parse::<jiff::Timestamp>().ok();
            let seen = |after| at.is_some_and(|at| at.as_millisecond() <= after);
            if after.is_some_and(seen) {
                continue;
            }
            for line in line.trim_end_matches(['\r', '\n']).split('\n') {
                running.heard(line);
                running.say(line);
            }
        }
    });
}

/// Watches until the container ends, and tells of an end that nobody asked for.
pub(super) fn watch(inner: Arc<Inner>, docker: Docker, running: Arc<Running>) {
    tokio::spawn(async move {
        let reason = tokio::select! {
            reason = ended(&docker, &running) => reason,
            reason = measure(&inner, &docker, &running) => reason,
        };
        if running.is_stopping() {
            return;
        }
        sleep(LAST_LINES).await;
        running.say(&reason.message());
        let name = name_of(running.instance);
        if let Err(error) = remove(&docker, &name).await {
            tracing::warn!(container = %name, "a container that ended could not be removed: {error:#}");
        }
        lock(&inner.running).remove(&running.instance);
        // The other end is gone when the server stops.
        let _ = inner.endings.send(Ended {
            space: running.space,
            instance: running.instance,
            reason,
            last_words: running.last_words(),
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
            Ok(inspected) => match inspected.state {
                Some(state) if state.running != Some(true) => return end_of(&state),
                _ => {}
            },
            Err(_) if is_absent(docker, &name).await => return ExitReason::Lost,
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Why it ended, from the engine's account.
pub(super) fn end_of(state: &ContainerState) -> ExitReason {
    let code = state
        .exit_code
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(-1);
    if state.oom_killed == Some(true) {
        ExitReason::OutOfMemory
    } else {
        ExitReason::Exited { code }
    }
}

/// Measures again and again; returns when it has written more than it may.
async fn measure(inner: &Arc<Inner>, docker: &Docker, running: &Running) -> ExitReason {
    let name = name_of(running.instance);
    let mut rounds = interval(inner.settings.measure_every);
    loop {
        rounds.tick().await;
        if running.frozen.load(Ordering::Acquire) {
            continue;
        }
        if let Some(total) = cpu_total(docker, &name).await {
            running.charge(total);
        }
        if let Some(limit) = over_disk(inner, docker, running, &name).await {
            return ExitReason::OutOfDisk { limit };
        }
    }
}

/// CPU time of all its processes since its start, in nanoseconds.
pub(super) async fn cpu_total(docker: &Docker, name: &str) -> Option<u64> {
    let options = StatsOptions {
        stream: false,
        one_shot: true,
    };
    let mut stats = std::pin::pin!(docker.stats(name, Some(options)));
    let sample = tokio::time::timeout(Duration::from_secs(5), stats.next());
    let stats = sample.await.ok()??.ok()?;
    stats.cpu_stats?.cpu_usage?.total_usage
}

/// The limit that what it has written exceeds.
async fn over_disk(
    inner: &Arc<Inner>,
    docker: &Docker,
    running: &Running,
    name: &str,
) -> Option<u64> {
    let options = InspectContainerOptions { size: true };
    let written = docker
        .inspect_container(name, Some(options))
        .await
        .ok()?
        .size_rw
        .and_then(|bytes| u64::try_from(bytes).ok())
        .unwrap_or(0);
    if written > inner.settings.disk_bytes {
        return Some(inner.settings.disk_bytes);
    }
    let limit = running.storage_bytes?;
    let (inner, space) = (Arc::clone(inner), running.space);
    let stored = tokio::task::spawn_blocking(move || inner.stored_bytes(space));
    (stored.await.unwrap_or(0) > limit).then_some(limit)
}
