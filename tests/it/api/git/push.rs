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

#[test]
fn a_branch_that_is_not_published_says_how_it_would_be() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let git = Git::init(&server, "work");
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    git.run(&["remote", "add", "origin", &address]).success();
    git.run(&["checkout", "-q", "-b", "master"]).success();
    git.commit(&[("README.md", CARD), ("index.html", b"from master")]);
    let told = git.run(&["push", "origin", "master"]).success().stderr;
    assert!(
        told.contains("remote: `master` is stored, but `main`"),
        "{told}"
    );
    let (_, command) = told
        .split_once("remote: To publish `master`: git ")
        .unwrap();
    let command = command.lines().next().unwrap();
    let told = git
        .run(&command.split_whitespace().collect::<Vec<_>>())
        .success()
        .stderr;
    assert!(told.contains("remote: Building alice/demo"), "{told}");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "from master");
    // Tags are nobody's mistake.
    git.run(&["tag", "v1"]).success();
    let told = git.run(&["push", "origin", "v1"]).success().stderr;
    assert!(!told.contains("remote: "), "{told}");
}

#[test]
fn a_shallow_clone_pushes_what_it_adds() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let git = Git::init(&server, "work");
    for text in ["one", "two", "three"] {
        git.commit(&[("a", text.as_bytes())]);
    }
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    git.run(&["push", "-q", &address, "main"]).success();
    let shallow = Git::init(&server, "shallow");
    let fetch = ["fetch", "-q", "--depth", "1", &address, "main"];
    shallow.run(&fetch).success();
    shallow
        .run(&["reset", "-q", "--hard", "FETCH_HEAD"])
        .success();
    shallow.commit(&[("b", b"of the shallow one")]);
    shallow.run(&["push", "-q", &address, "main"]).success();
    let clone = Git::clone(&server, &address, "clone");
    assert_eq!(clone.say(&["rev-list", "--count", "HEAD"]), "4");
    clone.run(&["fsck", "--strict"]).success();
    // Where the history is nowhere, the terminal says what to do.
    alice
        .create_with("other", json!({"type": "model"}))
        .expect(200);
    let other = Git::address(&server, "alice", &alice.token, "alice/other");
    let refused = shallow.run(&["push", &other, "main"]).failure();
    assert!(
        refused.contains("remote: This clone is shallow"),
        "{refused}"
    );
    assert!(refused.contains("git fetch --unshallow"), "{refused}");
}
