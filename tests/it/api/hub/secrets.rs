//! `add_space_secret`, `delete_space_secret`, `get_space_secrets`.

use crate::support::{Server, card, eventually};
use serde_json::json;
use std::time::Duration;

#[test]
fn secrets_reach_the_guest_and_nobody_else() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let output = server.python(&alice.token).run(
        r#"
        api.add_space_secret("alice/hostile", "PASSWORD", "open sesame", description="the door's")
        api.add_space_secret("alice/hostile", "SPARE", "one")
        listed = api.get_space_secrets("alice/hostile")
        api.delete_space_secret("alice/hostile", "SPARE")
        say({"listed": {k: v.description for k, v in listed.items()}, "dated": listed["SPARE"].updated_at is not None,
             "left": list(api.get_space_secrets("alice/hostile")),
             "raw": "open sesame" in json.dumps(api.get_space_runtime("alice/hostile").raw)})
        "#,
    );
    assert_eq!(
        output,
        json!({"listed": {"PASSWORD": "the door's", "SPARE": null}, "dated": true, "left": ["PASSWORD"], "raw": false})
    );
    let environment = eventually(
        Duration::from_secs(20),
        "the restarted guest has it",
        || {
            let text = space.visit("/env").text();
            text.contains("PASSWORD=").then_some(text)
        },
    );
    assert!(
        environment.contains("PASSWORD=open sesame"),
        "{environment}"
    );
    assert!(!environment.contains("SPARE"), "{environment}");
    assert!(!server.log().contains("open sesame"));
}

#[test]
fn secrets_are_sealed_on_disk() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[card("sdk: static")]);
    let secret = "a very particular secret";
    space
        .post("/secrets", &json!({"key": "KEY", "value": secret}))
        .expect(200);
    for file in files_under(&server.data()) {
        let content = std::fs::read(&file).unwrap_or_default();
        let found = content
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "in plain in {}", file.display());
    }
}

fn files_under(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files_under(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn names_that_are_no_variables_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    for key in ["", "A B", "A=B", "1A", "A\u{0}", "Ä"] {
        for kind in ["/secrets", "/variables"] {
            let answer = space.post(kind, &json!({"key": key, "value": "x"}));
            assert_eq!(answer.status, 400, "{key:?}: {answer:?}");
        }
    }
}

#[test]
fn only_the_owner_sees_and_sets_them() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.create("demo");
    let theirs = bob.view(&space);
    assert_eq!(theirs.api("/secrets").status, 403);
    assert_eq!(
        theirs
            .post("/secrets", &json!({"key": "A", "value": "b"}))
            .status,
        403
    );
    assert!(matches!(
        server.anonymous().view(&space).api("/secrets").status,
        401 | 403
    ));
}
