//! Of builds that overtake each other the newest counts.

use crate::support::guests::wasi;
use crate::support::{Op, Server, card, eventually, static_site};
use std::time::Duration;

#[test]
fn the_last_of_many_quick_commits_is_what_runs() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("0"));
    for n in 1..=15 {
        space.commit(&[Op::file("index.html", n.to_string())]);
    }
    eventually(Duration::from_secs(60), "the last commit answers", || {
        (space.visit("/").text() == "15" && space.stage() == "RUNNING").then_some(())
    });
}

#[test]
fn a_space_changes_its_sdk() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("files"));
    space.wait_for("RUNNING");
    space.commit(&wasi("hello", ""));
    eventually(Duration::from_secs(60), "the guest answers", || {
        (space.visit("/").text() == "hello\n").then_some(())
    });
    space.commit(&[card("sdk: static")]);
    eventually(Duration::from_secs(60), "the files answer", || {
        (space.visit("/").text() == "files").then_some(())
    });
}

#[test]
fn the_old_version_serves_until_a_broken_new_one_is_mended() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("good"));
    space.wait_for("RUNNING");
    space.commit(&[card("sdk: quantum")]);
    eventually(Duration::from_secs(30), "the build has failed", || {
        (space.stage() == "CONFIG_ERROR").then_some(())
    });
    assert_eq!(space.visit("/").expect(200).text(), "good");
    space.commit(&[card("sdk: static"), Op::file("index.html", "better")]);
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "better");
}

#[test]
fn a_restart_of_the_same_source_builds_nothing_anew() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in ["one", "two"] {
        let space = alice.create(name);
        space.commit(&wasi("hello", ""));
        space.wait_for("RUNNING");
    }
    let components = server.data().join("artifacts/components");
    let compiled = std::fs::read_dir(components).unwrap().flatten();
    let compiled =
        compiled.filter(|entry| entry.path().extension().is_some_and(|end| end == "cwasm"));
    assert_eq!(compiled.count(), 1, "the same module is compiled once");
}
