//! Models and datasets from inside a Space that has no internet: by the real `huggingface_hub`, with a token of its own.

use crate::support::docker::{GRADIO_IMAGE, app};
use crate::support::{DockerServer, Hub, Op, Space, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// An [`app`] in an image in which `huggingface_hub` is installed.
fn with_the_client(more: &str) -> Vec<Op> {
    let mut files = app("hello", more);
    let dockerfile = format!(
        "FROM {GRADIO_IMAGE}\nENV HOME=/home/user\nCOPY app.py /app.py\nRUN mkdir -p /home/user && chown 1000:1000 /home/user\nCMD [\"python\", \"-u\", \"/app.py\"]"
    );
    files[1] = Op::file("Dockerfile", dockerfile);
    files
}

/// A repository of that kind with a file of text and a large one.
fn repository(hub: &Hub<'_>, kind: &str, name: &str, private: bool) {
    let answer = hub.server.python(&hub.token).run(&format!(
        r#"
        api = HfApi()
        api.create_repo("{name}", repo_type="{kind}", private={private})
        api.upload_file(path_or_fileobj=b"{{}}", path_in_repo="config.json", repo_id="{name}", repo_type="{kind}")
        info = api.upload_file(path_or_fileobj=bytes(range(256)) * 48_000, path_in_repo="weights.bin", repo_id="{name}", repo_type="{kind}")
        say(info.oid)
        "#,
        private = if private { "True" } else { "False" }
    ));
    assert!(answer.is_string(), "{answer}");
}

/// What Python in the Space says as JSON on its last line; the client's own words go before it.
fn ask(space: &Space<'_>, code: &str) -> Value {
    let answer = space.exec(&format!(
        "import os, pathlib, hashlib\nfrom huggingface_hub import *\n{}",
        crate::support::clients::dedent(code)
    ));
    let last = answer.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[test]
fn a_model_is_downloaded_with_no_internet() {
    let mut server = DockerServer::start();
    let alice = server.user("alice");
    repository(&alice, "model", "alice/tiny", false);
    repository(&alice, "dataset", "alice/words", false);
    let space = alice.publish_container("app", &with_the_client(""));
    let downloads = r#"
        shutil = __import__("shutil")
        shutil.rmtree("/home/user/.cache", ignore_errors=True)
        folder = pathlib.Path(snapshot_download("alice/tiny"))
        words = hf_hub_download("alice/words", "config.json", repo_type="dataset")
        print(json.dumps({
            "files": sorted(path.name for path in folder.iterdir()),
            "sum": hashlib.sha256((folder / "weights.bin").read_bytes()).hexdigest(),
            "words": pathlib.Path(words).read_text(),
            "models": [model.id for model in list_models(author="alice")],
        }))
    "#;
    let wanted: Vec<u8> = (0..=255).cycle().take(256 * 48_000).collect();
    let wanted = json!({
        "files": [".gitattributes", "config.json", "weights.bin"],
        "sum": hex::encode(Sha256::digest(&wanted)),
        "words": "{}",
        "models": ["alice/tiny"],
    });
    assert_eq!(ask(&space, downloads), wanted);

    // The container outlives the server, and finds the hub again.
    let before = server.container(&space)["Id"].clone();
    let token = alice.token.clone();
    server.kill();
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    let space = alice.space("app");
    eventually(Duration::from_secs(60), "it is adopted", || {
        (space.stage() == "RUNNING").then_some(())
    });
    assert_eq!(server.container(&space)["Id"], before);
    assert_eq!(ask(&space, downloads), wanted);
}

#[test]
fn a_space_reads_itself_and_what_is_public_and_writes_nothing() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    repository(&alice, "model", "alice/hidden", true);
    alice
        .create_with("app", json!({ "private": true }))
        .expect(200);
    let space = alice.space("app");
    space.commit(&with_the_client(""));
    assert_eq!(space.settles(), "RUNNING", "{:#}", space.runtime());
    let ask_with_token = |code: &str| {
        let request = crate::support::Request::post("/")
            .header("host", space.host())
            .bearer(&alice.token)
            .body(crate::support::clients::dedent(code));
        space.send(&request).expect(200).text()
    };
    let answer = ask_with_token(
        r#"
        import os, pathlib, urllib.request
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError
        def attempt(what):
            try:
                return str(what())
            except HfHubHTTPError as error:
                return f"{type(error).__name__} {error.response.status_code}"
            except urllib.error.HTTPError as error:
                return str(error.code)
        api = HfApi()
        endpoint = os.environ["HF_ENDPOINT"]
        def ask(path):
            request = urllib.request.Request(endpoint + path, headers={"Authorization": "Bearer " + os.environ["HF_TOKEN"]})
            try:
                return json.loads(urllib.request.urlopen(request).read())
            except urllib.error.HTTPError as error:
                return error.code
        print(json.dumps({
            "own": "sdk: docker" in pathlib.Path(hf_hub_download("alice/app", "README.md", repo_type="space")).read_text(),
            "hidden": attempt(lambda: hf_hub_download("alice/hidden", "config.json")),
            "write": attempt(lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="alice/app", repo_type="space")),
            "create": attempt(lambda: api.create_repo("alice/mine")),
            "secret": attempt(lambda: api.add_space_secret("alice/app", "A", "b")),
            "restart": attempt(lambda: api.restart_space("alice/app")),
            "pages": attempt(lambda: urllib.request.urlopen(endpoint + "/login")),
            "visit": attempt(lambda: urllib.request.urlopen(endpoint + "/run/alice/app/")),
            "token": os.environ["HF_TOKEN"],
            "name": api.whoami()["name"],
            "repositories": [repo["id"] for repo in ask("/api/settings/repositories")],
            "models": [model.id for model in api.list_models(author="alice")],
            "tokens": ask("/api/tokens"),
            "usage": sorted({row["space"] for row in ask("/api/usage")["rows"]} - {"alice/app"}),
            "quota": ask("/api/quota"),
            "metrics": ask("/metrics"),
            "admin": ask("/api/admin/users"),
            "overview": ask("/api/users/alice/overview")["numModels"],
        }))
        "#,
    );
    let answer: Value = serde_json::from_str(answer.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(answer["own"], true, "{answer:#}");
    assert_eq!(
        answer["hidden"], "RepositoryNotFoundError 404",
        "{answer:#}"
    );
    // Of its owner's it learns who that is, and nothing that is private beside it.
    for (asked, wanted) in [
        ("name", json!("alice")),
        ("repositories", json!(["alice/app"])),
        ("models", json!([])),
        ("tokens", json!([])),
        ("usage", json!([])),
        ("quota", json!(403)),
        ("metrics", json!(404)),
        ("admin", json!(403)),
        ("overview", json!(0)),
    ] {
        assert_eq!(answer[asked], wanted, "{asked}: {answer:#}");
    }
    for refused in ["write", "create", "secret", "restart"] {
        let text = answer[refused].as_str().unwrap();
        assert!(text.ends_with(" 403"), "{refused}: {answer:#}");
    }
    assert_eq!(
        (&answer["pages"], &answer["visit"]),
        (&"404".into(), &"404".into())
    );

    // The token is worth nothing once the Space was restarted.
    let token = answer["token"].as_str().unwrap();
    let outside = |token: &str| {
        let request = crate::support::Request::get("/api/spaces/alice/app").bearer(token);
        request.send(server.address).status
    };
    assert_eq!(outside(token), 200);
    let mut forged = token.to_owned();
    forged.replace_range(
        token.len() - 1..,
        if token.ends_with('0') { "1" } else { "0" },
    );
    assert_eq!(outside(&forged), 401);
    space.post("/restart", &json!({})).expect(200);
    assert_eq!(outside(token), 401);
}

#[test]
fn what_the_owner_sets_comes_first() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    for (key, value) in [
        ("HF_ENDPOINT", "https://hub.example.org"),
        ("HF_TOKEN", "hf_mine"),
    ] {
        space
            .post("/variables", &json!({ "key": key, "value": value }))
            .expect(200);
    }
    space.commit(&app("hello", ""));
    assert_eq!(space.settles(), "RUNNING", "{:#}", space.runtime());
    let answer = space.exec("print(os.environ['HF_ENDPOINT'], os.environ['HF_TOKEN'])");
    assert_eq!(answer.trim(), "https://hub.example.org hf_mine");
}

