//! Builds with the real compile worker: what becomes of good sources, and whose fault the bad ones are.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use glasshouse::builder::{
    Before, BuildRequest, Builder, BuilderConfig, Built, CompileLimits, ImageConfig, ImageLimits,
    InUse,
};
use glasshouse::docker::{Engine, Networks, Reach};
use glasshouse::domain::{
    AccountId, Artifact, ArtifactKind, BuildError, BuildId, EgressOffer, Fault, GuestAbi, Quota,
    Revision, SpaceId,
};
use glasshouse::journal::{Journal, JournalLimits};
use glasshouse::keys::SealKey;
use glasshouse::ledger::{BuildTurns, DiskReservation, Lanes, Ledger, LedgerLimits};
use glasshouse::repo::{
    CheckoutLimits, CommitRequest, FilePath, MAIN, Operation, RepoLimits, Repos,
};
use glasshouse::wasm_engine::{self, seal::open_sealed, seal::seal_path};
use tokio_util::sync::CancellationToken;

const WASI_CARD: &str = "---\nsdk: wasi\n---\n";
const COMMAND: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

struct House {
    folder: tempfile::TempDir,
    config: BuilderConfig,
    builder: Builder,
    repos: Repos,
    journal: Journal,
    space: SpaceId,
}

/// For builders that are asked for no images.
fn no_images() -> ImageConfig {
    let engine = Engine::off("test");
    ImageConfig {
        listed: Vec::new(),
        networks: Networks::of_builds(engine.clone(), ([10, 213, 0, 0].into(), 16)),
        engine,
        limits: ImageLimits {
            memory_bytes: 1 << 30,
            cpu_millis: 1000,
            pids: 100,
            wall: Duration::from_secs(60),
            image_bytes: 1 << 30,
            output_bytes: 1 << 20,
            free_bytes: 0,
            reach: Reach::Nothing,
            isolation_required: true,
        },
        base_images: BTreeMap::new(),
    }
}

fn copy(config: &BuilderConfig) -> BuilderConfig {
    BuilderConfig {
        artifacts: config.artifacts.clone(),
        seal: config.seal.clone(),
        profile: config.profile.clone(),
        worker: config.worker.clone(),
        compile: config.compile,
        site: config.site,
        hardware: config.hardware.clone(),
        max_request_timeout: config.max_request_timeout,
        egress: config.egress,
        containers: None,
        images: no_images(),
    }
}

/// As much disk as anybody wants.
fn room() -> DiskReservation {
    Ledger::new(LedgerLimits::default()).reserve_disk(AccountId::new())
}

/// Whose turn it always is.
fn turns() -> BuildTurns {
    let ledger = Ledger::new(LedgerLimits {
        host_memory: 1 << 40,
        host_cpu: 1000,
        quota: Quota {
            spaces: 1,
            models: 1,
            datasets: 1,
            instances: 1,
            cpu_millis: 1000,
            memory_bytes: 1 << 40,
            disk_bytes: 1 << 40,
            disk_files: 1 << 40,
            builds: 1,
            cpu_seconds_per_day: 1,
            build_minutes_per_day: 60,
            egress_bytes_per_day: 1,
        },
        cpu_burst: 1,
        cpu_spare: 1.0,
        builds: Lanes::of_each(1),
    });
    BuildTurns::new(ledger, AccountId::new(), |_| ())
}

