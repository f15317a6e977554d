//! A runtime that this program does not know, driven as any other is: to add one is to write it and to list it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::settings::{builder_config, engine, journal_limits, ledger_limits, repo_limits};
use crate::auth::Auth;
use crate::builder::Builder;
use crate::config::Config;
use crate::domain::{
    ArtifactKind, BuildId, DiskAmount, InstanceId, RepoKind, Resource, Role, Sdk, Space, SpaceId,
    Stage, Visibility, WorkloadId,
};
use crate::journal::Journal;
use crate::keys::SealKey;
use crate::ledger::{ContainerSlot, Ledger};
use crate::lifecycle::{FirstCommit, Landing, Lifecycle, LifecycleSettings, Parts};
use crate::repo::{CommitRequest, Operation, Repos};
use crate::routes::RouteTable;
use crate::runtime::{self, Found, InstanceSpec, LimitReport, Runtime, RuntimeError, Runtimes};
use crate::store::{Actor, NewRepository, Sealer, SpaceSettings, Store};
use crate::telemetry::Metrics;
use crate::upstream::{Serve, Upstream};

/// Machines elsewhere, which go on running when the server ends.
#[derive(Default)]
struct Cloud {
    running: Mutex<Vec<Found>>,
    asked: Mutex<Vec<String>>,
}

/// The runtime on them, as one process has it.
struct CloudRuntime {
    cloud: Arc<Cloud>,
    held: Mutex<Vec<(InstanceId, Option<Arc<ContainerSlot>>)>>,
}

struct Hello;

// === impl Cloud ===

impl Cloud {
    fn running(&self) -> Vec<Found> {
        let running = self.running.lock();
        running.clone()
    }

    fn note(&self, what: &str, of: impl std::fmt::Display) {
        let mut asked = self.asked.lock();
        asked.push(format!("{what} {of}"));
    }

    /// What was asked since the last look.
    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock();
        std::mem::take(&mut *asked)
    }
}

impl Runtime for CloudRuntime {
    fn name(&self) -> &'static str {
        "cloud"
    }

    fn runs(&self, kind: &ArtifactKind) -> bool {
        matches!(kind, ArtifactKind::Site { .. })
    }

    fn is_in_process(&self) -> bool {
        false
    }

    fn reserves(&self) -> bool {
        true
    }

    fn can_freeze(&self) -> bool {
        true
    }

    fn trouble(&self) -> BoxFuture<'_, Option<&'static str>> {
        Box::pin(ready(Some("it rains")))
    }

    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        self.cloud.note("start", spec.id);
        self.cloud.running.lock().push(Found {
            instance: spec.id,
            workload: spec.workload,
            build: spec.build,
            restarts: spec.restarts,
        });
        self.take(spec)
    }

    fn stop(&self, id: InstanceId) -> BoxFuture<'_, ()> {
        self.cloud.note("stop", id);
        let mut running = self.cloud.running.lock();
        running.retain(|found| found.instance != id);
        self.held.lock().retain(|(held, _)| *held != id);
        Box::pin(ready(()))
    }

    fn limits(&self, _id: InstanceId) -> Vec<LimitReport> {
        Vec::new()
    }

    fn freeze(&self, id: InstanceId) -> BoxFuture<'_, anyhow::Result<()>> {
        self.cloud.note("freeze", id);
        Box::pin(ready(Ok(())))
    }

    fn list(&self) -> BoxFuture<'_, Vec<Found>> {
        Box::pin(ready(self.cloud.running()))
    }

    fn adopt(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        self.cloud.note("adopt", spec.id);
        self.take(spec)
    }

    fn sweep(&self) -> BoxFuture<'_, ()> {
        self.cloud.note("sweep", self.cloud.running().len());
        Box::pin(ready(()))
    }

    fn forget(&self, workload: WorkloadId) -> BoxFuture<'_, anyhow::Result<()>> {
        self.cloud.note("forget", workload);
        Box::pin(ready(Ok(())))
    }

    fn stored(&self, _workload: WorkloadId) -> BoxFuture<'_, DiskAmount> {
        Box::pin(ready(DiskAmount::new(1 << 30, 1)))
    }
}

// === impl CloudRuntime ===

impl CloudRuntime {
    fn take(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        self.held.lock().push((spec.id, spec.reservation));
        Box::pin(ready(Ok(Upstream::Service(Arc::new(Hello)))))
    }
}

