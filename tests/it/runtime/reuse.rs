//! One instance answers again only where the card allows it.

use std::time::Duration;

use crate::support::guests::wasi;
use crate::support::{Server, Space};

/// What each of these visits, one after the other, is told. A guest may still be on its way out when its answer is
/// whole, and whoever comes in that moment gets another one.
fn counts(space: &Space<'_>, visits: usize) -> Vec<u32> {
    (0..visits)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            space
                .visit("/counter")
                .expect(200)
                .text()
                .trim()
                .parse()
                .unwrap()
        })
        .collect()
}

#[test]
fn without_leave_every_request_has_a_fresh_instance() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    assert_eq!(counts(&space, 5), [1, 1, 1, 1, 1]);
}

#[test]
fn with_leave_one_instance_answers_again() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    assert_eq!(counts(&space, 5), [1, 2, 3, 4, 5]);
}

#[test]
fn not_for_ever() {
    let server = Server::with(&[("WASM__REUSE_COUNT", "3")]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    assert_eq!(counts(&space, 7), [1, 2, 3, 1, 2, 3, 1]);
}

#[test]
fn requests_at_once_never_share_an_instance() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let answer = space.visit("/sleep?ms=500");
                assert_eq!(answer.expect(200).text(), "ok\n");
            });
        }
    });
    counts(&space, 3);
}

#[test]
fn one_that_did_not_end_well_is_not_used_again() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    counts(&space, 3);
    space.visit("/spin").expect(504);
    assert_eq!(counts(&space, 2), [1, 2]);
    drop(space.open("/endless-body"));
    let after = counts(&space, 1);
    assert!(after[0] <= 3, "{after:?}");
}

#[test]
fn idle_ones_give_way_to_other_spaces() {
    let server = Server::with(&[("WASM__INSTANCES", "4")]);
    let keeper = server.user("alice");
    let keeper = keeper.publish_hostile("instance_reuse: true");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| keeper.visit("/sleep?ms=500").expect(200));
        }
    });
    let other = server.user("bob").publish_hostile("");
    assert_eq!(counts(&other, 3), [1, 1, 1]);
}

/// Idle instances of one Space that hold four fifths of 600 MiB, and another Space that needs a third of it.
fn makes_room(setting: &str, keeper: &str, other: &str) {
    let server = Server::with(&[(setting, "600 MiB")]);
    let keeper = server.user(keeper);
    let space = keeper.create_on("keeper", "cpu-basic");
    space.commit(&wasi("hostile", "instance_reuse: true"));
    space.wait_for("RUNNING");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| space.visit("/hold?mib=120&ms=1500").expect(200));
        }
    });
    let held = space.usage().memory_bytes / 1_048_576.0;
    assert!(held > 450.0, "idle instances hold {held} MiB");
    let hub;
    let owner = match other == "alice" {
        true => &keeper,
        false => {
            hub = server.user(other);
            &hub
        }
    };
    let other = owner.create_on("other", "cpu-nano");
    other.commit(&wasi("hostile", ""));
    other.wait_for("RUNNING");
    let answer = other.visit("/hold?mib=200&ms=100").expect(200);
    assert_eq!(answer.text(), "held 200 MiB\n");
    let left = space.usage().memory_bytes / 1_048_576.0;
    assert!(left > 100.0, "no more gave way than had to: {left} MiB");
}

#[test]
fn idle_ones_give_way_when_their_owners_memory_is_short() {
    makes_room("QUOTA__MEMORY_PER_OWNER", "alice", "alice");
}

#[test]
fn idle_ones_give_way_when_the_servers_memory_is_short() {
    makes_room("HOST__MEMORY", "alice", "bob");
}