impl House {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut BuilderConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = BuilderConfig {
            artifacts: folder.path().join("artifacts"),
            seal: SealKey::open(&folder.path().join("keys/seal.key")).unwrap(),
            profile: wasm_engine::profile(&wasm_engine::for_compile().unwrap()),
            worker: PathBuf::from(env!("CARGO_BIN_EXE_glasshouse")),
            compile: CompileLimits {
                cpu_seconds: 20,
                memory_bytes: 2 << 30,
                wall: Duration::from_secs(60),
                output_bytes: 64 << 20,
                module_bytes: 16 << 20,
                guest_memory_bytes: 1 << 30,
            },
            site: CheckoutLimits {
                files: 1000,
                bytes: 1 << 20,
            },
            hardware: vec!["cpu-nano".into()],
            max_request_timeout: Duration::from_secs(600),
            egress: EgressOffer::Internet,
            containers: None,
            images: no_images(),
        };
        change(&mut config);
        let repos = Repos::new(folder.path().join("repos"), RepoLimits::default()).unwrap();
        let space = SpaceId::new();
        let prepared = repos.prepare(room()).await.unwrap();
        repos.create(space, prepared).await.unwrap();
        Self {
            builder: Builder::new(copy(&config), repos.clone()).unwrap(),
            journal: Journal::open(folder.path().join("logs"), JournalLimits::default()).unwrap(),
            config,
            repos,
            space,
            folder,
        }
    }

    async fn commit(&self, files: &[(&str, &[u8])]) -> Revision {
        let mut spool = self.repos.spool(room()).unwrap();
        let operations = files
            .iter()
            .map(|(path, bytes)| Operation::Put {
                path: path.parse::<FilePath>().unwrap(),
                content: spool.put(bytes).unwrap(),
            })
            .collect();
        let request = CommitRequest {
            branch: MAIN.into(),
            parent: None,
            title: "test".into(),
            description: String::new(),
            author: "test".into(),
            spool,
            operations,
        };
        self.repos.commit(self.space, request).await.unwrap()
    }

    fn request(&self, revision: Revision, cached: bool) -> BuildRequest {
        BuildRequest {
            build: BuildId::new(),
            space: self.space,
            owner: AccountId::new(),
            name: "a/b".parse().unwrap(),
            revision,
            cached,
            before: Before::default(),
            last_try: false,
            turns: turns(),
            log: self.journal.build(self.space),
        }
    }

    async fn build(&self, files: &[(&str, &[u8])]) -> Result<Artifact, BuildError> {
        let revision = self.commit(files).await;
        let request = self.request(revision, true);
        let built = self.builder.build(request, CancellationToken::new()).await;
        built.map(|built| built.artifact)
    }

    async fn build_wat(&self, text: &str) -> Result<Artifact, BuildError> {
        let wasm = wat::parse_str(text).unwrap();
        self.build(&[("README.md", WASI_CARD.as_bytes()), ("app.wasm", &wasm)])
            .await
    }

    fn log(&self) -> String {
        let lines = self.journal.build(self.space).tail(1000);
        lines.into_iter().map(|line| line.text + "\n").collect()
    }

    fn scratch(&self) -> usize {
        fs::read_dir(self.config.artifacts.join("scratch"))
            .unwrap()
            .count()
    }
}

fn digest(artifact: &Artifact) -> &str {
    match &artifact.kind {
        ArtifactKind::Site { digest, .. } | ArtifactKind::Component { digest, .. } => digest,
        ArtifactKind::Image { id, .. } => id,
    }
}

/// One function that is slow to compile: a long way with an exit at every step, and every value alive to the end.
fn slow_to_compile(steps: usize) -> String {
    let body: String = (0..steps)
        .map(|step| {
            let [to, from, other, tested] = [step, step + 1, step * 7 + 3, step * 13].map(|local| local % 60);
            format!(
                "(local.set {to} (i64.mul (local.get {from}) (i64.add (local.get {other}) (i64.const {step}))))
                 (br_if 0 (i64.eqz (local.get {tested})))"
            )
        })
        .collect();
    let locals = "(local i64)".repeat(60);
    COMMAND.replace("(memory", &format!("(func {locals} (block {body}))(memory"))
}

