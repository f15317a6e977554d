//! `kill -9` between any two steps, then a start on the same folder.

use crate::support::guests::wasi;
use crate::support::hub::commit_body;
use crate::support::{Hub, Op, Request, Server, eventually, static_site};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// The account's view after a restart.
fn again<'a>(server: &'a Server, token: &str) -> Hub<'a> {
    Hub::new(server, "alice", token)
}

#[test]
fn what_ran_runs_again() {
    let mut server = Server::start();
    let token = {
        let alice = server.user("alice");
        alice.publish("site", &static_site("here"));
        let guest = alice.create("guest");
        guest.commit(&wasi("hello", ""));
        guest.wait_for("RUNNING");
        guest
            .post("/secrets", &json!({"key": "A", "value": "b"}))
            .expect(200);
        guest
            .post("/sleeptime", &json!({"seconds": 900}))
            .expect(200);
        let paused = alice.publish("paused", &static_site("no"));
        paused.post("/pause", &json!({})).expect(200);
        alice.token.clone()
    };
    for _ in 0..2 {
        server.kill();
        server.launch();
        let alice = again(&server, &token);
        let (site, guest, paused) = (
            alice.space("site"),
            alice.space("guest"),
            alice.space("paused"),
        );
        site.wait_for("RUNNING");
        guest.wait_for("RUNNING");
        assert_eq!(site.visit("/").expect(200).text(), "here");
        assert_eq!(guest.visit("/").expect(200).text(), "hello\n");
        assert_eq!(paused.stage(), "PAUSED");
        assert!(guest.api("/secrets").json()["A"].is_object());
        assert_eq!(guest.runtime()["gcTimeout"], 900);
    }
}

#[test]
fn every_commit_that_was_acknowledged_is_there() {
    let mut server = Server::start();
    let (token, url) = {
        let alice = server.user("alice");
        alice.create("demo").commit(&static_site("0"));
        (alice.token.clone(), server.address)
    };
    for round in 0..5_u64 {
        let address = if round == 0 { url } else { server.address };
        let acknowledged = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (acknowledged, token) = (&acknowledged, &token);
                scope.spawn(move || {
                    for n in 0.. {
                        let path = format!("{round}/{writer}/{n}.txt");
                        let body = commit_body(
                            None,
                            &[Op::file(&path, &*path), Op::file("index.html", &*path)],
                        );
                        let request = Request::post("/api/spaces/alice/demo/commit/main")
                            .bearer(token)
                            .body(body);
                        let Ok(stream) = request.open(address) else {
                            return;
                        };
                        let answer = stream.finish();
                        match (answer.status, answer.whole) {
                            (200, true) => acknowledged.lock().unwrap().push(path),
                            // Two writers at once: one has to try again.
                            (409 | 412, true) => {}
                            (_, false) => return,
                            (status, _) => panic!("{status}: {answer:?}"),
                        }
                    }
                });
            }
            eventually(Duration::from_secs(20), "something is written", || {
                (!acknowledged.lock().unwrap().is_empty()).then_some(())
            });
            std::thread::sleep(Duration::from_millis(50 + 230 * round));
            server.kill();
        });
        server.launch();
        let alice = again(&server, &token);
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(!acknowledged.is_empty(), "round {round} wrote nothing");
        for path in &acknowledged {
            let answer = alice.get(&format!("/spaces/alice/demo/resolve/main/{path}"));
            assert_eq!(answer.expect(200).text(), *path);
        }
        let git = std::process::Command::new("git")
            .args([
                "-C",
                &repository(&server).to_string_lossy(),
                "fsck",
                "--full",
                "--strict",
                "--no-dangling",
            ])
            .output()
            .unwrap();
        assert!(
            git.status.success(),
            "{}",
            String::from_utf8_lossy(&git.stderr)
        );
        // What is published is what runs, in the end.
        let space = alice.space("demo");
        let newest = alice
            .get("/spaces/alice/demo/resolve/main/index.html")
            .expect(200)
            .text();
        eventually(Duration::from_secs(60), "the newest commit answers", || {
            (space.visit("/").text() == newest).then_some(())
        });
    }
}

/// The only repository of a server.
fn repository(server: &Server) -> PathBuf {
    find_repository(&server.data().join("repos")).expect("a repository")
}

