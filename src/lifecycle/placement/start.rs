//! Starts instances, each in a task of its own: a container may take half an hour until it answers, and meanwhile its
//! owner may pause, publish or delete.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::mounts;
use super::{admission, environment};
use crate::domain::{BuildFacts, BuildId, ExitReason, InstanceId, Space};
use crate::ledger::ContainerSlot;
use crate::lifecycle::now;
use crate::lifecycle::reconcile::runtime_state::{HandleState, InstanceHandle};
use crate::lifecycle::reconcile::stored::Stored;
use crate::lifecycle::reconcile::supervisor::Supervisor;
use crate::runtime::{InstanceSpec, Runtime, RuntimeError};

/// Begins to start an instance of a build.
pub(in crate::lifecycle) fn begin(supervisor: &Supervisor, stored: &Stored, build: BuildId) {
    let good = stored.good.clone().filter(|good| good.id == build);
    let Some((good, artifact)) =
        good.and_then(|good| good.artifact.clone().map(|artifact| (good, artifact)))
    else {
        return;
    };
    let space = stored.space.clone();
    let id = InstanceId::new();
    let cancel = CancellationToken::new();
    let runtime = supervisor.parts.runtimes.for_artifact(&artifact);
    let reservation = match runtime.reserves() {
        false => None,
        true => match admission::reserve(supervisor, &space) {
            None => return,
            reserved => reserved,
        },
    };
    {
        let mut observed = supervisor.own.observed.lock();
        observed.asleep = false;
        observed.give_way = false;
        observed.full_until = None;
        observed.refused = None;
        observed.in_place = false;
        observed.making_room = false;
        observed.instances.push(InstanceHandle {
            id,
            build,
            restarts: space.restarts,
            artifact,
            state: HandleState::Starting {
                cancel: cancel.clone(),
            },
        });
    }
    let supervisor = supervisor.clone();
    supervisor.tasks.clone().spawn(async move {
        // Boxed: what a start holds is large, and most tasks of a supervisor are not starts.
        let starting = start(&supervisor, &space, &good, id, reservation, cancel);
        let started = Box::pin(starting).await;
        if let Err(error) = started {
            let name = &space.name;
            tracing::error!(space = %name, "{name} could not be started: {error:#}");
            let mut observed = supervisor.own.observed.lock();
            observed.end(id, ExitReason::ServerFailed, Vec::new(), now());
        }
        supervisor.own.nudge.notify_one();
    });
}

async fn start(
    supervisor: &Supervisor,
    space: &Space,
    good: &BuildFacts,
    id: InstanceId,
    reservation: Option<Arc<ContainerSlot>>,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let Some(mut spec) = spec(supervisor, space, good, id).await? else {
        return Ok(());
    };
    spec.reservation = reservation;
    let artifact = spec.artifact.clone();
    let account = Arc::clone(&spec.account);
    let runtime = supervisor.parts.runtimes.for_artifact(&artifact);
    let began = Instant::now();
    let started = tokio::select! {
        biased;
        () = supervisor.closing.cancelled() => None,
        () = cancel.cancelled() => None,
        started = runtime.start(spec) => Some(started),
    };
    let Some(started) = started else {
        runtime.stop(id).await;
        return Ok(());
    };
    let reason = match started {
        Ok(upstream) => {
            account.usage.starts.fetch_add(1, Ordering::Relaxed);
            if let Some(entry) = supervisor.parts.entry(space) {
                entry.starts.note(began.elapsed());
            }
            let headers = &artifact.settings.headers;
            return take_over(supervisor, space, runtime, id, upstream, headers).await;
        }
        Err(RuntimeError::ArtifactLost) => {
            rebuild(supervisor, space, good).await?;
            ExitReason::NotStarted(
                "Its build is not usable any more. It is rebuilt, unless a newer version is being built or has failed \
                 to build; in that case, restart it.".into(),
            )
        }
        Err(RuntimeError::Author(message)) => ExitReason::NotStarted(message),
        Err(RuntimeError::Exposed(message)) => ExitReason::Exposed(message),
        Err(RuntimeError::Server(error)) => return Err(error),
    };
    supervisor
        .own
        .observed
        .lock()
        .end(id, reason, Vec::new(), now());
    Ok(())
}

/// What is to run, and within what, without the right to; `None` when it is not wanted any more.
pub(in crate::lifecycle) async fn spec(
    supervisor: &Supervisor,
    space: &Space,
    good: &BuildFacts,
    id: InstanceId,
) -> anyhow::Result<Option<InstanceSpec>> {
    let parts = &supervisor.parts;
    let Some(artifact) = good.artifact.clone() else {
        return Ok(None);
    };
    let (repositories, private) = mounts::of(parts, space, &artifact).await?;
    let token = parts.auth.space_token(space.id, space.restarts, &private);
    let account = parts.account(space);
    let limits = parts.limits_of(space);
    Ok(Some(InstanceSpec {
        id,
        workload: space.id.into(),
        name: space.name.clone(),
        revision: good.revision.clone(),
        build: good.id,
        restarts: space.restarts,
        environment: Arc::new(environment::of(parts, space, &artifact).await?),
        artifact,
        account,
        limits,
        reservation: None,
        variables: Arc::new(environment::public(parts, space).await?),
        hub_token: token.expose().into(),
        repositories: Arc::new(repositories),
        ask_for_room: admission::asking(supervisor, space),
        log: parts.journal.run(space.id),
    }))
}

/// It answers: keeps it, if it is still wanted.
pub(in crate::lifecycle) async fn take_over(
    supervisor: &Supervisor,
    space: &Space,
    runtime: &dyn Runtime,
    id: InstanceId,
    upstream: crate::upstream::Upstream,
    headers: &[(String, String)],
) -> anyhow::Result<()> {
    if let Some(entry) = supervisor.parts.entry(space) {
        let serving = entry.serving_with(id, upstream, headers);
        let mut observed = supervisor.own.observed.lock();
        observed.asleep = false;
        let kept = observed.change(id, |state| {
            *state = HandleState::Ready {
                serving,
                since: now(),
                routed: false,
                frozen: false,
                draining_since: None,
            };
        });
        if kept {
            return Ok(());
        }
    }
    // It was deleted, or stopped, in the moment in which it came up.
    supervisor.own.observed.lock().take(id);
    runtime.stop(id).await;
    Ok(())
}

/// An artifact is gone, or was made by another version of the server: make it again, unless something newer is on its
/// way anyhow.
async fn rebuild(supervisor: &Supervisor, space: &Space, good: &BuildFacts) -> anyhow::Result<()> {
    let _turn = supervisor.own.publishing.lock().await;
    let store = &supervisor.parts.store;
    let newest = store.newest_build(space.id).await?;
    if newest.is_some_and(|newest| newest.id == good.id) {
        let sdk = space.sdk.as_deref();
        store
            .publish(space.id, &good.revision, sdk, true)
            .await
            .context("a lost artifact could not be queued to be built again")?;
    }
    Ok(())
}