#[tokio::test]
async fn a_command_becomes_sealed_native_code() {
    let house = House::new().await;
    let artifact = house.build_wat(COMMAND).await.unwrap();
    let ArtifactKind::Component { digest, abi } = &artifact.kind else {
        panic!("{artifact:?}")
    };
    assert_eq!(*abi, GuestAbi::Command);
    let path = Builder::component_path(&house.config.artifacts, digest);
    let file = open_sealed(&house.config.seal, &house.config.profile, &path).unwrap();
    let head = fs::read(file.path()).unwrap();
    assert!(head.starts_with(b"\x7fELF"));
    assert_eq!(house.scratch(), 0);
    let log = house.log();
    for answer in [
        "Building a/b at ",
        "sdk: wasi, app_file: app.wasm",
        "of native code",
        "Built in",
    ] {
        assert!(log.contains(answer), "{answer} is not in\n{log}");
    }
}

#[tokio::test]
async fn the_same_bytes_are_compiled_once_and_broken_code_anew() {
    let house = House::new().await;
    let artifact = house.build_wat(COMMAND).await.unwrap();
    let revision = house.commit(&[("more.txt", b"x")]).await;
    let again = house.builder.build(
        house.request(revision.clone(), true),
        CancellationToken::new(),
    );
    assert_eq!(again.await.unwrap().artifact, artifact);
    assert!(house.log().contains("reused"));

    let path = Builder::component_path(&house.config.artifacts, digest(&artifact));
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"\x7fELF of somebody else").unwrap();
    let anew = house.builder.build(
        house.request(revision.clone(), true),
        CancellationToken::new(),
    );
    assert_eq!(anew.await.unwrap().artifact, artifact);
    open_sealed(&house.config.seal, &house.config.profile, &path).unwrap();

    let uncached = house
        .builder
        .build(house.request(revision, false), CancellationToken::new());
    assert_eq!(uncached.await.unwrap().artifact, artifact);
    open_sealed(&house.config.seal, &house.config.profile, &path).unwrap();
}

#[tokio::test]
async fn the_authors_mistakes_are_the_authors() {
    let house = House::new().await;
    let wasm = wat::parse_str(COMMAND).unwrap();
    let malformed = [&wasm[..8], &[10, 3, 1, 0xff, 0xff]].concat();
    let large = vec![0; (16 << 20) + 1];
    for (bytes, answer) in [
        (
            &wasm[..wasm.len() - 3],
            "app.wasm: it is not valid WebAssembly",
        ),
        (&malformed, "app.wasm: it is not valid WebAssembly"),
        (b"\x7fELF\x02\x01\x01", "native code"),
        (&large, "larger than 16 MiB"),
        (&wat::parse_str("(module)").unwrap(), "`_start`"),
    ] {
        let error = house
            .build(&[("README.md", WASI_CARD.as_bytes()), ("app.wasm", bytes)])
            .await
            .unwrap_err();
        assert_eq!(error.fault, Fault::Author, "{error}");
        assert!(error.message.contains(answer), "{error}");
        assert!(house.log().contains(&format!("Error: {}", error.message)));
    }
    assert_eq!(house.scratch(), 0);
}

