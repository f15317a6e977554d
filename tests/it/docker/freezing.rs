//! Idle for a while, a container is frozen; wanted, it is thawed; in the way, it is stopped.

use crate::support::docker::{app, docker};
use crate::support::{DockerServer, Space, eventually};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[track_caller]
fn freezes(server: &DockerServer, space: &Space<'_>) {
    eventually(Duration::from_secs(30), "it is frozen", || {
        (server.container(space)["State"]["Status"] == "paused").then_some(())
    });
}

/// How often the engine thawed that container.
fn thawed(id: &str) -> usize {
    // The engine counts in whole seconds, and waits for what has not come yet.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let events = docker(&[
        "events",
        "--since=10m",
        &format!("--until={}", now.as_secs() + 1),
        &format!("--filter=container={id}"),
        "--filter=event=unpause",
    ]);
    events.unwrap().lines().count()
}

#[test]
fn a_visit_thaws_it_and_nothing_else_does() {
    let server = DockerServer::with(&[("DOCKER__FREEZE_AFTER", "1s")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let started = server.container(&space)["State"]["StartedAt"].clone();
    for _ in 0..3 {
        freezes(&server, &space);
        // Looking is not visiting.
        for _ in 0..5 {
            assert_eq!(space.stage(), "RUNNING");
            space.info();
            space.api("/logs/run?follow=false").expect(200);
        }
        assert_eq!(server.container(&space)["State"]["Status"], "paused");
        let begin = Instant::now();
        assert_eq!(space.visit("/").expect(200).text(), "here");
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
    assert_eq!(server.container(&space)["State"]["StartedAt"], started);
    // Not frozen again before the visitor who waited was there.
    let id = server.container(&space)["Id"].as_str().unwrap().to_owned();
    assert_eq!(thawed(&id), 3);
}

#[test]
fn many_visitors_thaw_it_once_and_all_are_answered() {
    let server = DockerServer::with(&[("DOCKER__FREEZE_AFTER", "1s")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    for _ in 0..3 {
        freezes(&server, &space);
        std::thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| assert_eq!(space.visit("/").expect(200).text(), "here"));
            }
        });
    }
}

#[test]
fn a_long_request_keeps_it_from_freezing() {
    let server = DockerServer::with(&[("DOCKER__FREEZE_AFTER", "1s")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let output = space.exec(
        r#"
        first = time.time()
        for _ in range(60): time.sleep(0.1)
        print(time.time() - first)
        "#,
    );
    let seconds: f64 = output.trim().parse().unwrap();
    assert!(seconds < 12.0, "it stood still: {seconds}");
    freezes(&server, &space);
}

#[test]
fn the_longest_idle_gives_way_when_memory_is_short() {
    // Room for two of cpu-nano's 256 MiB.
    let server = DockerServer::with(&[
        ("DOCKER__FREEZE_AFTER", "1s"),
        ("DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
        ("HOST__MEMORY", "600 MiB"),
        ("BUILD__CONTAINER_MEMORY", "64 MiB"),
    ]);
    let alice = server.user("alice");
    let first = alice.publish_container("first", &app("first", ""));
    let second = alice.publish_container("second", &app("second", ""));
    std::thread::sleep(Duration::from_secs(1));
    first.visit("/").expect(200);
    std::thread::sleep(Duration::from_secs(1));
    let third = alice.publish_container("third", &app("third", ""));
    assert_eq!(third.visit("/").expect(200).text(), "third");
    assert_eq!(second.stage(), "SLEEPING");
    assert_eq!(first.stage(), "RUNNING");
    // It comes back, and another makes room for it.
    assert_eq!(second.visit("/").expect(200).text(), "second");
}

#[test]
fn the_idle_give_way_to_guests_in_the_servers_process_too() {
    let server = DockerServer::with(&[
        ("DOCKER__FREEZE_AFTER", "1s"),
        ("DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
        ("HOST__MEMORY", "600 MiB"),
        ("BUILD__CONTAINER_MEMORY", "64 MiB"),
    ]);
    let alice = server.user("alice");
    let guest = alice.publish_hostile("request_timeout: 60s");
    let first = alice.publish_container("first", &app("first", ""));
    let second = alice.publish_container("second", &app("second", ""));
    std::thread::sleep(Duration::from_secs(1));
    second.visit("/").expect(200);
    std::thread::sleep(Duration::from_secs(1));
    let answer = guest.visit("/hold?mib=200&ms=100").expect(200);
    assert_eq!(answer.text(), "held 200 MiB\n");
    assert_eq!(first.stage(), "SLEEPING");
    assert_eq!(second.stage(), "RUNNING");
}
