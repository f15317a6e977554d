//! An engine that is absent, hangs, refuses, or breaks off: everything else goes on, and it is taken up again.

use super::fake_engine::{FakeEngine, Instead};
use crate::support::docker::app;
use crate::support::{DockerServer, Server, cli, eventually, static_site};
use std::time::{Duration, Instant};

/// A server with that engine between it and the real one.
fn with_fake(settings: &[(&str, &str)]) -> (DockerServer, FakeEngine, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = FakeEngine::listen(folder.path());
    let host = engine.host();
    let mut all = vec![("DOCKER__HOST", host.as_str())];
    all.extend(settings);
    (DockerServer::with(&all), engine, folder)
}

#[test]
fn without_one_all_else_works_and_an_author_is_told() {
    let server = Server::with(&[("DOCKER__HOST", "unix:///nonexistent/engine.sock")]);
    let alice = server.user("alice");
    let site = alice.publish("site", &static_site("here"));
    assert_eq!(site.visit("/").expect(200).text(), "here");
    let space = alice.create("app");
    space.commit(&app("", ""));
    eventually(Duration::from_secs(30), "it is said", || {
        space
            .error_message()
            .contains("container engine")
            .then_some(())
    });
    let log = space.log("build").join("\n");
    assert!(log.contains("container engine"), "{log}");
}

#[test]
fn turned_off_it_is_the_operators_will() {
    let server = Server::with(&[("DOCKER__ENABLED", "false")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(&app("", ""), "CONFIG_ERROR");
    assert!(message.contains("turned off"), "{message}");
}

#[test]
fn the_doctor_says_how_to_get_one() {
    let mut command = std::process::Command::new(crate::support::server::BINARY);
    command
        .arg("doctor")
        .env("DOCKER_HOST", "unix:///nonexistent/engine.sock");
    let output = cli::Said::of(&mut command);
    let text = output.stdout + &output.stderr;
    assert!(
        text.contains("Docker") || text.contains("container"),
        "{text}"
    );
    assert!(text.contains("install"), "{text}");
}

#[test]
fn one_that_comes_later_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let host = format!("unix://{}", folder.path().join("engine.sock").display());
    let server = DockerServer::with(&[("DOCKER__HOST", &host)]);
    let alice = server.user("alice");
    let space = alice.create("app");
    space.commit(&app("here", ""));
    eventually(Duration::from_secs(30), "it is missed", || {
        space
            .error_message()
            .contains("container engine")
            .then_some(())
    });
    let _engine = FakeEngine::listen(folder.path());
    // Nobody has to ask for it.
    eventually(Duration::from_secs(120), "it is built after all", || {
        (space.stage() == "RUNNING").then_some(())
    });
    assert_eq!(space.visit("/").expect(200).text(), "here");
}

#[test]
fn one_that_hangs_holds_up_nobody_else() {
    let (mut server, engine, _folder) = with_fake(&[]);
    engine.does("", "", usize::MAX, Instead::Hang);
    server.kill();
    let begin = Instant::now();
    server.launch();
    assert!(
        begin.elapsed() < Duration::from_secs(45),
        "it starts after {:?}",
        begin.elapsed()
    );
    let alice = server.user("alice");
    let broken = alice.create("app");
    broken.commit(&app("here", ""));
    let begin = Instant::now();
    let site = alice.publish("site", &static_site("site"));
    assert_eq!(site.visit("/").expect(200).text(), "site");
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
    engine.behaves();
    engine.cut();
    eventually(Duration::from_secs(180), "it is tried again", || {
        (broken.stage() == "RUNNING").then_some(())
    });
}

#[test]
fn refusals_to_create_are_ours_and_tried_again() {
    for (status, message) in [
        (500, "something is wrong with the disk"),
        (409, "Conflict. The container name is already in use"),
        (503, "not now"),
    ] {
        let (server, engine, _folder) = with_fake(&[]);
        engine.does(
            "POST",
            "/containers/create",
            1,
            Instead::Answer(status, message),
        );
        let alice = server.user("alice");
        let space = alice.create("app");
        space.commit(&app("here", ""));
        eventually(Duration::from_secs(120), "it runs in the end", || {
            let answer = space.visit("/");
            (answer.status == 200 && answer.text() == "here").then_some(())
        });
        assert_eq!(server.containers(&space).len(), 1, "{status}");
    }
}

#[test]
fn an_image_that_has_gone_is_built_again() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    space
        .post("/sleeptime", &serde_json::json!({"seconds": 1}))
        .expect(200);
    eventually(Duration::from_secs(30), "it sleeps", || {
        (space.stage() == "SLEEPING" && server.containers(&space).is_empty()).then_some(())
    });
    eventually(Duration::from_secs(30), "its image is gone", || {
        for id in server.ids("image") {
            let _ = crate::support::docker::docker(&["image", "rm", "--force", &id]);
        }
        server.ids("image").is_empty().then_some(())
    });
    eventually(Duration::from_secs(120), "it answers", || {
        let answer = space.visit("/");
        (answer.status == 200 && answer.text() == "here").then_some(())
    });
}

