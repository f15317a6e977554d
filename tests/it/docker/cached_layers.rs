//! The engine's cache of layers is one for all; what a build left in it is found by the builds of the same owner alone.

use crate::support::docker::{PYTHON_IMAGE, docker, dockerfile};
use crate::support::{DockerServer, Op, Space};
use serde_json::json;

/// Makes something that nobody can guess.
const RANDOM: &str = "RUN head -c 16 /dev/urandom | base64 >";

/// Builds `text`, which fails at its end, and gives what it printed of each `NAME=…`.
#[track_caller]
fn made(space: &Space<'_>, text: &str, names: &[&str]) -> Vec<String> {
    let mut files = dockerfile(text, "");
    files.push(Op::file("private.txt", "the same in all"));
    let message = space.fails(&files, "BUILD_ERROR");
    let log = space.log("build");
    let value = |name: &&str| {
        let start = format!("{name}=");
        let mut found = log.iter().filter_map(|line| line.strip_prefix(&start));
        let found = found.next().map(str::to_owned);
        found.unwrap_or_else(|| panic!("no {name}: {message}\n{}", log.join("\n")))
    };
    names.iter().map(value).collect()
}

#[test]
fn layers_are_found_by_their_owners_builds_only() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    let of_lab = json!({"organization": "lab"});
    alice.create_with("app", of_lab).expect(200);
    let of_lab = Space {
        hub: alice.clone(),
        id: "lab/app".into(),
    };
    let text = format!(
        "FROM {PYTHON_IMAGE} AS first\n{RANDOM} /one\n\nFROM first AS second\nCOPY private.txt /\n{RANDOM} /two\n\
         FROM {PYTHON_IMAGE}\nCOPY --from=second /one /two /\n{RANDOM} /three\n\
         RUN for name in one two three; do echo \"$name=$(cat /$name)\"; done; exit 1"
    );
    let names = ["one", "two", "three"];
    let space = alice.create("app");
    let first = made(&space, &text, &names);
    // The author counts their own lines.
    let log = space.log("build").join("\n");
    assert!(
        log.contains("Step 2/9 (Dockerfile:2): RUN head")
            && log.contains("Step 6/9 (Dockerfile:7): FROM"),
        "{log}"
    );
    assert!(!log.contains("glasshouse.cache"), "{log}");
    // Another Space of the same owner's, too.
    assert_eq!(made(&alice.create("again"), &text, &names), first);
    let of_bob = made(&bob.create("app"), &text, &names);
    let of_lab = made(&of_lab, &text, &names);
    for index in 0..names.len() {
        assert_ne!(of_bob[index], first[index]);
        assert_ne!(of_lab[index], first[index]);
        assert_ne!(of_lab[index], of_bob[index]);
    }
}

#[test]
fn what_a_base_image_has_the_engine_do_is_done_for_each() {
    let name = format!("glasshouse-test-triggers-{}:1", std::process::id());
    let trigger = format!("ONBUILD {RANDOM} /one");
    let container = docker(&["create", PYTHON_IMAGE, "true"]).unwrap();
    let made_base = docker(&["commit", "--change", &trigger, &container, &name]);
    docker(&["rm", &container]).unwrap();
    made_base.unwrap();
    let server = DockerServer::start();
    let text = format!("FROM {name}\nRUN echo \"one=$(cat /one)\"; exit 1");
    let of = |user: &str| {
        let hub = server.user(user);
        made(&hub.create("app"), &text, &["one"])
    };
    let both = (of("alice"), of("bob"));
    drop(server);
    docker(&["rmi", "--force", &name]).unwrap();
    assert_ne!(both.0, both.1);
}
