//! Names that are tricks.

use crate::support::{Request, Server, static_site};
use serde_json::json;

#[test]
fn hostile_names_are_refused_in_words() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in [
        "",
        ".",
        "..",
        "../b",
        "a/../b",
        "a..b",
        "a--b",
        "-a",
        "a-",
        ".a",
        "a.",
        "a.git",
        "A.GIT",
        "a b",
        "a%2fb",
        "a\\b",
        "a\u{0}b",
        "ä",
        "a\nb",
        &"x".repeat(97),
        "a/b/c",
    ] {
        let answer = alice.create_with(name, json!({"organization": "alice"}));
        assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
        assert!(
            answer.json()["error"].as_str().unwrap().len() > 10,
            "{answer:?}"
        );
    }
    assert_eq!(alice.get("/api/spaces").json(), json!([]));
}

#[test]
fn a_name_too_long_for_an_address_says_so() {
    let server = Server::start();
    let alice = server.user("alice");
    let answer = alice.create_with(&"x".repeat(60), json!({})).expect(400);
    assert!(
        answer.json()["error"].as_str().unwrap().contains("63"),
        "{answer:?}"
    );
}

#[test]
fn names_that_differ_in_case_only_are_one() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("Demo");
    let twice = alice.create_with("dEMO", json!({})).expect(409);
    assert!(
        twice.json()["url"]
            .as_str()
            .unwrap()
            .ends_with("/spaces/alice/Demo"),
        "{twice:?}"
    );
}

#[test]
fn two_names_with_one_address_are_not_both_taken() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("a.b");
    space.commit(&static_site("mine"));
    space.wait_for("RUNNING");
    // Another owner's name and Space may come out the same.
    let other = server.user("alice-a");
    for (who, name) in [(&alice, "a_b"), (&alice, "a-b"), (&other, "b")] {
        let answer = who.create_with(name, json!({}));
        // Not a 409: clients take that as leave to go on with the Space that is there.
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert!(answer.text().contains("same address"), "{answer:?}");
    }
    alice.create_with("A.b", json!({})).expect(409);
    assert_eq!(space.visit("/").expect(200).text(), "mine");
}

#[test]
fn encoded_slashes_and_dots_do_not_climb() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    for target in [
        "/api/spaces/alice%2fdemo",
        "/api/spaces/alice/..%2f..%2fwhoami-v2",
        "/api/spaces/..%2f..%2f../alice/demo",
        "/spaces/alice/demo/resolve/main/..%2f..%2fadmin-token",
        "/spaces/alice/demo/resolve/main/../../../../admin-token",
        "/spaces/alice/demo/resolve/main/.git/config",
        "/spaces/alice/demo/resolve/..%2f..%2fHEAD/index.html",
        "/run/alice/demo/..%2f..%2f..%2fadmin-token",
        "/run/alice/demo/../../../admin-token",
        "/run/../admin-token",
        "/run/alice%2fdemo/",
    ] {
        let answer = alice.get(target);
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
        assert!(!answer.text().contains(&server.admin_token()), "{target}");
    }
    for target in [
        "/..%2f..%2fadmin-token",
        "/../../admin-token",
        "/%2e%2e/%2e%2e/admin-token",
        "//etc/passwd",
        "/%00",
    ] {
        let answer = space.send(&space.request("GET", target));
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
    }
}

#[test]
fn owners_with_hostile_names_are_refused() {
    let server = Server::start();
    for name in ["", "..", "a b", "-a", "a--b", "a/b", "ä", &"x".repeat(40)] {
        let output = crate::support::cli::glasshouse(
            &server,
            &server.admin_token(),
            &["user", "add", "--", name],
        );
        assert_ne!(output.code, Some(0), "{name:?}: {output:?}");
    }
    server.user("alice");
    let twice =
        crate::support::cli::glasshouse(&server, &server.admin_token(), &["user", "add", "ALICE"]);
    assert!(twice.failure().to_lowercase().contains("alice"));
    let answer = server
        .anonymous()
        .send(Request::get("/api/spaces/..%2f../x"));
    assert!((400..500).contains(&answer.status));
}