impl Serve for Hello {
    fn call(&self, _request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        Box::pin(ready(Response::new(Body::from("hello"))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_of_another_kind_is_listed_adopted_frozen_swept_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Arc::<Cloud>::default();

    let (lifecycle, parts) = control_plane(folder.path(), &cloud).await;
    let space = publish(&lifecycle, &parts).await;
    until(|| async { lifecycle.view(&space).await.unwrap().stage == Stage::Running }).await;
    let instance = cloud.running()[0].instance;
    let asked = cloud.asked();
    let started = asked.iter().filter(|one| one.starts_with("start"));
    assert_eq!(started.collect::<Vec<_>>(), [&format!("start {instance}")]);
    let problems = lifecycle.problems().await.unwrap();
    assert_eq!(problems.runtimes, [("cloud", "it rains")]);
    lifecycle.stop(false, &CancellationToken::new()).await;
    parts.store.close().await;
    assert_eq!(cloud.running().len(), 1, "it goes on without the server");
    drop(cloud.asked());

    // One of a Space that is not there, and one that is of an older build than is wanted.
    let stray = |space: SpaceId| Found {
        instance: InstanceId::new(),
        workload: space.into(),
        build: BuildId::new(),
        restarts: 0,
    };
    let strays = [stray(SpaceId::new()), stray(space.id)];
    cloud.running.lock().extend(strays.clone());
    let (lifecycle, parts) = control_plane(folder.path(), &cloud).await;
    let mut asked = Vec::new();
    until(|| {
        asked.extend(cloud.asked());
        let frozen = asked.contains(&format!("freeze {instance}"));
        async move { frozen }
    })
    .await;
    assert!(asked.contains(&format!("adopt {instance}")), "{asked:?}");
    for stray in strays {
        assert!(
            asked.contains(&format!("stop {}", stray.instance)),
            "{asked:?}"
        );
    }
    assert!(
        !asked.iter().any(|one| one.starts_with("start")),
        "{asked:?}"
    );
    assert_eq!(cloud.running().len(), 1);
    let quota = lifecycle.quota(space.owner).await.unwrap();
    let used = |resource| {
        let mut lines = quota.lines.iter();
        lines.find(|line| line.resource == resource).unwrap().used
    };
    assert_eq!(used(Resource::Instances), 1, "it holds its place");
    assert!(used(Resource::Disk) >= 1 << 30, "its storage counts");

    // What nobody knows is looked for after all were looked at.
    until(|| {
        asked.extend(cloud.asked());
        let swept = asked.contains(&"sweep 1".to_owned());
        async move { swept }
    })
    .await;
    lifecycle
        .delete((&space).into(), Actor::Server)
        .await
        .unwrap();
    assert_eq!(
        cloud.asked(),
        [
            format!("stop {instance}"),
            format!("forget space/{}", space.id)
        ]
    );
    lifecycle.stop(true, &CancellationToken::new()).await;
    parts.store.close().await;
}

/// What the test asks besides.
struct Rest {
    store: Store,
    repos: Repos,
}

async fn control_plane(data: &Path, cloud: &Arc<Cloud>) -> (Lifecycle, Rest) {
    let mut config = Config::defaults();
    config.data = data.to_owned();
    config.docker.enabled = false;
    config.docker.freeze_after = Duration::from_millis(100);
    // As much as a Space may have that takes no compute: the whole machine must not be in the way.
    config.host.memory = Some(64 << 30);
    let url = format!("sqlite://{}", data.join("glasshouse.db").display());
    let store = Store::connect(&url, Sealer::new(&[7; 32])).await.unwrap();
    let repos = Repos::new(data.join("repos"), repo_limits(&config)).unwrap();
    let seal = SealKey::open(&data.join("keys/seal")).unwrap();
    let engine = engine(&config, data).unwrap();
    let builder = builder_config(&config, seal, "none", engine).unwrap();
    let (_ended, endings) = runtime::endings();
    let (routes, nudges) = RouteTable::new();
    let parts = Parts {
        store: store.clone(),
        auth: Auth::new(store.clone()),
        repos: repos.clone(),
        ledger: Ledger::new(ledger_limits(&config)),
        builder: Builder::new(builder, repos.clone()).unwrap(),
        runtimes: Runtimes::new([Arc::new(CloudRuntime {
            cloud: Arc::clone(cloud),
            held: Mutex::default(),
        }) as Arc<dyn Runtime>]),
        routes,
        journal: Journal::open(data.join("logs"), journal_limits(&config)).unwrap(),
        metrics: Arc::new(Metrics::new()),
        settings: LifecycleSettings {
            hardware: config.hardware(),
            wasi_hardware: config.wasm.default_hardware.clone(),
            container_hardware: config.docker.default_hardware.clone(),
            freeze_after: config.docker.freeze_after,
            sleep_after: Some(config.sleep.after),
            addresses: config.addresses(7860),
        },
    };
    let lifecycle = Lifecycle::start(parts, nudges, endings).await.unwrap();
    (lifecycle, Rest { store, repos })
}

/// A static Space with a page.
async fn publish(lifecycle: &Lifecycle, parts: &Rest) -> Space {
    let owner = "ada".parse().unwrap();
    let account = parts
        .store
        .create_account(&owner, Role::User, Actor::Server);
    let new = NewRepository {
        kind: RepoKind::Space,
        owner: account.await.unwrap().id,
        name: "ada/page".parse().unwrap(),
        visibility: Visibility::Public,
        settings: SpaceSettings::default(),
    };
    let first = FirstCommit {
        author: "ada".to_owned(),
        sdk: Sdk::Static,
    };
    let made = lifecycle.create(new, Some(first)).await.unwrap();
    let room = lifecycle.disk_room(made.owner).await.unwrap();
    let mut spool = parts.repos.spool(room).unwrap();
    let operations = vec![Operation::Put {
        path: "index.html".parse().unwrap(),
        content: spool.put(b"hello").unwrap(),
    }];
    let request = CommitRequest {
        branch: "main".to_owned(),
        parent: None,
        title: String::new(),
        description: String::new(),
        author: "ada".to_owned(),
        operations,
        spool,
    };
    let landing = Landing {
        head: parts.repos.commit(made.id, request).await.unwrap(),
        before: made.head.clone(),
        by: None,
        copy_of: None,
    };
    lifecycle.landed(made.kind, made.id, landing).await.unwrap();
    let space = parts.store.space_by_id(made.id.space()).await;
    space.unwrap().unwrap()
}

async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it takes too long"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
