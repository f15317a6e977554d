//! Tokens for one purpose, for a time.

use crate::support::{Hub, Server, eventually, static_site};
use serde_json::{Value, json};
use std::time::Duration;

fn made<'a>(hub: &Hub<'a>, body: &Value) -> Hub<'a> {
    let answer = hub.post("/api/tokens", body).expect(201).json();
    let mut other = hub.clone();
    other.token = answer["token"].as_str().unwrap().to_owned();
    other
}

#[test]
fn a_fine_grained_token_does_what_it_is_for() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in ["one", "two"] {
        alice
            .create_with(name, json!({"visibility": "private"}))
            .expect(200);
    }
    let grants = json!([{"type": "space", "repo": "alice/one", "write": true}]);
    let body = json!({"name": "ci", "scope": "fineGrained", "grants": grants});
    let robot = made(&alice, &body);
    robot.space("one").commit(&static_site("by the robot"));
    assert_eq!(robot.get("/api/spaces/alice/two").status, 404);
    assert_eq!(robot.create_with("three", json!({})).status, 403);
    assert_eq!(
        robot.post("/api/tokens", &json!({"name": "more"})).status,
        403
    );
    let listed = robot.get("/api/spaces").expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed:#}");
    let me = robot.get("/api/whoami-v2").expect(200).json();
    assert_eq!(me["auth"]["accessToken"]["role"], "fineGrained");
}

#[test]
fn requests_for_tokens_that_make_no_sense() {
    let server = Server::start();
    let alice = server.user("alice");
    for body in [
        json!({"name": "x", "scope": "everything"}),
        json!({"name": "x", "scope": "fineGrained"}),
        json!({"name": "x", "scope": "write", "grants": [{"owner": "alice"}]}),
        json!({"name": "x", "scope": "fineGrained", "grants": [{}]}),
        json!({"name": "x", "scope": "fineGrained", "grants": [{"owner": "nobody"}]}),
        json!({"name": "x", "scope": "fineGrained", "grants": [{"owner": "alice", "repo": "alice/x"}]}),
        json!({"name": "x", "expiresAt": "1999-01-01T00:00:00Z"}),
        json!({"name": "x", "expiresAt": "soon"}),
        json!({"name": ""}),
    ] {
        assert_eq!(alice.post("/api/tokens", &body).status, 400, "{body}");
    }
    let unseen = json!({"name": "x", "scope": "fineGrained", "grants": [{"repo": "alice/none"}]});
    assert_eq!(alice.post("/api/tokens", &unseen).status, 404);
}

#[test]
fn a_token_ends_and_its_use_is_known() {
    let server = Server::start();
    let alice = server.user("alice");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1500);
    let brief = made(
        &alice,
        &json!({"name": "brief", "expiresAt": soon.to_string()}),
    );
    brief.get("/api/whoami-v2").expect(200);
    let used = eventually(Duration::from_secs(5), "its use is noted", || {
        let tokens = alice.get("/api/tokens").expect(200).json();
        let tokens = tokens.as_array().unwrap().clone();
        let brief = tokens
            .into_iter()
            .find(|token| token["name"] == "brief")
            .unwrap();
        brief["lastUsedAt"].as_str().map(str::to_owned)
    });
    assert!(used.ends_with('Z'), "{used}");
    eventually(Duration::from_secs(5), "it ends", || {
        (brief.get("/api/whoami-v2").status == 401).then_some(())
    });
}