#[tokio::test]
async fn a_compiler_that_takes_too_long_is_ended_and_it_is_said() {
    let house = House::with(|config| config.compile.cpu_seconds = 1).await;
    let began = Instant::now();
    let error = house.build_wat(&slow_to_compile(60_000)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Author);
    assert_eq!(
        error.message,
        "app.wasm: compiling took more than 1 s of CPU time"
    );
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn one_that_others_keep_from_the_cpu_is_tried_again_but_not_for_ever() {
    let house = House::with(|config| config.compile.wall = Duration::from_secs(4)).await;
    let wasm = wat::parse_str(slow_to_compile(100_000)).unwrap();
    let files: [(&str, &[u8]); 2] = [("README.md", WASI_CARD.as_bytes()), ("app.wasm", &wasm)];
    let revision = house.commit(&files).await;
    let build = |last_try| {
        let mut request = house.request(revision.clone(), true);
        request.last_try = last_try;
        house.builder.build(request, CancellationToken::new())
    };
    // Stopped as soon as it is there, the compiler computes next to nothing.
    for (last_try, fault) in [(false, Fault::Server), (true, Fault::Author)] {
        let held = async {
            loop {
                for id in workers(&house) {
                    let stopped = std::process::Command::new("kill")
                        .args(["-STOP", &id])
                        .status();
                    stopped.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let error = tokio::select! {
            built = build(last_try) => built.unwrap_err(),
            () = held => unreachable!("it goes on for ever"),
        };
        assert_eq!(error.fault, fault, "{error}");
        assert!(error.message.contains("busy"), "{error}");
    }
}

#[tokio::test]
async fn a_compiler_that_takes_too_much_memory_is_ended_and_it_is_said() {
    let house = House::with(|config| {
        config.compile.memory_bytes = 256 << 20;
        config.compile.cpu_seconds = 60;
    })
    .await;
    let error = house
        .build_wat(&slow_to_compile(100_000))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Author, "{error}");
    assert!(error.message.contains("memory"), "{error}");
}

#[tokio::test]
async fn too_much_native_code_is_the_authors() {
    let house = House::with(|config| config.compile.output_bytes = 1024).await;
    let error = house.build_wat(COMMAND).await.unwrap_err();
    assert_eq!(error.fault, Fault::Author);
    assert!(error.message.contains("1024 are allowed"), "{error}");
}

#[tokio::test]
async fn what_is_wrong_with_the_server_is_ours() {
    let missing = House::with(|config| config.worker = "/nonexistent".into()).await;
    assert_eq!(
        missing.build_wat(COMMAND).await.unwrap_err().fault,
        Fault::Server
    );
    let silent = House::with(|config| config.worker = "/bin/true".into()).await;
    assert_eq!(
        silent.build_wat(COMMAND).await.unwrap_err().fault,
        Fault::Server
    );
    let cramped = House::with(|config| config.compile.memory_bytes = 1 << 20).await;
    let error = cramped.build_wat(COMMAND).await.unwrap_err();
    assert_eq!(error.fault, Fault::Server, "{error}");
    let other = House::with(|config| config.profile = "another version".into()).await;
    let error = other.build_wat(COMMAND).await.unwrap_err();
    assert!(
        error.fault == Fault::Server && error.message.contains("restart"),
        "{error}"
    );
}

#[tokio::test]
async fn a_stopped_build_leaves_no_process_and_no_files() {
    let house = House::new().await;
    let wasm = wat::parse_str(slow_to_compile(60_000)).unwrap();
    let revision = house
        .commit(&[("README.md", WASI_CARD.as_bytes()), ("app.wasm", &wasm)])
        .await;
    for dropped in [true, false] {
        let cancel = CancellationToken::new();
        let build = house
            .builder
            .build(house.request(revision.clone(), true), cancel.clone());
        if dropped {
            tokio::time::timeout(Duration::from_millis(1500), build)
                .await
                .unwrap_err();
        } else {
            let (built, ()) = tokio::join!(build, async {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                assert_eq!(workers(&house).len(), 1);
                cancel.cancel();
            });
            assert_eq!(built.unwrap_err().fault, Fault::Server);
        }
        // What is killed is gone once the kernel has taken its memory back.
        let gone = async {
            while !workers(&house).is_empty() || house.scratch() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
        gone.expect("neither a process nor a file is left");
    }
}

/// Ids of the compile workers that run in the house's folders.
fn workers(house: &House) -> Vec<String> {
    let inside = |pid: &PathBuf| {
        fs::read_link(pid.join("cwd")).is_ok_and(|cwd| cwd.starts_with(house.folder.path()))
    };
    let all = fs::read_dir("/proc").unwrap();
    all.map(|entry| entry.unwrap().path())
        .filter(inside)
        .filter_map(|pid| Some(pid.file_name()?.to_str()?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_site_is_its_tree() {
    let house = House::new().await;
    let files: &[(&str, &[u8])] = &[
        ("README.md", b"---\nsdk: static\n---\n"),
        ("index.html", b"<h1>hi"),
        ("deep/er/a.js", b"1"),
    ];
    let artifact = house.build(files).await.unwrap();
    let ArtifactKind::Site { digest, app_file } = &artifact.kind else {
        panic!("{artifact:?}")
    };
    let folder = Builder::site_path(&house.config.artifacts, digest);
    assert_eq!(app_file, "index.html");
    assert_eq!(fs::read(folder.join("deep/er/a.js")).unwrap(), b"1");

    fs::write(folder.join("index.html"), b"broken by hand").unwrap();
    let revision = house.commit(files).await;
    let cached = house.builder.build(
        house.request(revision.clone(), true),
        CancellationToken::new(),
    );
    assert_eq!(cached.await.unwrap().artifact, artifact);
    assert!(house.log().contains("reused"));
    let anew = house
        .builder
        .build(house.request(revision, false), CancellationToken::new());
    assert_eq!(anew.await.unwrap().artifact, artifact);
    assert_eq!(fs::read(folder.join("index.html")).unwrap(), b"<h1>hi");
    assert_eq!(house.scratch(), 0);

    let error = house
        .build(&[("large.bin", &vec![1; 2 << 20])])
        .await
        .unwrap_err();
    assert!(
        error.fault == Fault::Author && error.message.contains("1 MiB"),
        "{error}"
    );
    let error = house
        .build(&[("README.md", b"---\nsdk: static\napp_file: no.html\n---\n")])
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::NoAppFile);
    let error = house
        .build(&[("README.md", b"---\nsdk: static\ntitle: \xff\n---\n")])
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Card);
}

#[tokio::test]
async fn artifacts_that_nobody_uses_are_swept_and_not_those_of_a_build_under_way() {
    let house = House::new().await;
    let used = house.build_wat(COMMAND).await.unwrap();
    let old = house.build_wat(&COMMAND.replace("1)", "2)")).await.unwrap();
    let source = wat::parse_str(COMMAND.replace("1)", "3)")).unwrap();
    let files: &[(&str, &[u8])] = &[("README.md", WASI_CARD.as_bytes()), ("app.wasm", &source)];
    let revision = house.commit(files).await;
    let request = house.request(revision, true);
    // Nobody has recorded it yet.
    let Built {
        artifact: new,
        hold,
    } = house
        .builder
        .build(request, CancellationToken::new())
        .await
        .unwrap();
    let site = house
        .build(&[
            ("README.md", b"---\nsdk: static\n---\n"),
            ("index.html", b""),
        ])
        .await
        .unwrap();
    let path = |artifact: &Artifact| match &artifact.kind {
        ArtifactKind::Site { digest, .. } => Builder::site_path(&house.config.artifacts, digest),
        ArtifactKind::Component { digest, .. } => {
            Builder::component_path(&house.config.artifacts, digest)
        }
        ArtifactKind::Image { .. } => unreachable!("none was built"),
    };
    let sweep = async || {
        let in_use = InUse {
            artifacts: vec![used.clone()],
            ..InUse::default()
        };
        house.builder.sweep().await.run(in_use).await.unwrap()
    };
    assert_eq!(sweep().await, 2);
    assert!(path(&used).exists() && path(&new).exists());
    assert!(!path(&old).exists() && !seal_path(&path(&old)).exists() && !path(&site).exists());
    drop(hold);
    assert_eq!(sweep().await, 1);
    assert!(path(&used).exists() && !path(&new).exists());

    fs::create_dir_all(house.config.artifacts.join("scratch/left/over")).unwrap();
    Builder::new(copy(&house.config), house.repos.clone()).unwrap();
    assert_eq!(house.scratch(), 0);
}
