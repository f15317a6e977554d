//! Who may see and change what.

use crate::support::{Op, Request, Server, static_site};
use serde_json::json;

#[test]
fn nobody_changes_anything_without_a_token() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    let bob = server.user("bob");
    for (who, allowed) in [(server.anonymous(), [401, 401]), (bob, [403, 403])] {
        let theirs = who.view(&space);
        let key = json!({"key": "A", "value": "b"});
        let answers = [
            theirs.try_commit(None, &[Op::file("index.html", "mine")]),
            theirs.post("/restart", &json!({})),
            theirs.post("/pause", &json!({})),
            theirs.post("/hardware", &json!({"flavor": "cpu-upgrade"})),
            theirs.post("/sleeptime", &json!({"seconds": 60})),
            theirs.post("/secrets", &key),
            theirs.post("/variables", &key),
            who.send(
                Request::new("DELETE", "/api/repos/delete")
                    .json(&json!({"name": "demo", "organization": "alice", "type": "space"})),
            ),
            who.send(
                Request::new("PUT", "/api/spaces/alice/demo/settings")
                    .json(&json!({"visibility": "private"})),
            ),
        ];
        for answer in answers {
            assert!(allowed.contains(&answer.status), "{}: {answer:?}", who.name);
        }
    }
    assert_eq!(space.info()["sha"], json!(head));
    assert_eq!(space.stage(), "RUNNING");
}

#[test]
fn a_protected_space_is_visited_by_all_and_read_by_its_owner() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice
        .create_with("demo", json!({"visibility": "protected"}))
        .expect(200);
    let space = alice.space("demo");
    space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "one");
    let read = bob.get("/spaces/alice/demo/resolve/main/index.html");
    assert!(matches!(read.status, 403 | 404), "{read:?}");
    let tree = bob.get("/api/spaces/alice/demo/tree/main");
    assert!(matches!(tree.status, 403 | 404), "{tree:?}");
    alice
        .get("/spaces/alice/demo/resolve/main/index.html")
        .expect(200);
}

#[test]
fn visibility_is_changed() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    let set = |visibility: &str| {
        let target = "/api/spaces/alice/demo/settings";
        alice
            .send(Request::new("PUT", target).json(&json!({"visibility": visibility})))
            .expect(200);
    };
    set("private");
    assert_eq!(server.anonymous().get("/api/spaces/alice/demo").status, 404);
    assert_ne!(space.visit("/").status, 200);
    set("public");
    server.anonymous().get("/api/spaces/alice/demo").expect(200);
    space.visit("/").expect(200);
}

#[test]
fn a_read_token_changes_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let made = crate::support::cli::glasshouse(
        &server,
        &alice.token,
        &["token", "create", "viewer", "--scope", "read"],
    );
    let mut reader = alice.clone();
    reader.token = made.success().stdout.trim().to_owned();
    reader.get("/api/spaces/alice/demo").expect(200);
    let refused = reader.view(&space).try_commit(None, &[Op::file("a", "b")]);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(reader.create_with("other", json!({})).status, 403);
}

#[test]
fn the_admin_token_is_for_its_owners_eyes() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let mode = std::fs::metadata(server.data().join("admin-token"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let me = server.admin().get("/api/whoami-v2").expect(200).json();
    assert_eq!(me["name"], "admin");
}

#[test]
fn metrics_are_for_operators() {
    let server = Server::start();
    let alice = server.user("alice");
    assert!(matches!(
        server.anonymous().get("/metrics").status,
        401 | 403 | 404
    ));
    assert!(matches!(alice.get("/metrics").status, 403 | 404));
    let metrics = server.admin().get("/metrics").expect(200);
    assert!(metrics.text().contains("# TYPE"), "{metrics:?}");
}