fn find_repository(folder: &Path) -> Option<PathBuf> {
    if folder.join("HEAD").exists() {
        return Some(folder.to_owned());
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .find_map(|entry| find_repository(&entry.path()))
}

#[test]
fn a_build_that_was_under_way_is_made_again() {
    let mut server = Server::start();
    let token = server.user("alice").token;
    for round in 0..4_u64 {
        let name = format!("guest{round}");
        {
            let alice = again(&server, &token);
            let space = alice.create(&name);
            // Another module each time, so that it must be compiled.
            space.commit(&wasi("hostile", ""));
            space.commit(&[Op::file("app.wasm", distinct(round))]);
        }
        std::thread::sleep(Duration::from_millis(120 * round));
        server.kill();
        server.launch();
        let alice = again(&server, &token);
        let space = alice.space(&name);
        space.wait_for("RUNNING");
        assert_eq!(space.visit("/").expect(200).text(), "hostile\n");
    }
    let artifacts = server.data().join("artifacts");
    let leftovers: Vec<_> = std::fs::read_dir(artifacts.join("components"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.contains(".cwasm") && !name.contains(".seal"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

/// The hostile guest with a custom section of its own.
fn distinct(number: u64) -> Vec<u8> {
    let mut module = crate::support::guests::guest("hostile");
    module.extend([0, 10, 1, b'n']);
    module.extend(number.to_le_bytes());
    module
}

#[test]
fn creations_settings_and_deletions_hold() {
    let mut server = Server::start();
    let token = server.user("alice").token;
    let steps: &[fn(&Hub<'_>)] = &[
        |alice| drop(alice.create("demo")),
        |alice| drop(alice.space("demo").commit(&wasi("hello", ""))),
        |alice| {
            drop(
                alice
                    .space("demo")
                    .post("/secrets", &json!({"key": "K", "value": "v"}))
                    .expect(200),
            )
        },
        |alice| {
            drop(
                alice
                    .space("demo")
                    .post("/variables", &json!({"key": "V", "value": "v"}))
                    .expect(200),
            )
        },
        |alice| {
            drop(
                alice
                    .space("demo")
                    .post("/hardware", &json!({"flavor": "cpu-upgrade"}))
                    .expect(200),
            )
        },
        |alice| {
            drop(
                alice
                    .space("demo")
                    .post("/sleeptime", &json!({"seconds": 700}))
                    .expect(200),
            )
        },
        |alice| drop(alice.space("demo").post("/pause", &json!({})).expect(200)),
    ];
    for step in steps {
        step(&again(&server, &token));
        server.kill();
        server.launch();
    }
    let alice = again(&server, &token);
    let space = alice.space("demo");
    let runtime = space.runtime();
    assert_eq!(runtime["stage"], "PAUSED");
    assert_eq!(runtime["hardware"]["requested"], "cpu-upgrade");
    assert_eq!(runtime["gcTimeout"], 700);
    assert!(space.api("/secrets").json()["K"].is_object());
    assert_eq!(space.api("/variables").json()["V"]["value"], "v");
    let delete =
        Request::new("DELETE", "/api/repos/delete").json(&json!({"name": "demo", "type": "space"}));
    alice.send(delete).expect(200);
    server.kill();
    server.launch();
    let alice = again(&server, &token);
    assert_eq!(alice.space("demo").api("").status, 404);
    eventually(Duration::from_secs(20), "its repository is gone", || {
        let repos = server.data().join("repos");
        find_repository(&repos).is_none().then_some(())
    });
    alice.create("demo");
}

#[test]
fn a_guest_that_was_busy_is_simply_gone() {
    let mut server = Server::start();
    let token = {
        let alice = server.user("alice");
        let space = alice.publish_hostile("");
        let _streams: Vec<_> = (0..3).map(|_| space.open("/stream?n=100&ms=100")).collect();
        alice.token.clone()
    };
    server.kill();
    server.launch();
    let alice = again(&server, &token);
    let space = alice.space("hostile");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/counter").expect(200).text(), "1\n");
    assert_eq!(space.usage().memory_bytes, 0.0);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let server = Server::start();
    let mut second = std::process::Command::new(crate::support::server::BINARY);
    second
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(server.data());
    let mut child = second
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if std::time::Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a second server runs on the same folder");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(!status.success());
    server.anonymous().get("/readyz").expect(200);
}
