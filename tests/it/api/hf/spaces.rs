//! `hf spaces`.

use crate::support::guests::wasi;
use crate::support::{Hub, Server, Space, static_site};

fn published<'a>(alice: &Hub<'a>) -> Space<'a> {
    let space = alice.create("hello");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    space
}

#[test]
fn ls_lists_spaces_and_files() {
    let server = Server::start();
    let alice = server.user("alice");
    published(&alice);
    let hf = server.hf(&alice.token);
    assert_eq!(hf.json(&["spaces", "ls"])[0]["id"], "alice/hello");
    let files = hf.json(&["spaces", "ls", "alice/hello", "-R"]);
    let paths: Vec<_> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["path"])
        .collect();
    assert!(paths.contains(&&"app.wasm".into()), "{files}");
}

#[test]
fn info_says_what_runs() {
    let server = Server::start();
    let alice = server.user("alice");
    published(&alice);
    let hf = server.hf("");
    let info = hf.json(&["spaces", "info", "alice/hello"]);
    assert_eq!(info["id"], "alice/hello");
    assert_eq!(info["runtime"]["stage"], "RUNNING");
    let missing = hf.run(&["spaces", "info", "alice/never"]).failure();
    assert!(missing.contains("not found"), "{missing}");
}

#[test]
fn logs_of_builds_and_runs() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/print?n=7").expect(200);
    let hf = server.hf(&alice.token);
    let run = hf.run(&["spaces", "logs", "alice/hostile"]).success();
    assert!(run.stdout.contains("line 7"), "{run:?}");
    let tail = hf
        .run(&["spaces", "logs", "alice/hostile", "-n", "2"])
        .success();
    assert!(
        tail.stdout.contains("line 7") && !tail.stdout.contains("line 2"),
        "{tail:?}"
    );
    // The log of a build ends with the build: this would follow it for ever.
    let build = hf
        .run(&["spaces", "logs", "alice/hostile", "--build", "--follow"])
        .success();
    assert!(build.stdout.contains("app.wasm"), "{build:?}");
}

#[test]
fn pause_restart_and_wait() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let hf = server.hf(&alice.token);
    let paused = hf.json(&["spaces", "pause", "alice/hello"]);
    assert_eq!(paused["stage"], "PAUSED");
    hf.run(&["spaces", "wait", "alice/hello"]).failure();
    hf.run(&["spaces", "restart", "alice/hello", "--factory-reboot"])
        .success();
    hf.run(&["spaces", "wait", "alice/hello", "--timeout", "60s"])
        .success();
    space.visit("/").expect(200);
}

#[test]
fn sizes_and_settings() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let hf = server.hf(&alice.token);
    let sizes = hf.json(&["spaces", "hardware"]);
    assert_eq!(sizes[0]["name"], "cpu-nano");
    let set = hf.json(&[
        "spaces",
        "settings",
        "alice/hello",
        "--hardware",
        "cpu-basic",
        "--sleep-time",
        "900",
    ]);
    assert_eq!(set["hardware"], "cpu-basic");
    assert_eq!(set["sleep_time"], 900);
    hf.run(&["spaces", "settings", "alice/hello", "--sleep-time", "300"])
        .success();
    assert_eq!(space.runtime()["gcTimeout"], 300);
}

#[test]
fn secrets_and_variables() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let hf = server.hf(&alice.token);
    hf.run(&["spaces", "secrets", "add", "alice/demo", "-s", "KEY=hush"])
        .success();
    hf.run(&[
        "spaces",
        "variables",
        "add",
        "alice/demo",
        "-e",
        "MODE=fast",
    ])
    .success();
    let secrets = hf
        .run(&["spaces", "secrets", "ls", "alice/demo", "--json"])
        .success();
    assert!(
        secrets.stdout.contains("KEY") && !secrets.stdout.contains("hush"),
        "{secrets:?}"
    );
    let variables = hf
        .run(&["spaces", "variables", "ls", "alice/demo", "--json"])
        .success();
    assert!(variables.stdout.contains("fast"), "{variables:?}");
    hf.run(&["spaces", "secrets", "delete", "alice/demo", "KEY", "--yes"])
        .success();
    hf.run(&[
        "spaces",
        "variables",
        "delete",
        "alice/demo",
        "MODE",
        "--yes",
    ])
    .success();
    assert_eq!(space.api("/secrets").json(), serde_json::json!({}));
    assert_eq!(space.api("/variables").json(), serde_json::json!({}));
}

#[test]
fn the_card_is_read_back() {
    let server = Server::start();
    let alice = server.user("alice");
    published(&alice);
    let card = server
        .hf("")
        .json(&["spaces", "card", "alice/hello", "--metadata"]);
    assert_eq!(card["sdk"], "wasi");
}
