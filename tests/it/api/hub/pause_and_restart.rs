//! `pause_space`, `restart_space`, `wait_for_space`.

use crate::support::guests::wasi;
use crate::support::{Op, Server, static_site};
use serde_json::json;

#[test]
fn a_paused_space_answers_nobody_until_its_owner_restarts_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("hello");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    let python = server.python(&alice.token);
    let paused = python.run(
        r#"
        api.pause_space("alice/hello")
        say(api.wait_for_space("alice/hello", timeout=30).stage)
        "#,
    );
    assert_eq!(paused, "PAUSED");
    let refused = space.visit("/");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(
        refused.text().to_lowercase().contains("paused"),
        "{refused:?}"
    );
    let back = python.run(
        r#"
        api.restart_space("alice/hello")
        say(api.wait_for_space("alice/hello", timeout=30).stage)
        "#,
    );
    assert_eq!(back, "RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "hello\n");
}

#[test]
fn a_restart_makes_new_instances() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("instance_reuse: true");
    let count = || space.visit("/counter").expect(200).text();
    count();
    count();
    let before: u32 = count().trim().parse().unwrap();
    assert!(before > 1, "the instance is reused");
    let output = server.python(&alice.token).run(
        r#"
        api.restart_space("alice/hostile")
        time.sleep(0.5)
        say(api.wait_for_space("alice/hostile", timeout=30).stage)
        "#,
    );
    assert_eq!(output, "RUNNING");
    assert_eq!(count(), "1\n");
}

#[test]
fn a_factory_restart_builds_again() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("hello");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    let output = server.python(&alice.token).run(
        r#"
        first = api.restart_space("alice/hello", factory_reboot=True)
        say({"first": first.stage, "then": api.wait_for_space("alice/hello", timeout=60).stage})
        "#,
    );
    let first = output["first"].as_str().unwrap();
    assert!(first.contains("BUILDING"), "{output}");
    assert_eq!(output["then"], "RUNNING");
    space.visit("/").expect(200);
}

#[test]
fn only_the_owner_pauses_and_restarts() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    let output = server.python(&bob.token).run(
        r#"say([raised(lambda: api.pause_space("alice/demo")), raised(lambda: api.restart_space("alice/demo"))])"#,
    );
    for error in output.as_array().unwrap() {
        assert!(error["text"].as_str().unwrap().contains("403"), "{output}");
    }
    assert_eq!(space.stage(), "RUNNING");
}

#[test]
fn waiting_ends_when_the_build_fails() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("broken");
    space.commit(&[
        crate::support::card("sdk: wasi"),
        Op::file("app.wasm", "this is no module"),
    ]);
    let output = server.python(&alice.token).run(
        r#"
        runtime = api.wait_for_space("alice/broken", timeout=60)
        say({"stage": runtime.stage, "message": runtime.raw["errorMessage"]})
        "#,
    );
    assert_eq!(output["stage"], json!("BUILD_ERROR"));
    assert!(
        output["message"].as_str().unwrap().contains("app.wasm"),
        "{output}"
    );
}
