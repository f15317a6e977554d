//! A start that is refused for want of room is no crash: it waits, says for what, and goes on when there is room.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::glasshouse;
use crate::support::docker::app;
use crate::support::{DockerServer, Hub, Request, Server, Space, eventually};

const SMALL: [(&str, &str); 2] = [
    ("DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
    ("BUILD__CONTAINER_MEMORY", "64 MiB"),
];

fn set(server: &Server, body: Value) {
    let request = Request::new("PUT", "/api/admin/quotas/alice").json(&body);
    server.admin().send(request).expect(200);
}

#[track_caller]
fn blocks(space: &Space<'_>) {
    eventually(Duration::from_secs(30), "it waits for room", || {
        let runtime = space.runtime();
        assert_ne!(runtime["stage"], "RUNTIME_ERROR", "{runtime:#}");
        (runtime["stage"] == "PAUSED" && runtime["blocked"]["by"] == "owner").then_some(())
    });
}

#[test]
fn a_quota_lowered_before_a_restart_crashes_nobody_and_raised_again_all_come_back() {
    // What goes on running while the server does not is taken in and blocked by nothing.
    let settings = [SMALL.as_slice(), &[("SERVER__STOP_CONTAINERS", "true")]].concat();
    let mut server = DockerServer::with(&settings);
    let token = {
        let alice = server.user("alice");
        for name in ["one", "two"] {
            alice.publish_container(name, &app(name, ""));
        }
        alice.token
    };
    set(&server, json!({"instances": 0}));
    server.stop();
    server.launch();

    let alice = Hub::new(&server, "alice", &token);
    let (one, two) = (alice.space("one"), alice.space("two"));
    blocks(&one);
    blocks(&two);
    // Its owner is told which quota, what is in use and what is left.
    let told = one.error_message();
    for words in ["quota of running instances", "0 of 0", "0 left", "needs 1"] {
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(one.runtime()["blocked"]["resource"], "instances");
    let output = glasshouse(&server, &token, &["info", "alice/one"])
        .success()
        .stdout;
    assert!(output.contains("quota of running instances"), "{output}");
    let page = alice.get("/spaces/alice/one").expect(200).text();
    assert!(!page.contains("Paused until"), "{page}");

    // A visitor is told to come again, and nothing of what the owner has.
    let stranger = server.anonymous();
    let seen = stranger.view(&one).runtime();
    assert_eq!(seen["blocked"], json!({"by": "owner"}), "{seen:#}");
    assert!(!seen.to_string().contains("quota"), "{seen:#}");
    for accept in ["*/*", "text/html"] {
        let answer = one.send(&one.request("GET", "/").header("accept", accept));
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        let text = answer.text();
        assert!(text.contains("no room for this Space"), "{text}");
        assert!(
            !text.contains("quota") && !text.contains("instances"),
            "{text}"
        );
    }

    set(&server, json!({"instances": 2}));
    for space in [&one, &two] {
        space.wait_for("RUNNING");
        space.visit("/").expect(200);
    }
}

#[test]
fn idle_ones_of_the_same_owner_give_way_for_memory() {
    let server = DockerServer::with(&SMALL);
    let alice = server.user("alice");
    let one = alice.publish_container("one", &app("one", ""));
    // Of cpu-nano's 256 MiB there is room for one.
    set(&server, json!({"memory": 400 << 20}));
    let two = alice.publish_container("two", &app("two", ""));
    assert_eq!(two.visit("/").expect(200).text(), "two");
    assert_eq!(one.stage(), "SLEEPING");
    assert_eq!(one.visit("/").expect(200).text(), "one");
    assert_eq!(two.stage(), "SLEEPING");

    // One that is used does not, and whoever comes meanwhile is told; later it is tried again for whoever comes then.
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| one.exec("time.sleep(4); print('done')"));
        std::thread::sleep(Duration::from_secs(1));
        two.visit("/").expect(503);
        blocks(&two);
        assert_eq!(busy.join().unwrap().trim(), "done");
    });
    eventually(Duration::from_secs(30), "there is room again", || {
        (two.visit("/").status == 200).then_some(())
    });
}
