//! A request ends at its deadline, whatever the guest does.

use crate::support::guests::wasi;
use crate::support::{Server, eventually};
use std::time::{Duration, Instant};

/// The card's `request_timeout: 3s`, and time for a busy machine.
const SOON: std::ops::Range<Duration> = Duration::from_millis(2500)..Duration::from_secs(9);

#[test]
fn a_loop_before_the_answer_is_a_504_that_says_so() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for target in [
        "/spin",
        "/sleep?ms=60000",
        "/busy?ms=60000",
        "/print-forever",
    ] {
        let begin = Instant::now();
        let answer = space.visit(target);
        assert_eq!(answer.status, 504, "{target}: {answer:?}");
        let text = answer.text().to_lowercase();
        assert!(
            text.contains("3 s") || text.contains("3s") || text.contains("time"),
            "{answer:?}"
        );
        assert!(
            SOON.contains(&begin.elapsed()),
            "{target} took {:?}",
            begin.elapsed()
        );
        space.visit("/echo").expect(200);
    }
    space.wait_for_no_memory();
}

#[test]
fn a_loop_after_the_first_bytes_breaks_the_body_off() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let begin = Instant::now();
    let answer = space.visit("/spin-after");
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with("first bytes\n"), "{answer:?}");
    assert!(
        !answer.whole,
        "a body that was cut short must not look whole"
    );
    assert!(SOON.contains(&begin.elapsed()), "{:?}", begin.elapsed());
    space.wait_for_no_memory();
}

#[test]
fn a_card_cannot_ask_for_more_than_the_server_allows() {
    let server = Server::with(&[
        ("WASM__MAX_REQUEST_TIMEOUT", "2s"),
        ("WASM__REQUEST_TIMEOUT", "1s"),
    ]);
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", ""));
    space.wait_for("RUNNING");
    let begin = Instant::now();
    space.visit("/spin").expect(504);
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn neighbours_answer_while_guests_spin() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let hello = alice.create("hello");
    hello.commit(&wasi("hello", ""));
    hello.wait_for("RUNNING");
    std::thread::scope(|scope| {
        let spinners: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| space.visit("/spin").status))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        for _ in 0..10 {
            let begin = Instant::now();
            hello.visit("/").expect(200);
            assert!(
                begin.elapsed() < Duration::from_millis(1500),
                "{:?}",
                begin.elapsed()
            );
            let begin = Instant::now();
            server.anonymous().get("/healthz").expect(200);
            assert!(
                begin.elapsed() < Duration::from_millis(1000),
                "{:?}",
                begin.elapsed()
            );
        }
        for spinner in spinners {
            assert!(matches!(spinner.join().unwrap(), 503 | 504));
        }
    });
    eventually(Duration::from_secs(20), "it answers again", || {
        (space.visit("/echo").status == 200).then_some(())
    });
}

#[test]
fn a_guest_that_lingers_after_its_answer_ends_too() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let begin = Instant::now();
    assert_eq!(
        space.visit("/linger?ms=600000").expect(200).text(),
        "done\n"
    );
    assert!(
        begin.elapsed() < SOON.start,
        "the answer does not wait for the guest"
    );
    assert!(space.usage().memory_bytes > 0.0, "it lingers");
    eventually(SOON.end, "it has ended", || {
        (space.usage().memory_bytes == 0.0).then_some(())
    });
}
