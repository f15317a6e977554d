//! A class behind one address: everybody's page loads, with all its files.

use crate::support::{Op, Server, Space, card};
use std::sync::Barrier;

const BROWSERS: usize = 20;
const CONNECTIONS: usize = 6;
const FILES: usize = 4;

/// All browsers open the page at once, each with its connections, each of which asks for one file after another.
fn everybody_opens(space: &Space<'_>, target: impl Fn(usize) -> String + Sync) {
    let begin = Barrier::new(BROWSERS * CONNECTIONS);
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let visits: Vec<_> = (0..BROWSERS * CONNECTIONS)
            .map(|_| {
                let (begin, target) = (&begin, &target);
                scope.spawn(move || {
                    begin.wait();
                    let files = (0..FILES).map(|file| space.visit(&target(file)));
                    files
                        .filter(|answer| answer.status != 200 || !answer.whole)
                        .map(|answer| (answer.status, answer.text()))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let visits = visits.into_iter();
        visits.flat_map(|visit| visit.join().unwrap()).collect()
    });
    assert!(
        wrong.is_empty(),
        "{} are wrong: {:?}",
        wrong.len(),
        wrong[0]
    );
}

/// Places for far fewer than come.
const FEW: [(&str, &str); 2] = [
    ("GATEWAY__CONCURRENCY_PER_SPACE", "4"),
    ("GATEWAY__CONCURRENCY_PER_VISITOR", "3"),
];

#[test]
fn every_file_of_a_static_space_arrives() {
    let server = Server::with(&FEW);
    let alice = server.user("alice");
    let mut files = vec![card("sdk: static"), Op::file("index.html", "here")];
    files.extend((0..FILES).map(|n| Op::file(&format!("{n}.txt"), vec![b'x'; 64 << 10])));
    let space = alice.publish("site", &files);
    everybody_opens(&space, |file| format!("/{file}.txt"));
}

#[test]
fn every_answer_of_a_computing_space_arrives_asleep_and_awake() {
    let mut server = Server::with(&FEW);
    let token = {
        let alice = server.user("alice");
        alice.publish_hostile("");
        alice.token.clone()
    };
    // Nothing of it is loaded yet.
    server.stop();
    server.launch();
    let alice = crate::support::Hub::new(&server, "alice", &token);
    let space = alice.space("hostile");
    for _ in 0..2 {
        everybody_opens(&space, |file| format!("/echo?file={file}"));
    }
}
