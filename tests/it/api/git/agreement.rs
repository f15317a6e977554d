//! Both ways into one repository: git and the API.

use crate::support::{Git, Op, Server, static_site};
use serde_json::json;

#[test]
fn each_sees_what_the_other_did() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let git = Git::clone(&server, &address, "work");
    git.commit(&[("by-git.txt", b"git")]);
    // The API was faster.
    space.commit(&[Op::file("by-api.txt", "api")]);
    let behind = git.run(&["push", "origin", "main"]).failure();
    assert!(behind.contains("fetch first"), "{behind}");
    git.run(&["pull", "-q", "--rebase"]).success();
    git.run(&["push", "-q", "origin", "main"]).success();
    // Git was faster.
    let head = git.say(&["rev-parse", "HEAD"]);
    let stale = git.say(&["rev-parse", "HEAD~1"]);
    let refused = space.try_commit(Some(&stale), &[Op::file("x", "y")]);
    assert_eq!(refused.status, 412, "{refused:?}");
    let next = space
        .try_commit(Some(&head), &[Op::file("x", "y")])
        .expect(200);
    git.run(&["pull", "-q"]).success();
    assert_eq!(git.say(&["rev-parse", "HEAD"]), next.json()["commitOid"]);
    for file in ["by-git.txt", "by-api.txt", "x", "index.html"] {
        assert!(git.folder.join(file).exists(), "{file}");
    }
}

#[test]
fn of_many_at_once_none_is_lost() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    let first = Git::init(&server, "first");
    first.commit(&[("start", b"x")]);
    first.run(&["push", "-q", &address, "main"]).success();
    std::thread::scope(|scope| {
        for n in 0..3 {
            let (server, address, alice) = (&server, &address, alice.clone());
            scope.spawn(move || {
                let git = Git::clone(server, address, &format!("clone{n}"));
                for round in 0..4 {
                    git.commit(&[(&format!("git-{n}-{round}"), b"x")]);
                    // Whoever is late pulls and tries again.
                    while git.run(&["push", "-q", "origin", "main"]).code != Some(0) {
                        git.run(&["pull", "-q", "--rebase"]).success();
                    }
                }
            });
            scope.spawn(move || {
                for round in 0..4 {
                    let line = json!({"key": "file", "value": {"content": "eA==", "path": format!("api-{n}-{round}"), "encoding": "base64"}});
                    let header = json!({"key": "header", "value": {"summary": "by the API"}});
                    let request = crate::support::Request::post("/api/models/alice/tiny/commit/main")
                        .body(format!("{header}\n{line}\n"));
                    alice.send(request).expect(200);
                }
            });
        }
    });
    let clone = Git::clone(&server, &address, "all");
    clone.run(&["fsck", "--strict"]).success();
    for way in ["git", "api"] {
        for n in 0..3 {
            for round in 0..4 {
                let name = format!("{way}-{n}-{round}");
                assert!(clone.folder.join(&name).exists(), "{name} was lost");
            }
        }
    }
    let info = alice.get("/api/models/alice/tiny").expect(200).json();
    assert_eq!(info["sha"], clone.say(&["rev-parse", "HEAD"]));
}
