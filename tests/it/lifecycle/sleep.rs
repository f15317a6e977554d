//! Nobody visits: it sleeps. Somebody visits: it wakes.

use crate::support::guests::wasi;
use crate::support::{Hub, Server, Space, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

fn drowsy<'a>(alice: &Hub<'a>) -> Space<'a> {
    let space = alice.create("guest");
    space.commit(&wasi("hostile", "request_timeout: 30s"));
    space.wait_for("RUNNING");
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    space
}

#[track_caller]
fn falls_asleep(space: &Space<'_>) {
    eventually(Duration::from_secs(20), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
}

#[test]
fn it_sleeps_and_a_visit_wakes_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = drowsy(&alice);
    for _ in 0..3 {
        falls_asleep(&space);
        let begin = Instant::now();
        space.visit("/echo").expect(200);
        assert!(
            begin.elapsed() < Duration::from_secs(3),
            "{:?}",
            begin.elapsed()
        );
        assert_eq!(space.stage(), "RUNNING");
    }
}

#[test]
fn many_visitors_wake_it_once() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = drowsy(&alice);
    falls_asleep(&space);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| space.visit("/echo").expect(200));
        }
    });
}

#[test]
fn a_long_visit_keeps_it_awake() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = drowsy(&alice);
    let answer = space.visit("/stream?n=2&ms=5000").expect_whole(200);
    assert!(answer.text().contains("line 2"), "{answer:?}");
    falls_asleep(&space);
}

#[test]
fn it_sleeps_through_a_restart_of_the_server() {
    let mut server = Server::start();
    let token = {
        let alice = server.user("alice");
        falls_asleep(&drowsy(&alice));
        alice.token.clone()
    };
    server.kill();
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    let space = alice.space("guest");
    eventually(Duration::from_secs(20), "it answers or sleeps", || {
        matches!(&*space.stage(), "SLEEPING" | "RUNNING").then_some(())
    });
    space.visit("/echo").expect(200);
}

#[test]
fn a_new_version_is_built_while_it_sleeps() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = drowsy(&alice);
    falls_asleep(&space);
    space.commit(&crate::support::static_site("new"));
    eventually(Duration::from_secs(30), "the new one answers", || {
        (space.visit("/").text() == "new").then_some(())
    });
}

#[test]
fn one_that_never_sleeps_does_not() {
    let server = Server::with(&[("SLEEP__AFTER", "1s")]);
    let alice = server.user("alice");
    let publish = |name: &str| {
        let space = alice.create(name);
        space.commit(&wasi("hello", ""));
        space.wait_for("RUNNING");
        space
    };
    let restless = publish("restless");
    restless
        .post("/sleeptime", &json!({"seconds": -1}))
        .expect(200);
    let other = publish("other");
    falls_asleep(&other);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(restless.stage(), "RUNNING");
}

#[test]
fn code_is_dropped_from_memory_and_loaded_again() {
    let server = Server::with(&[("WASM__UNLOAD_AFTER", "1s")]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/echo").expect(200);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(space.stage(), "RUNNING");
    let begin = Instant::now();
    space.visit("/echo").expect(200);
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
}
