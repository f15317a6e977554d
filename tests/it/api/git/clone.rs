//! `git clone` and `git pull`.

use crate::support::{Git, Op, Server, static_site};
use serde_json::json;

#[test]
fn a_public_repository_is_cloned_by_anybody() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    for (name, path) in [
        ("plain", "spaces/alice/demo"),
        ("dotted", "spaces/alice/demo.git"),
    ] {
        let clone = Git::clone(&server, &Git::address(&server, "", "", path), name);
        assert_eq!(clone.read("index.html"), b"one");
        assert_eq!(clone.say(&["rev-parse", "HEAD"]), head);
        clone.run(&["fsck", "--strict"]).success();
    }
}

#[test]
fn a_pull_brings_what_came_since() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let address = Git::address(&server, "", "", "spaces/alice/demo");
    let clone = Git::clone(&server, &address, "clone");
    // More than git sends uncompressed.
    for n in 0..60 {
        space.commit(&[Op::file("index.html", format!("{n}"))]);
        if n % 20 == 0 {
            clone.run(&["pull", "-q"]).success();
        }
    }
    clone.run(&["pull", "-q"]).success();
    assert_eq!(clone.read("index.html"), b"59");
    let old = clone.run(&["-c", "protocol.version=0", "fetch", "origin"]);
    old.success();
}

#[test]
fn a_private_one_asks_who_is_there() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let hidden = json!({"type": "model", "visibility": "private"});
    alice.create_with("tiny", hidden).expect(200);
    let git = Git::init(&server, "look");
    let ask = |user: &str, token: &str| {
        git.run(&[
            "ls-remote",
            &Git::address(&server, user, token, "alice/tiny"),
        ])
    };
    let nobody = ask("", "").failure();
    // It is asked for a name, and has none.
    assert!(nobody.contains("could not read Username"), "{nobody}");
    let stranger = ask("bob", &bob.token).failure();
    assert!(stranger.contains("not found"), "{stranger}");
    let wrong = ask("alice", "gls_0000000000000000000000000000000000000000").failure();
    assert!(wrong.contains("Authentication failed"), "{wrong}");
    ask("alice", &alice.token).success();
    // Whether there is one is not told either.
    let never = git.run(&["ls-remote", &Git::address(&server, "", "", "alice/never")]);
    assert!(never.failure().contains("could not read Username"));
}

#[test]
fn a_moved_one_is_found_under_its_old_name() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("old").commit(&static_site("one"));
    let body = json!({"fromRepo": "alice/old", "toRepo": "alice/new", "type": "space"});
    alice.post("/api/repos/move", &body).expect(200);
    let address = Git::address(&server, "", "", "spaces/alice/old");
    let clone = Git::clone(&server, &address, "clone");
    assert_eq!(clone.read("index.html"), b"one");
}
