//! Builds among neighbours: a short one waits for no long one, owners take turns, and what waits for memory holds nobody up.

use std::time::Duration;

use serde_json::json;

use crate::support::cli::glasshouse;
use crate::support::docker::{PYTHON_IMAGE, app, dockerfile};
use crate::support::guests::wasi;
use crate::support::{DockerServer, Op, Request, Server, Space, card, eventually, static_site};

/// A build that takes so long, every time.
fn slow(server: &DockerServer, name: &str, seconds: u32) -> Vec<Op> {
    let never_built_before = server.data_id();
    dockerfile(
        &format!(
            "FROM {PYTHON_IMAGE}\nRUN echo {never_built_before} {name}; sleep {seconds}\n\
             CMD [\"python\", \"-m\", \"http.server\", \"7860\"]"
        ),
        "",
    )
}

#[track_caller]
fn log_says(space: &Space<'_>, words: &str) {
    eventually(Duration::from_secs(60), words, || {
        let log = space.log("build");
        log.iter().any(|line| line.contains(words)).then_some(())
    });
}

#[test]
fn files_cards_and_modules_wait_for_no_container_build() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let long = alice.create("long");
    long.commit(&slow(&server, "long", 120));
    log_says(&long, "sleep 120");
    for hub in [&alice, &bob] {
        hub.publish("page", &static_site("here"))
            .visit("/")
            .expect(200);
        let wrong = hub.create("wrong");
        wrong.commit(&[card("sdk: gradioo")]);
        wrong.wait_for("CONFIG_ERROR");
        hub.publish("module", &wasi("hello", ""));
    }
    assert_eq!(long.stage(), "BUILDING");
}

#[test]
fn owners_take_turns_and_the_place_in_the_line_is_said() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let spaces: Vec<_> = (0..3)
        .map(|number| {
            let name = format!("demo-{number}");
            let space = alice.create(&name);
            space.commit(&slow(&server, &name, 20));
            match number {
                0 => log_says(&space, "sleep 20"),
                place => log_says(&space, &format!("number {place} in the queue")),
            }
            space
        })
        .collect();
    assert_eq!(
        spaces[2].runtime()["queue"],
        json!({"place": 2, "for": "build"})
    );
    let one = bob.create("one");
    one.commit(&app("bob's", ""));
    log_says(&one, "number 1 in the queue");
    let output = glasshouse(&server, &alice.token, &["info", "alice/demo-1"])
        .success()
        .stdout;
    assert!(output.contains("place 2, waiting to be built"), "{output}");
    let page = alice.get("/spaces/alice/demo-2").expect(200).text();
    assert!(page.contains("number 3 in the queue"), "{page}");

    one.wait_for("RUNNING");
    assert_eq!(spaces[1].stage(), "BUILDING");
    assert_eq!(spaces[2].stage(), "BUILDING");
}

#[test]
fn a_build_without_memory_asks_idle_ones_to_give_way_and_holds_nobody_up() {
    let server = DockerServer::with(&[
        ("DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
        ("BUILD__CONTAINER_MEMORY", "300 MiB"),
    ]);
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let one = alice.publish_container("one", &app("one", ""));
    let request =
        Request::new("PUT", "/api/admin/quotas/alice").json(&json!({"memory": 400 << 20}));
    Server::admin(&server).send(request).expect(200);
    let two = alice.create("two");
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| one.exec("time.sleep(15); print('done')"));
        std::thread::sleep(Duration::from_secs(1));
        two.commit(&app("two", ""));
        log_says(&two, "Waiting for memory");
        // It has no permit meanwhile, of which there is one.
        bob.publish_container("other", &app("other", ""));
        assert_eq!(two.stage(), "BUILDING");
        assert_eq!(busy.join().unwrap().trim(), "done");
    });
    two.wait_for("RUNNING");
    assert_eq!(one.stage(), "SLEEPING");
}
