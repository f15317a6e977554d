//! A Space that wakes can be followed, at an address that never reaches the Space.

use std::time::Duration;

use crate::support::{Server, Space, eventually, static_site};
use serde_json::json;

const READY: &str = "event: ready\ndata: {}\n\n";

#[test]
fn one_that_answers_is_ready_at_both_addresses() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("site", &static_site("here"));
    let own = space.visit("/.glasshouse/wake").expect_whole(200);
    assert_eq!(own.header("content-type"), Some("text/event-stream"));
    assert_eq!(own.text(), READY);
    let path = server.anonymous().get("/run/alice/site/.glasshouse/wake");
    assert_eq!(path.expect(200).text(), READY);
    space.visit("/.glasshouse/else").expect(404);
}

#[test]
fn one_that_is_paused_is_followed_until_it_answers_again() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    pause(&space);
    let request = space.request("GET", "/.glasshouse/wake");
    let mut events = request.open(server.address).unwrap();
    events.set_patience(Duration::from_secs(30));
    let failed = String::from_utf8(events.piece().unwrap().unwrap()).unwrap();
    assert!(failed.starts_with("event: failed\n"), "{failed}");
    assert!(failed.contains("paused"), "{failed}");
    space.post("/restart", &json!({})).expect(200);
    let rest = events.finish();
    assert!(rest.whole && rest.text().ends_with(READY), "{rest:?}");
}

#[test]
fn logs_are_for_those_who_may_read_them() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    pause(&space);
    let follow = |token: Option<&str>| {
        let request = space.request("GET", "/.glasshouse/wake");
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        let mut events = request.open(server.address).unwrap();
        events.set_patience(Duration::from_secs(30));
        events.piece().unwrap();
        events
    };
    let (hers, anybodys) = (follow(Some(&alice.token)), follow(None));
    space.post("/restart", &json!({})).expect(200);
    let (hers, anybodys) = (hers.finish().text(), anybodys.finish().text());
    assert!(hers.ends_with(READY), "{hers}");
    assert!(anybodys.ends_with(READY), "{anybodys}");
    assert!(!anybodys.contains("event: line"), "{anybodys}");
}

/// Pauses it and waits until visitors notice: what the API says is the owner's wish, which the route follows.
fn pause(space: &Space) {
    space.post("/pause", &json!({})).expect(200);
    eventually(Duration::from_secs(30), "visitors are refused", || {
        (space.visit("/").status != 200).then_some(())
    });
}
