//! A new version starts beside the old one and takes over when it answers.

use crate::support::docker::{app, python};
use crate::support::{DockerServer, Op, Space, eventually};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The same app, which thinks for a while before it listens.
fn slow(says: &str) -> Vec<Op> {
    let mut files = app(says, "");
    for file in &mut files {
        if let Op::File(path, content) = file
            && path == "app.py"
        {
            let slow = [b"import time; time.sleep(3)\n".as_slice(), content].concat();
            *content = slow;
        }
    }
    files
}

/// What visitors were told, one after the other, until `enough`.
fn visits(space: &Space<'_>, enough: &AtomicBool) -> Vec<String> {
    let mut told = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let answer = space.visit("/");
        assert!(
            answer.status == 200 && answer.whole,
            "visit {}: {answer:?}",
            told.len()
        );
        told.push(answer.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    told
}

#[test]
fn no_request_fails_while_it_does() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &slow("one"));
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (space, enough) = (&space, &enough);
        let visitors: Vec<_> = (0..4)
            .map(|_| scope.spawn(move || visits(space, enough)))
            .collect();
        // Begun with the old, it ends with the old.
        let long = scope.spawn(move || space.exec("time.sleep(12); print(SAYS)"));
        space.commit(&slow("two"));
        let taken_over = std::panic::catch_unwind(AssertUnwindSafe(|| {
            eventually(Duration::from_secs(90), "the new one answers", || {
                (space.visit("/").text() == "two").then_some(())
            });
        }));
        std::thread::sleep(Duration::from_secs(1));
        enough.store(true, Ordering::Relaxed);
        assert!(taken_over.is_ok());
        for visitor in visitors {
            let told = visitor.join().unwrap();
            let first_new = told.iter().position(|told| told == "two").unwrap();
            assert!(first_new > 0, "it began with the new one");
            assert!(
                told[first_new..].iter().all(|told| told == "two"),
                "the old one came back"
            );
        }
        assert_eq!(long.join().unwrap(), "one\n");
    });
    eventually(Duration::from_secs(30), "the old one is gone", || {
        (server.containers(&space).len() == 1).then_some(())
    });
}

#[test]
fn one_that_does_not_start_leaves_the_old_serving() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("one", ""));
    space.commit(&python("raise SystemExit('no')", ""));
    eventually(Duration::from_secs(60), "it is known to be broken", || {
        space.error_message().contains("no").then_some(())
    });
    assert_eq!(space.visit("/").expect(200).text(), "one");
    // Mended, it takes over.
    space.commit(&app("two", ""));
    eventually(Duration::from_secs(60), "the mended one answers", || {
        (space.visit("/").text() == "two").then_some(())
    });
}
