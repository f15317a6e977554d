//! While a new version takes over, no visitor is turned away.

use crate::support::guests::wasi;
use crate::support::{Op, Server, static_site};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn publishing_restarting_and_resizing_lose_no_visit() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("0"));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let visitors: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let answer = space.visit("/");
                        assert_eq!(answer.status, 200, "{answer:?}");
                        seen.push(answer.text());
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    seen
                })
            })
            .collect();
        for n in 1..=5 {
            space.commit(&[Op::file("index.html", n.to_string())]);
            space.wait_for("RUNNING");
            space.post("/restart", &json!({})).expect(200);
            std::thread::sleep(Duration::from_millis(200));
            space.wait_for("RUNNING");
        }
        space
            .post("/hardware", &json!({"flavor": "cpu-upgrade"}))
            .expect(200);
        std::thread::sleep(Duration::from_millis(500));
        space.wait_for("RUNNING");
        over.store(true, Ordering::Relaxed);
        for visitor in visitors {
            let seen = visitor.join().unwrap();
            assert!(
                seen.is_sorted(),
                "an older version answered after a newer one: {seen:?}"
            );
            assert_eq!(seen.last().unwrap(), "5");
        }
    });
}

#[test]
fn a_visit_under_way_ends_in_peace() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("guest", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 60s"));
    space.wait_for("RUNNING");
    let stream = space.open("/stream?n=5&ms=800");
    space.commit(&wasi("hello", ""));
    crate::support::eventually(Duration::from_secs(30), "the new version answers", || {
        (space.visit("/").text() == "hello\n").then_some(())
    });
    let answer = stream.finish();
    assert!(
        answer.whole && answer.text().contains("line 5"),
        "{answer:?}"
    );
}

#[test]
fn a_pause_ends_visits() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("guest", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 5m"));
    space.wait_for("RUNNING");
    let stream = space.open("/stream?n=1000&ms=200");
    space.post("/pause", &json!({})).expect(200);
    let answer = stream.finish();
    assert!(!answer.whole || answer.body.len() < 5000);
    assert_eq!(space.stage(), "PAUSED");
    space.wait_for_no_memory();
}