#[test]
fn what_the_card_names_is_in_its_files_and_copied_for_nobody() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    repository(&alice, "model", "alice/tiny", false);
    repository(&alice, "model", "alice/hidden", true);
    repository(&alice, "dataset", "alice/words", false);
    let card = "models: [alice/tiny, openai/whisper]\ndatasets: [alice/words]\npreload_from_hub: [alice/hidden]\n";
    let space = alice.publish_container("app", &with_the_client(card));
    let look = r#"
        def attempt(what):
            try:
                return str(what())
            except Exception as error:
                return type(error).__name__
        folder = pathlib.Path(snapshot_download("alice/tiny"))
        print(json.dumps({
            "seen": sorted(str(path) for root in ("/models", "/datasets") for path in pathlib.Path(root).rglob("[cw]*.*")),
            "sum": hashlib.sha256(pathlib.Path("/models/alice/tiny/weights.bin").read_bytes()).hexdigest(),
            "write": attempt(lambda: open("/models/alice/tiny/mine", "w")),
            "change": attempt(lambda: open("/models/alice/tiny/weights.bin", "r+b")),
            "remove": attempt(lambda: os.unlink("/models/alice/tiny/config.json")),
            "cached": os.path.realpath(folder / "weights.bin"),
            "config": (folder / "config.json").read_text(),
            "hidden": os.path.realpath(hf_hub_download("alice/hidden", "config.json")),
        }))
    "#;
    let sum = hex::encode(Sha256::digest(
        (0..=255).cycle().take(256 * 48_000).collect::<Vec<u8>>(),
    ));
    let answer = ask(&space, look);
    let seen: Vec<String> = [
        "datasets/alice/words",
        "models/alice/hidden",
        "models/alice/tiny",
    ]
    .iter()
    .flat_map(|folder| ["config.json", "weights.bin"].map(|file| format!("/{folder}/{file}")))
    .collect();
    assert_eq!(answer["seen"], json!(seen), "{answer:#}");
    assert_eq!(answer["sum"], sum, "{answer:#}");
    for attempt in ["write", "change", "remove"] {
        let refused = answer[attempt].as_str().unwrap();
        assert!(
            ["OSError", "PermissionError"].contains(&refused),
            "{answer:#}"
        );
    }
    assert_eq!(
        answer["cached"], "/models/alice/tiny/weights.bin",
        "{answer:#}"
    );
    assert_eq!(
        answer["hidden"], "/models/alice/hidden/config.json",
        "{answer:#}"
    );
    let log = space.log("run").join("\n");
    for part in [
        "is mounted at /models/alice/tiny, read-only.",
        "README.md names the model openai/whisper, which is not on this server",
    ] {
        assert!(log.contains(part), "no {part} in {log}");
    }

    // Three repositories with the same large file, laid out three times, and one file on disk.
    use std::os::unix::fs::MetadataExt;
    let files = |folder: &str| {
        let found = std::process::Command::new("find")
            .arg(server.data().join("repos").join(folder))
            .args(["-type", "f", "-size", "+1M"])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let inode = |path: &str| std::fs::metadata(path).unwrap().ino();
        found.lines().map(inode).collect::<Vec<_>>()
    };
    let (shelved, kept) = (files("shelves"), files("blobs"));
    assert_eq!((shelved.len(), kept.len()), (3, 1));
    assert!(shelved.iter().all(|inode| *inode == kept[0]));

    // What is newer than the mount is downloaded, into a cache that is the app's own.
    let python = server.python(&alice.token);
    python.run(
        r#"
        api.upload_file(path_or_fileobj=b"[2]", path_in_repo="config.json", repo_id="alice/tiny")
        say("done")
        "#,
    );
    let newer = ask(&space, look);
    assert_eq!(
        (&newer["config"], &answer["config"]),
        (&"[2]".into(), &"{}".into())
    );

    // Who may not see a model does not get it by naming it.
    let theirs = bob.publish_container("theirs", &with_the_client("models: [alice/hidden]\n"));
    let log = theirs.log("run").join("\n");
    assert!(
        log.contains("alice/hidden, which is not on this server"),
        "{log}"
    );
    let answer = theirs.exec("print(os.path.exists('/models/alice/hidden'))");
    assert_eq!(answer.trim(), "False");
}