#[test]
fn streams_that_break_off_are_taken_up_again() {
    let (server, engine, _folder) = with_fake(&[]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    for _ in 0..3 {
        engine.cut();
        assert_eq!(space.visit("/").expect(200).text(), "here");
    }
    // Its log is heard, and its end is noticed, though the streams broke.
    eventually(Duration::from_secs(20), "its log is heard again", || {
        space.exec("sys.__stdout__.write('still heard\\n'); sys.__stdout__.flush()");
        space
            .log("run")
            .iter()
            .any(|line| line == "still heard")
            .then_some(())
    });
    let id = server.container(&space)["Id"].as_str().unwrap().to_owned();
    crate::support::docker::docker(&["kill", &id]).unwrap();
    eventually(Duration::from_secs(60), "another one answers", || {
        let all = server.containers(&space);
        (all.len() == 1 && all[0]["Id"] != id.as_str() && space.visit("/").status == 200)
            .then_some(())
    });
}

#[test]
fn one_that_goes_and_comes_back_loses_nothing() {
    let (server, engine, _folder) = with_fake(&[]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let id = server.container(&space)["Id"].clone();
    engine.go();
    std::thread::sleep(Duration::from_secs(5));
    // The container runs, so the Space does.
    assert_eq!(space.visit("/").expect(200).text(), "here");
    assert_eq!(space.stage(), "RUNNING");
    engine.come();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(space.visit("/").expect(200).text(), "here");
    assert_eq!(server.container(&space)["Id"], id);
    space.commit(&app("there", ""));
    eventually(Duration::from_secs(90), "the new version answers", || {
        (space.visit("/").text() == "there").then_some(())
    });
}

#[test]
fn a_build_that_breaks_off_is_made_again() {
    let (server, engine, _folder) = with_fake(&[]);
    engine.does("POST", "/build", 1, Instead::Close);
    let alice = server.user("alice");
    let space = alice.create("app");
    space.commit(&app("here", ""));
    eventually(Duration::from_secs(120), "it runs in the end", || {
        (space.stage() == "RUNNING").then_some(())
    });
    assert_eq!(space.visit("/").expect(200).text(), "here");
}

#[test]
fn a_freeze_or_thaw_that_fails_is_no_end() {
    let (server, engine, _folder) = with_fake(&[("DOCKER__FREEZE_AFTER", "1s")]);
    let alice = server.user("alice");
    engine.does("POST", "/pause", 2, Instead::Answer(500, "cannot freeze"));
    engine.does("POST", "/unpause", 1, Instead::Close);
    let space = alice.publish_container("app", &app("here", ""));
    eventually(Duration::from_secs(60), "it is frozen in the end", || {
        (server.container(&space)["State"]["Status"] == "paused").then_some(())
    });
    eventually(Duration::from_secs(60), "it answers in the end", || {
        let answer = space.visit("/");
        (answer.status == 200 && answer.text() == "here").then_some(())
    });
}
