//! A Space that is fully busy lets some wait and sends the rest away.

use crate::support::{Answer, Server};
use std::time::{Duration, Instant};

#[test]
fn some_wait_and_the_rest_are_sent_away_at_once() {
    let server = Server::with(&[
        ("GATEWAY__CONCURRENCY_PER_SPACE", "2"),
        ("GATEWAY__QUEUE_PER_SPACE", "2"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let answers: Vec<(Answer, Duration)> = std::thread::scope(|scope| {
        let visits: Vec<_> = (0..8)
            .map(|n| {
                let space = &space;
                std::thread::sleep(Duration::from_millis(20 * u64::from(n > 0)));
                scope.spawn(move || {
                    let begin = Instant::now();
                    (space.visit("/sleep?ms=1000"), begin.elapsed())
                })
            })
            .collect();
        visits
            .into_iter()
            .map(|visit| visit.join().unwrap())
            .collect()
    });
    let statuses: Vec<_> = answers.iter().map(|(answer, _)| answer.status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        4,
        "{statuses:?}"
    );
    for (answer, took) in answers.iter().filter(|(answer, _)| answer.status != 200) {
        assert!(matches!(answer.status, 429 | 503), "{answer:?}");
        let after: u64 = answer
            .header("retry-after")
            .expect("says when")
            .parse()
            .unwrap();
        assert!(after >= 1, "{answer:?}");
        assert!(*took < Duration::from_millis(700), "{took:?}");
    }
    // Afterwards all is as before.
    space.visit("/echo").expect(200);
}

#[test]
fn a_turn_that_does_not_come_is_given_up() {
    let server = Server::with(&[
        ("GATEWAY__CONCURRENCY_PER_SPACE", "1"),
        ("GATEWAY__QUEUE_TIMEOUT", "500ms"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| space.visit("/sleep?ms=2000"));
        std::thread::sleep(Duration::from_millis(300));
        (space.visit("/echo"), first.join().unwrap())
    });
    assert_eq!(second.status, 200);
    assert_eq!(first.status, 503, "{first:?}");
    assert!(first.header("retry-after").is_some());
}

#[test]
fn one_busy_space_does_not_queue_another() {
    let server = Server::with(&[
        ("GATEWAY__CONCURRENCY_PER_SPACE", "1"),
        ("GATEWAY__QUEUE_PER_SPACE", "1"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let other = alice.publish("other", &crate::support::static_site("fine"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| space.visit("/sleep?ms=1000"));
        }
        std::thread::sleep(Duration::from_millis(200));
        for _ in 0..5 {
            assert_eq!(other.visit("/").expect(200).text(), "fine");
        }
    });
}
