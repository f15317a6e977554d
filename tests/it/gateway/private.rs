//! A private Space is visited by its owner alone.

use crate::support::{Server, Space, static_site};
use serde_json::json;

fn private<'a>(alice: &crate::support::Hub<'a>) -> Space<'a> {
    alice
        .create_with(
            "hidden",
            json!({"visibility": "private", "hardware": "cpu-basic"}),
        )
        .expect(200);
    alice.space("hidden")
}

#[test]
fn strangers_are_told_that_it_is_not_there() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = private(&alice);
    space.commit(&static_site("a secret"));
    space.wait_for("RUNNING");
    let never = server.anonymous().get("/run/alice/never/");
    for target in ["/", "/index.html"] {
        let answer = space.visit(target);
        assert!(matches!(answer.status, 401 | 404), "{answer:?}");
        assert!(!answer.text().contains("secret"));
    }
    let path = server.anonymous().get("/run/alice/hidden/");
    assert_eq!(
        path.status, never.status,
        "it cannot be told from one that does not exist: {path:?}"
    );
    let theirs = space.send(&space.request("GET", "/").bearer(&bob.token));
    assert!(matches!(theirs.status, 403 | 404), "{theirs:?}");
}

#[test]
fn its_owner_visits_with_either_header_and_the_guest_sees_neither() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = private(&alice);
    space.commit(&crate::support::guests::wasi("hostile", ""));
    space.wait_for("RUNNING");
    for header in ["authorization", "x-hf-authorization"] {
        let request = space
            .request("GET", "/headers")
            .header(header, format!("Bearer {}", alice.token));
        let answer = space.send(&request).expect(200);
        assert!(!answer.text().contains(&alice.token), "{answer:?}");
    }
    // An operator sees every Space.
    let operator = space
        .request("GET", "/headers")
        .bearer(&server.admin_token());
    space.send(&operator).expect(200);
    let wrong = space.request("GET", "/headers").bearer("gls_nonsense");
    assert_ne!(space.send(&wrong).status, 200);
}
