//! `ls`, `info`, `logs`, `restart`, `pause`, `rm`.

use crate::support::cli::{Said, command, glasshouse, glasshouse_json};
use crate::support::{Server, static_site};
use std::time::Duration;

#[test]
fn ls_lists_spaces() {
    let server = Server::start();
    let alice = server.user("alice");
    let empty = glasshouse_json(&server, &alice.token, &["ls"]);
    assert_eq!(empty, serde_json::json!([]));
    alice.publish("demo", &static_site("one"));
    let list = glasshouse_json(&server, &alice.token, &["ls"]);
    assert_eq!(list[0]["id"], "alice/demo");
    let text = glasshouse(&server, &alice.token, &["ls"]).success().stdout;
    assert!(
        text.contains("alice/demo") && text.contains("RUNNING"),
        "{text}"
    );
}

#[test]
fn info_says_stage_limits_and_use() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/echo").expect(200);
    let info = glasshouse_json(&server, &alice.token, &["info", "alice/hostile"]);
    assert_eq!(info["id"], "alice/hostile", "{info:#}");
    assert_eq!(info["runtime"]["stage"], "RUNNING", "{info:#}");
    assert!(
        info["runtime"]["usage"]["requests"].as_u64().unwrap() >= 1,
        "{info:#}"
    );
    let text = glasshouse(&server, &alice.token, &["info", "alice/hostile"])
        .success()
        .stdout;
    assert!(
        text.contains("RUNNING") && text.contains("cpu-basic"),
        "{text}"
    );
    let missing = glasshouse(&server, &alice.token, &["info", "alice/never"]).failure();
    assert!(missing.contains("alice/never"), "{missing}");
}

#[test]
fn logs_of_runs_and_builds() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/print?n=3").expect(200);
    let run = glasshouse(&server, &alice.token, &["logs", "alice/hostile"]).success();
    assert!(run.stdout.contains("line 3"), "{run:?}");
    let build = glasshouse(&server, &alice.token, &["logs", "alice/hostile", "--build"]).success();
    assert!(build.stdout.contains("app.wasm"), "{build:?}");
    let json = glasshouse(&server, &alice.token, &["logs", "alice/hostile", "--json"]).success();
    for line in json.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event.is_object() || event.is_array(), "{line}");
    }
}

#[test]
fn logs_are_followed_until_the_reader_leaves() {
    use std::io::{BufRead, BufReader};
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let mut follow = command(&server, &alice.token);
    follow
        .args(["logs", "-f", "alice/hostile"])
        .stdout(std::process::Stdio::piped());
    let mut child = follow.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    std::thread::sleep(Duration::from_secs(1));
    space.visit("/print?n=1").expect(200);
    let heard = std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(10)).ok())
        .any(|line| line.contains("line 1"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(heard);
}

#[test]
fn pause_restart_and_rm() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("one"));
    let run = |arguments: &[&str]| -> Said { glasshouse(&server, &alice.token, arguments) };
    let paused = glasshouse_json(&server, &alice.token, &["pause", "alice/demo"]);
    assert_eq!(paused["stage"], "PAUSED", "{paused:#}");
    assert_eq!(space.stage(), "PAUSED");
    run(&["restart", "alice/demo"]).success();
    space.wait_for("RUNNING");
    glasshouse_json(&server, &alice.token, &["restart", "alice/demo"]);
    run(&["rm", "alice/demo", "--yes"]).success();
    assert_eq!(space.api("").status, 404);
    let again = run(&["rm", "alice/demo", "--yes"]).failure();
    assert!(again.contains("the Space does not exist"), "{again}");
}
