//! `git-lfs`, unmodified.

use std::fs;

use crate::support::{Git, Request, Server};
use serde_json::json;

/// Bytes that do not compress, different for each seed.
fn noise(seed: u32, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        })
        .collect()
}

#[test]
fn a_large_file_is_pushed_read_and_cloned() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    let git = Git::init(&server, "work");
    git.run(&["lfs", "install", "--local"]).success();
    git.run(&["lfs", "track", "*.bin"]).success();
    let bytes = noise(1, 3_000_000);
    git.commit(&[("sub/weights.bin", &bytes)]);
    git.run(&["remote", "add", "origin", &address]).success();
    git.run(&["push", "-q", "origin", "main"]).success();

    let file = alice
        .get("/alice/tiny/resolve/main/sub/weights.bin")
        .expect(200);
    assert_eq!(file.body, bytes);
    let tree = alice
        .get("/api/models/alice/tiny/tree/main/sub")
        .expect(200)
        .json();
    assert_eq!(tree[0]["size"], 3_000_000);
    assert_eq!(tree[0]["lfs"]["size"], 3_000_000);
    let part =
        Request::get("/alice/tiny/resolve/main/sub/weights.bin").header("range", "bytes=2999990-");
    let part = alice.send(part).expect(206);
    assert_eq!(part.body, bytes[2_999_990..]);
    assert_eq!(
        part.header("content-range"),
        Some("bytes 2999990-2999999/3000000")
    );

    let clone = Git::init(&server, "clone");
    clone.run(&["lfs", "install", "--local"]).success();
    clone.run(&["remote", "add", "origin", &address]).success();
    clone.run(&["pull", "-q", "origin", "main"]).success();
    assert_eq!(clone.read("sub/weights.bin"), bytes);
}

#[test]
fn a_pointer_to_nothing_is_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    let git = Git::init(&server, "work");
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n",
        "a".repeat(64)
    );
    git.commit(&[("weights.bin", pointer.as_bytes())]);
    let output = git.run(&["push", &address, "main"]).failure();
    assert!(
        output.contains("was not sent here") && output.contains("git lfs"),
        "{output}"
    );
}

#[test]
fn a_space_runs_what_was_sent_as_a_large_file() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let git = Git::init(&server, "work");
    git.run(&["lfs", "install", "--local"]).success();
    git.run(&["lfs", "track", "*.html"]).success();
    let page = "<p>large</p>".repeat(1000);
    git.commit(&[
        ("README.md", b"---\nsdk: static\n---\n"),
        ("index.html", page.as_bytes()),
    ]);
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    git.run(&["remote", "add", "origin", &address]).success();
    git.run(&["push", "-q", "origin", "main"]).success();
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), page);
}

#[test]
fn a_file_is_on_disk_once_and_goes_with_the_last_that_has_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let bytes = noise(2, 2_000_000);
    for name in ["one", "two"] {
        alice
            .create_with(name, json!({"type": "dataset"}))
            .expect(200);
        let git = Git::init(&server, name);
        git.run(&["lfs", "install", "--local"]).success();
        git.run(&["lfs", "track", "*.bin"]).success();
        git.commit(&[("rows.bin", &bytes)]);
        let address = Git::address(
            &server,
            "alice",
            &alice.token,
            &format!("datasets/alice/{name}"),
        );
        git.run(&["remote", "add", "origin", &address]).success();
        git.run(&["push", "-q", "origin", "main"]).success();
    }
    let copy = json!({"repository": "alice/three"});
    alice
        .post("/api/datasets/alice/one/duplicate", &copy)
        .expect(200);
    let file = alice
        .get("/datasets/alice/three/resolve/main/rows.bin")
        .expect(200);
    assert_eq!(file.body, bytes);
    let mut names = Vec::new();
    let mut folders = vec![server.data().join("repos")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let facts = entry.metadata().unwrap();
            if facts.is_dir() {
                folders.push(entry.path());
            } else if facts.len() == 2_000_000 {
                names.push(std::os::unix::fs::MetadataExt::ino(&facts));
            }
        }
    }
    assert_eq!(
        names.len(),
        4,
        "one for each repository, and one for the server"
    );
    names.dedup();
    assert_eq!(names.len(), 1, "all of one file");
}
