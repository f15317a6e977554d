//! Guests that die.

use crate::support::Server;

#[test]
fn a_trap_before_the_answer_is_a_502() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    for target in ["/trap", "/recurse", "/none"] {
        let answer = space.visit(target);
        assert_eq!(answer.status, 502, "{target}: {answer:?}");
        assert!(!answer.body.is_empty(), "it says something to the visitor");
        // The next request finds a sound instance.
        assert_eq!(
            space.visit("/counter").expect(200).text(),
            "1\n",
            "after {target}"
        );
        space.visit("/trap").expect(502);
    }
    assert_eq!(space.stage(), "RUNNING");
    space.wait_for_no_memory();
}

#[test]
fn a_trap_after_the_first_bytes_does_not_look_like_an_answer() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for _ in 0..5 {
        let answer = space.visit("/trap-after");
        // The head may not have left yet, and then the truth can still be told.
        let broke_off = answer.status == 200 && !answer.whole;
        assert!(answer.status == 502 || broke_off, "{answer:?}");
    }
    space.wait_for_no_memory();
}

#[test]
fn the_author_reads_why_in_the_log() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/trap").expect(502);
    space.visit("/recurse").expect(502);
    let log = space.log("run").join("\n").to_lowercase();
    assert!(log.contains("unreachable"), "{log}");
    assert!(log.contains("stack"), "{log}");
}

#[test]
fn what_a_visitor_reads_says_nothing_of_the_inside() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for target in ["/trap", "/recurse", "/none"] {
        let text = space.visit(target).text();
        for word in [
            "wasmtime",
            "src/",
            ".rs",
            "0x",
            &*server.data().to_string_lossy(),
        ] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn many_deaths_leave_the_space_running() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for _ in 0..50 {
        space.visit("/trap").expect(502);
    }
    space.visit("/echo").expect(200);
    assert_eq!(space.stage(), "RUNNING");
}
