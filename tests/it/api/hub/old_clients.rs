//! The last of the 0.x and 1.x releases of `huggingface_hub`: labs have them in their images.

use crate::support::{Server, static_site};
use serde_json::json;

/// The same behaviours with each.
macro_rules! with_each {
    ($($test:ident)+) => {
        mod v0_36 { $(#[test] fn $test() { super::$test("test-venv-0.36.2"); })+ }
        mod v1_33 { $(#[test] fn $test() { super::$test("test-venv-1.33.0"); })+ }
    };
}

with_each! {
    a_private_repository_is_made_and_read_back
    a_folder_goes_up_and_comes_down
    a_large_file_is_sent_by_either_way
    a_space_is_published_set_up_and_stopped
    a_space_is_duplicated
    a_repository_is_moved_and_deleted
    branches_tags_and_stale_parents
    each_absence_has_its_own_exception
}

fn a_private_repository_is_made_and_read_back(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(version).run(
        r#"
        url = api.create_repo("alice/tiny", private=True)
        again = raised(lambda: api.create_repo("alice/tiny"))
        api.create_repo("alice/tiny", exist_ok=True)
        private = api.model_info("alice/tiny").private
        api.update_repo_settings("alice/tiny", private=False)
        say({"url": str(url), "again": again["type"], "private": private, "then": api.model_info("alice/tiny").private,
             "me": api.whoami()["name"]})
        "#,
    );
    let wanted = json!({
        "url": format!("{}/alice/tiny", server.url()),
        "again": "HfHubHTTPError",
        "private": true,
        "then": false,
        "me": "alice",
    });
    assert_eq!(output, wanted);
}

fn a_folder_goes_up_and_comes_down(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(version).run(
        r#"
        up = Path("up"); (up / "sub").mkdir(parents=True)
        (up / "a.txt").write_text("one"); (up / "sub/b.json").write_text("{}")
        api.create_repo("alice/rows", repo_type="dataset")
        api.upload_folder(folder_path=up, repo_id="alice/rows", repo_type="dataset", commit_message="both")
        api.delete_file("a.txt", "alice/rows", repo_type="dataset")
        down = Path(snapshot_download("alice/rows", repo_type="dataset"))
        say({
            "files": sorted(api.list_repo_files("alice/rows", repo_type="dataset")),
            "down": (down / "sub/b.json").read_text(),
            "commits": [commit.title for commit in api.list_repo_commits("alice/rows", repo_type="dataset")],
            "listed": [one.id for one in api.list_datasets(author="alice")],
        })
        "#,
    );
    assert_eq!(
        output["files"],
        json!([".gitattributes", "sub/b.json"]),
        "{output:#}"
    );
    assert_eq!(output["down"], "{}");
    assert_eq!(output["listed"], json!(["alice/rows"]));
    assert_eq!(output["commits"][1], "both", "{output:#}");
}

fn a_large_file_is_sent_by_either_way(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    for (name, without_xet) in [("chunks", "0"), ("lfs", "1")] {
        let python = server.python(&alice.token).of(version);
        let output = python.setting("HF_HUB_DISABLE_XET", without_xet).run(&format!(
            r#"
            import hashlib
            bytes_ = os.urandom(12 << 20)
            api.create_repo("alice/{name}")
            api.upload_file(path_or_fileobj=bytes_, path_in_repo="weights.bin", repo_id="alice/{name}")
            got = Path(hf_hub_download("alice/{name}", "weights.bin")).read_bytes()
            info = api.get_paths_info("alice/{name}", ["weights.bin"])[0]
            say({{"same": got == bytes_, "sha": info.lfs.sha256 == hashlib.sha256(bytes_).hexdigest(), "size": info.size}})
            "#
        ));
        assert_eq!(
            output,
            json!({"same": true, "sha": true, "size": 12 << 20}),
            "{name}"
        );
    }
}

fn a_space_is_published_set_up_and_stopped(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(version).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static", space_variables=[{"key": "MODE", "value": "fast"}])
        api.upload_file(path_or_fileobj=b"---\nsdk: static\n---\n", path_in_repo="README.md", repo_id="alice/demo", repo_type="space")
        api.upload_file(path_or_fileobj=b"hello", path_in_repo="index.html", repo_id="alice/demo", repo_type="space")
        for _ in range(300):
            stage = api.get_space_runtime("alice/demo").stage
            if stage == "RUNNING":
                break
            time.sleep(0.1)
        api.add_space_secret("alice/demo", "KEY", "hidden")
        variables = api.get_space_variables("alice/demo")
        paused = api.pause_space("alice/demo").stage
        restarted = api.restart_space("alice/demo").stage
        sleeping = api.set_space_sleep_time("alice/demo", 3600).sleep_time
        say({"stage": stage, "variables": {key: one.value for key, one in variables.items()}, "paused": paused,
             "restarted": restarted != "PAUSED", "sleeping": sleeping, "sdk": api.space_info("alice/demo").sdk})
        "#,
    );
    let wanted = json!({
        "stage": "RUNNING",
        "variables": {"MODE": "fast"},
        "paused": "PAUSED",
        "restarted": true,
        "sleeping": 3600,
        "sdk": "static",
    });
    assert_eq!(output, wanted);
}

fn a_space_is_duplicated(version: &'static str) {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.publish("demo", &static_site("one"));
    let output = server.python(&bob.token).of(version).run(
        r#"
        url = api.duplicate_space("alice/demo", "bob/mine", private=True)
        say({"url": str(url), "private": api.space_info("bob/mine").private})
        "#,
    );
    let url = format!("{}/spaces/bob/mine", server.url());
    assert_eq!(output, json!({"url": url, "private": true}));
}

fn a_repository_is_moved_and_deleted(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(version).run(
        r#"
        api.create_repo("alice/old")
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="alice/old")
        api.move_repo("alice/old", "alice/new")
        moved = Path(hf_hub_download("alice/old", "x.txt")).read_text()
        api.delete_repo("alice/new")
        say({"moved": moved, "gone": raised(lambda: api.model_info("alice/new"))["type"], "exists": api.repo_exists("alice/new")})
        "#,
    );
    let wanted = json!({"moved": "x", "gone": "RepositoryNotFoundError", "exists": false});
    assert_eq!(output, wanted);
}

fn branches_tags_and_stale_parents(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).of(version).run(
        r#"
        api.create_repo("alice/tiny")
        put = lambda text, **more: api.upload_file(path_or_fileobj=text, path_in_repo="a.txt", repo_id="alice/tiny", **more)
        first = put(b"one").oid
        api.create_branch("alice/tiny", branch="dev")
        api.create_tag("alice/tiny", tag="v1")
        put(b"two")
        stale = raised(lambda: put(b"three", parent_commit=first))["type"]
        refs = api.list_repo_refs("alice/tiny")
        at = lambda revision: Path(hf_hub_download("alice/tiny", "a.txt", revision=revision)).read_text()
        say({"stale": stale, "branches": sorted(ref.name for ref in refs.branches), "tags": [ref.name for ref in refs.tags],
             "main": at("main"), "dev": at("dev"), "v1": at("v1")})
        "#,
    );
    let wanted = json!({
        "stale": "HfHubHTTPError",
        "branches": ["dev", "main"],
        "tags": ["v1"],
        "main": "two",
        "dev": "one",
        "v1": "one",
    });
    assert_eq!(output, wanted);
}

fn each_absence_has_its_own_exception(version: &'static str) {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("demo").commit(&static_site("one"));
    let output = server.python(&alice.token).of(version).run(
        r#"
        kind = lambda call: raised(call)["type"]
        get = lambda *a, **k: kind(lambda: api.hf_hub_download(*a, repo_type="space", **k))
        say({
            "space": kind(lambda: api.space_info("alice/never")),
            "revision": kind(lambda: api.space_info("alice/demo", revision="never")),
            "file": get("alice/demo", "never.txt").removeprefix("Remote"),
            "token": kind(lambda: HfApi(token="hf_wrong").whoami()).removeprefix("HfHub"),
        })
        "#,
    );
    let wanted = json!({
        "space": "RepositoryNotFoundError",
        "revision": "RevisionNotFoundError",
        "file": "EntryNotFoundError",
        "token": "HTTPError",
    });
    assert_eq!(output, wanted);
}
