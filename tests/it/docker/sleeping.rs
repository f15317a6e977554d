//! Nobody visits: the container is gone. Somebody visits: there is one again.

use crate::support::docker::{app, python};
use crate::support::{DockerServer, Hub, Space, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

#[track_caller]
fn drowsy<'a>(alice: &Hub<'a>, code: Option<&str>) -> Space<'a> {
    let files = code.map_or_else(|| app("here", ""), |code| python(code, ""));
    let space = alice.publish_container("app", &files);
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    space
}

#[track_caller]
fn falls_asleep(server: &DockerServer, space: &Space<'_>) {
    eventually(Duration::from_secs(30), "it sleeps", || {
        (space.stage() == "SLEEPING" && server.containers(space).is_empty()).then_some(())
    });
}

#[test]
fn a_visit_wakes_it_and_asking_after_it_does_not() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = drowsy(&alice, None);
    for _ in 0..2 {
        falls_asleep(&server, &space);
        for _ in 0..10 {
            space.info();
            assert_eq!(space.stage(), "SLEEPING");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(server.containers(&space).is_empty());
        assert_eq!(space.visit("/").expect(200).text(), "here");
        assert_eq!(space.stage(), "RUNNING");
    }
}

#[test]
fn asking_after_it_does_not_keep_it_awake() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = drowsy(&alice, None);
    let begin = Instant::now();
    // All the time somebody asks.
    falls_asleep(&server, &space);
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn many_visitors_wake_one_container() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = drowsy(&alice, None);
    falls_asleep(&server, &space);
    space
        .post("/sleeptime", &json!({"seconds": 300}))
        .expect(200);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| assert_eq!(space.visit("/").expect(200).text(), "here"));
        }
    });
    assert_eq!(server.containers(&space).len(), 1);
    let starts = space
        .log("run")
        .iter()
        .filter(|line| line.starts_with("Starting "))
        .count();
    assert_eq!(starts, 2, "{:#?}", space.log("run"));
}

/// A page at once for people, patience for programs.
#[test]
fn a_browser_sees_that_it_wakes_and_a_program_waits() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let slow = "import http.server, time\ntime.sleep(6)\n\
        http.server.test(port=7860, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)";
    let space = drowsy(&alice, Some(slow));
    falls_asleep(&server, &space);
    std::thread::scope(|scope| {
        let program = scope.spawn(|| space.visit("/etc/hostname"));
        let begin = Instant::now();
        let browser = space
            .request("GET", "/")
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        let page = space.send(&browser);
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "{:?}",
            begin.elapsed()
        );
        let kind = page.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/html"), "{page:?}");
        assert!(page.status == 503 || page.status == 200, "{page:?}");
        assert!(
            page.text().to_lowercase().contains("wak") || page.text().contains("start"),
            "{page:?}"
        );
        program.join().unwrap().expect(200);
        space.send(&browser).expect(200);
    });
}

#[test]
fn a_long_start_is_waited_for_by_a_client_that_gives_up_on_connections_early() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    // The two files of a Gradio app that its client reads first, served after eight seconds.
    let config = json!({
        "version": "6.31.0", "api_prefix": "/gradio_api", "protocol": "sse_v3", "is_space": true, "space_id": "alice/app",
        "enable_queue": true, "connect_heartbeat": false, "components": [], "dependencies": [], "mode": "blocks",
    });
    let code = format!(
        "import http.server, os, time\nos.makedirs('/tmp/gradio_api')\nopen('/tmp/config', 'w').write('{config}')\n\
         open('/tmp/gradio_api/info', 'w').write('{{\"named_endpoints\": {{}}, \"unnamed_endpoints\": {{}}}}')\n\
         os.chdir('/tmp')\ntime.sleep(8)\n\
         http.server.test(port=7860, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)"
    );
    let space = drowsy(&alice, Some(&code));
    falls_asleep(&server, &space);
    let output = server.python(&alice.token).run(
        r#"
        from gradio_client import Client
        say({"version": Client("alice/app", verbose=False).config["version"]})
        "#,
    );
    assert_eq!(output["version"], "6.31.0");
}
