//! `hf` with models and datasets.

use crate::support::Server;
use std::fs;

#[test]
fn everything_one_types_about_a_model() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    let folder = server.scratch("weights");
    fs::write(folder.join("README.md"), "---\nlicense: mit\n---\n# Tiny\n").unwrap();
    fs::write(folder.join("config.json"), "{}").unwrap();
    let path = folder.to_str().unwrap();
    hf.run(&["upload", "alice/tiny", path, "."]).success();
    let down = server.scratch("down");
    hf.run(&[
        "download",
        "alice/tiny",
        "--local-dir",
        down.to_str().unwrap(),
    ])
    .success();
    assert_eq!(fs::read_to_string(down.join("config.json")).unwrap(), "{}");

    hf.run(&["repos", "branch", "create", "alice/tiny", "dev"])
        .success();
    hf.run(&["repos", "tag", "create", "alice/tiny", "v1"])
        .success();
    let tags = hf.json(&["repos", "tag", "list", "alice/tiny"]).to_string();
    assert!(tags.contains("v1"), "{tags}");
    let listed = hf.json(&["models", "ls", "--author", "alice"]);
    assert_eq!(listed[0]["id"], "alice/tiny");
    let files = hf.json(&["models", "ls", "alice/tiny", "-R"]).to_string();
    assert!(files.contains("config.json"), "{files}");
    let info = hf.json(&["models", "info", "alice/tiny"]);
    assert_eq!(info["id"], "alice/tiny");
    let card = hf.run(&["models", "card", "alice/tiny"]).success();
    assert!(card.stdout.contains("# Tiny"), "{card:?}");
    hf.run(&["repos", "duplicate", "alice/tiny", "alice/copy"])
        .success();
    hf.run(&["repos", "move", "alice/copy", "alice/moved"])
        .success();
    hf.run(&["repos", "settings", "alice/moved", "--private"])
        .success();
    let mine = hf.json(&["repos", "ls"]).to_string();
    assert!(mine.contains("alice/moved"), "{mine}");
    hf.run(&["repos", "delete", "alice/moved", "--yes"])
        .success();
    let missing = hf
        .run(&["download", "alice/moved", "config.json"])
        .failure();
    assert!(missing.contains("alice/moved"), "{missing}");
    hf.run(&["upload", "alice/rows", path, ".", "--type", "dataset"])
        .success();
    let datasets = hf.json(&["datasets", "ls", "--author", "alice"]);
    assert_eq!(datasets[0]["id"], "alice/rows");
}

#[test]
fn what_is_not_offered_says_so() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("demo");
    let hf = server.hf(&alice.token);
    let listed = hf.run(&["discussions", "ls", "alice/demo", "--type", "space"]);
    listed.success();
    for arguments in [
        &[
            "discussions",
            "create",
            "alice/demo",
            "--type",
            "space",
            "--title",
            "Hello",
        ][..],
        &["collections", "create", "Mine"],
        &["webhooks", "ls"],
    ] {
        let output = hf.run(arguments).failure();
        assert!(output.contains("does not offer"), "{arguments:?}: {output}");
    }
}
