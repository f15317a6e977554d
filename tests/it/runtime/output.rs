//! Answers without an end.

use crate::support::guests::wasi;
use crate::support::server::resident;
use crate::support::{Server, eventually};
use std::time::Duration;

#[test]
fn headers_without_end_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let answer = space.visit("/endless-headers");
    if answer.status == 200 {
        let text = answer.text();
        let count: u64 = text
            .trim()
            .trim_start_matches("refused after ")
            .parse()
            .unwrap();
        assert!(count < 100_000, "{text}");
    } else {
        assert_eq!(answer.status, 502, "{answer:?}");
    }
    let many = space.visit("/many-headers?n=20000");
    assert_eq!(many.status, 502, "{many:?}");
    space.visit("/echo").expect(200);
    space.wait_for_no_memory();
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let server = Server::with(&[("WASM__RESPONSE_BYTES", "4 MiB")]);
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 60s"));
    space.wait_for("RUNNING");
    let answer = space.visit("/endless-body");
    assert_eq!(answer.status, 200);
    assert!(!answer.whole);
    let length = answer.body.len();
    assert!((3 << 20..5 << 20).contains(&length), "{length} bytes");
    space.wait_for_no_memory();
}

#[test]
fn what_nobody_reads_is_not_kept() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let before = resident(server.process());
    let unread: Vec<_> = (0..8).map(|_| space.open("/endless-body")).collect();
    std::thread::sleep(Duration::from_secs(1));
    let grown = resident(server.process()).saturating_sub(before);
    assert!(grown < 128 << 20, "the server grew by {} MiB", grown >> 20);
    drop(unread);
    space.wait_for_no_memory();
}

#[test]
fn a_body_that_is_ignored_does_not_hold_up_the_answer() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for size in [0, 10, 100_000, 5_000_000] {
        let request = space.request("POST", "/ignore-body").body(vec![b'x'; size]);
        let answer = eventually(Duration::from_secs(10), "an answer", || {
            // Closing before all was sent may cost the answer; asking again is what a client does.
            request
                .open(server.address)
                .ok()
                .map(|stream| stream.finish())
        });
        assert_eq!(answer.expect(200).text(), "ignored\n", "{size} bytes");
    }
    space.wait_for_no_memory();
}
