//! `git push`.

use crate::support::{Git, Request, Server};
use serde_json::json;

const CARD: &[u8] = b"---\nsdk: static\n---\n";

#[test]
fn a_push_is_a_publish() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let git = Git::init(&server, "work");
    git.commit(&[("README.md", CARD), ("index.html", b"from git")]);
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let output = git.run(&["push", &address, "main"]).success();
    assert!(
        output.stderr.contains("remote: Building alice/demo"),
        "{output:?}"
    );
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "from git");
    assert_eq!(space.info()["sha"], git.say(&["rev-parse", "HEAD"]));
    git.commit(&[("index.html", b"again")]);
    git.run(&["push", &address, "main"]).success();
    crate::support::eventually(std::time::Duration::from_secs(30), "the new page", || {
        (space.visit("/").text() == "again").then_some(())
    });
}

#[test]
fn branches_and_tags_are_pushed_moved_and_removed() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let git = Git::init(&server, "work");
    git.commit(&[("a", b"one")]);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny.git");
    git.run(&["remote", "add", "origin", &address]).success();
    git.run(&["push", "-q", "-u", "origin", "main"]).success();
    git.run(&["tag", "-a", "v1", "-m", "the first"]).success();
    git.run(&["checkout", "-q", "-b", "dev/x"]).success();
    git.commit(&[("b", b"two")]);
    git.run(&["push", "-q", "origin", "dev/x", "v1"]).success();
    let refs = alice.get("/api/models/alice/tiny/refs").expect(200).json();
    let first = git.say(&["rev-parse", "main"]);
    assert_eq!(refs["tags"][0]["targetCommit"], first);
    assert_eq!(refs["branches"][0]["name"], "dev/x");
    // History rewritten, with force alone.
    git.run(&["commit", "-q", "--amend", "-m", "another"])
        .success();
    let refused = git.run(&["push", "origin", "dev/x"]).failure();
    assert!(refused.contains("non-fast-forward"), "{refused}");
    git.run(&["push", "-q", "--force", "origin", "dev/x"])
        .success();
    git.run(&["push", "-q", "origin", ":dev/x", ":v1"])
        .success();
    let refs = alice.get("/api/models/alice/tiny/refs").expect(200).json();
    assert_eq!(refs["branches"].as_array().unwrap().len(), 1);
    assert_eq!(refs["tags"], json!([]));
    let main = git.run(&["push", "origin", ":main"]).failure();
    assert!(main.contains("`main` cannot be deleted"), "{main}");
}

#[test]
fn only_writers_push() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("demo");
    let git = Git::init(&server, "work");
    git.commit(&[("index.html", b"mine")]);
    let push = |user: &str, token: &str| {
        git.run(&[
            "push",
            &Git::address(&server, user, token, "spaces/alice/demo"),
            "main",
        ])
        .failure()
    };
    assert!(push("", "").contains("could not read Username"));
    let bobs = push("bob", &bob.token);
    assert!(bobs.contains("Only alice may change alice/demo"), "{bobs}");
    let read = alice
        .post("/api/tokens", &json!({"name": "r", "scope": "read"}))
        .expect(201);
    let reader = push("alice", read.json()["token"].as_str().unwrap());
    assert!(reader.contains("may only read"), "{reader}");
}

#[test]
fn a_thousand_files_arrive() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("rows", json!({"type": "dataset"}))
        .expect(200);
    let git = Git::init(&server, "work");
    let files: Vec<_> = (0..1000)
        .map(|n| (format!("d{}/f{n}", n % 7), format!("file {n}\n").repeat(n)))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    git.commit(&files);
    let address = Git::address(&server, "alice", &alice.token, "datasets/alice/rows");
    git.run(&["push", "-q", &address, "main"]).success();
    let clone = Git::clone(&server, &address, "clone");
    assert_eq!(
        clone.say(&["rev-parse", "HEAD"]),
        git.say(&["rev-parse", "HEAD"])
    );
    assert_eq!(clone.read("d1/f8"), "file 8\n".repeat(8).as_bytes());
    clone.run(&["fsck", "--strict"]).success();
    let file = alice.send(Request::get("/datasets/alice/rows/resolve/main/d1/f8"));
    assert_eq!(file.expect(200).body, "file 8\n".repeat(8).as_bytes());
}
