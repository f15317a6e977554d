//! `space_info` and what it says.

use crate::support::{Op, Server, card, static_site};
use serde_json::json;

#[test]
fn it_says_who_what_and_where() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("Demo_1");
    let head = space.commit(&[
        card("sdk: static\nemoji: 🏠\ntags: [one, two]"),
        Op::file("index.html", "hello"),
    ]);
    space.wait_for("RUNNING");
    let output = server.python("").run(
        r#"
        info = api.space_info("alice/Demo_1", files_metadata=True)
        say({"id": info.id, "author": info.author, "sha": info.sha, "sdk": info.sdk, "private": info.private,
             "host": info.host, "subdomain": info.subdomain, "stage": info.runtime.stage,
             "title": info.card_data.title, "emoji": info.card_data["emoji"], "tags": info.card_data.tags,
             "created": info.created_at.year > 2000, "modified": info.last_modified >= info.created_at,
             "files": {s.rfilename: s.size for s in info.siblings}})
        "#,
    );
    assert_eq!(output["files"]["index.html"], 5);
    let host = output["host"].as_str().unwrap();
    assert!(host.starts_with("http://"), "{host}");
    assert_eq!(
        output,
        json!({"id": "alice/Demo_1", "author": "alice", "sha": head, "sdk": "static", "private": false,
               "host": host, "subdomain": "alice-demo-1", "stage": "RUNNING", "title": "A test", "emoji": "🏠",
               "tags": ["one", "two"], "created": true, "modified": true, "files": output["files"]})
    );
}

#[test]
fn only_what_is_asked_for_is_said() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    let output = server.python("").run(
        r#"
        info = api.space_info("alice/demo", expand=["sha", "sdk"])
        say({"sha": info.sha, "sdk": info.sdk, "author": info.author, "siblings": info.siblings})
        "#,
    );
    assert_eq!(
        output,
        json!({"sha": head, "sdk": "static", "author": null, "siblings": null})
    );
}

#[test]
fn an_older_revision_is_described_as_it_was() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let first = space.commit(&static_site("one"));
    space.commit(&[Op::file("more.txt", "x")]);
    let output = server.python("").run(&format!(
        r#"
        info = api.space_info("alice/demo", revision="{first}")
        say({{"sha": info.sha, "files": [s.rfilename for s in info.siblings]}})
        "#
    ));
    assert_eq!(output["sha"], json!(first));
    assert!(
        !output["files"]
            .as_array()
            .unwrap()
            .contains(&json!("more.txt"))
    );
}
