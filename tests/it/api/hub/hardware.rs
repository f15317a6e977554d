//! `list_spaces_hardware`, `request_space_hardware`.

use crate::support::Server;
use crate::support::guests::wasi;
use serde_json::json;

#[test]
fn every_size_is_listed_with_what_it_gives() {
    let server = Server::start();
    let output = server.python("").run(
        r#"say([{"name": h.name, "cpu": h.cpu, "ram": h.ram, "accelerator": h.accelerator} for h in api.list_spaces_hardware()])"#,
    );
    let names: Vec<_> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|size| &size["name"])
        .collect();
    assert_eq!(names, ["cpu-nano", "cpu-basic", "cpu-upgrade"]);
    assert!(
        output[0]["cpu"].as_str().unwrap().contains("0.25"),
        "{output}"
    );
    assert!(
        output[0]["ram"].as_str().unwrap().contains("256"),
        "{output}"
    );
}

#[test]
fn a_size_is_asked_for_and_given() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("hello");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    let output = server.python(&alice.token).run(
        r#"
        before = api.get_space_runtime("alice/hello")
        asked = api.request_space_hardware("alice/hello", "cpu-upgrade", sleep_time=900)
        time.sleep(0.5)
        after = api.wait_for_space("alice/hello", timeout=30)
        say({"before": before.hardware, "asked": asked.requested_hardware, "after": after.hardware,
             "sleep": after.sleep_time, "stage": after.stage})
        "#,
    );
    assert_eq!(
        output,
        json!({"before": "cpu-nano", "asked": "cpu-upgrade", "after": "cpu-upgrade", "sleep": 900, "stage": "RUNNING"})
    );
    space.visit("/").expect(200);
}

#[test]
fn an_unknown_size_is_refused_with_the_known_ones() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("demo");
    let output = server
        .python(&alice.token)
        .run(r#"say(raised(lambda: api.request_space_hardware("alice/demo", "t4-medium")))"#);
    assert_eq!(output["type"], "BadRequestError");
    let text = output["text"].as_str().unwrap();
    assert!(
        text.contains("t4-medium") && text.contains("cpu-upgrade"),
        "{text}"
    );
}
