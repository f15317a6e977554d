//! Cards that cannot be.

use crate::support::{Op, Server, Space, card, eventually};
use std::time::{Duration, Instant};

/// Commits the files to a Space of that name and waits until its stage is that one; the message.
fn outcome(space: &Space<'_>, files: &[Op], stage: &str) -> String {
    space.commit(files);
    let runtime = eventually(Duration::from_secs(30), "the build has ended", || {
        let runtime = space.runtime();
        (runtime["stage"] != "BUILDING").then_some(runtime)
    });
    assert_eq!(runtime["stage"], stage, "{runtime:#}");
    runtime["errorMessage"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn each_problem_names_its_line_and_what_is_allowed() {
    let server = Server::start();
    let alice = server.user("alice");
    let cards: &[(&str, &[&str])] = &[
        (
            "---\ntitle: never closed\nsdk: static\n",
            &["README.md:1", "---"],
        ),
        (
            "---\ntitle: T\n---\n",
            &["README.md", "`sdk` is missing", "static", "wasi"],
        ),
        (
            "---\ntitle: T\nsdk: gradioo\n---\n",
            &["README.md:3", "gradioo", "static", "wasi"],
        ),
        ("---\nsdk: [static\n---\n", &["README.md:", "YAML"]),
        (
            "---\n- sdk\n- static\n---\n",
            &["README.md:2", "key: value"],
        ),
        (
            "---\nsdk: static\napp_file: ../secret.html\n---\n",
            &["README.md:3", "../secret.html"],
        ),
        (
            "---\nsdk: static\napp_file: /etc/passwd\n---\n",
            &["README.md:3"],
        ),
        (
            "---\nsdk: static\napp_file: .git/config\n---\n",
            &["README.md:3"],
        ),
        (
            "---\nsdk: static\napp_file: [a]\n---\n",
            &["README.md:3", "app_file"],
        ),
        (
            "---\nsdk: wasi\ninstance_reuse: maybe\n---\n",
            &["README.md:3", "true", "false"],
        ),
        (
            "---\nsdk: wasi\nrequest_timeout: soon\n---\n",
            &["README.md:3", "30s"],
        ),
        (
            "---\nsdk: wasi\nrequest_timeout: 0s\n---\n",
            &["README.md:3"],
        ),
        (
            "---\nsdk: wasi\negress: everywhere\n---\n",
            &["README.md:3", "egress"],
        ),
        (
            "---\nsdk: wasi\negress: [\"https://x.org/\"]\n---\n",
            &["README.md:3"],
        ),
        (
            "---\nsdk: wasi\negress: [\"*.x.org\"]\n---\n",
            &["README.md:3"],
        ),
    ];
    let space = alice.create("demo");
    for (readme, words) in cards {
        // The app is there each time, so only the card can be at fault.
        let files = [
            Op::file("README.md", *readme),
            Op::file("index.html", "x"),
            Op::file("app.wasm", crate::support::guests::guest("hello")),
        ];
        let message = outcome(&space, &files, "CONFIG_ERROR");
        for word in *words {
            assert!(
                message.contains(word),
                "{word} for {readme:?}, got: {message}"
            );
        }
    }
}

#[test]
fn more_time_than_there_is_is_cut() {
    let server = Server::start();
    let alice = server.user("alice");
    let files = [
        card("sdk: wasi\nrequest_timeout: 3h"),
        Op::file("app.wasm", crate::support::guests::guest("hello")),
    ];
    let space = alice.publish("demo", &files);
    let log = space.log("build").join("\n");
    assert!(
        log.contains("Note: README.md:4: `request_timeout` is cut to 10m"),
        "{log}"
    );
}

#[test]
fn all_problems_are_said_at_once() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let readme = "---\nsdk: quantum\napp_file: ../x\nrequest_timeout: soon\n---\n";
    let message = outcome(&space, &[Op::file("README.md", readme)], "CONFIG_ERROR");
    for line in ["README.md:2", "README.md:3", "README.md:4"] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn a_card_that_explodes_is_an_error() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let mut readme = String::from("---\nsdk: static\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..14 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        readme += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    readme += "---\n";
    let deep = format!("---\nsdk: static\ndeep: {}\n---\n", "[".repeat(50_000));
    let nested = format!("---\nsdk: static\ndeep: {}\n---\n", "{a: ".repeat(20_000));
    for readme in [readme, deep, nested] {
        let begin = Instant::now();
        let message = outcome(&space, &[Op::file("README.md", readme)], "CONFIG_ERROR");
        assert!(message.contains("README.md"), "{message}");
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{:?}",
            begin.elapsed()
        );
    }
    server.anonymous().get("/readyz").expect(200);
}

#[test]
fn a_missing_app_is_named() {
    let server = Server::start();
    let alice = server.user("alice");
    let cases = [
        ("one", "sdk: static", "index.html"),
        ("two", "sdk: wasi", "app.wasm"),
        (
            "three",
            "sdk: static\napp_file: docs/start.html",
            "docs/start.html",
        ),
    ];
    for (name, lines, file) in cases {
        let space = alice.create(name);
        let message = outcome(&space, &[card(lines)], "NO_APP_FILE");
        assert!(message.contains(file), "{message}");
    }
}

#[test]
fn mending_the_card_mends_the_space() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let broken = [
        Op::file("README.md", "---\nsdk: quantum\n---\n"),
        Op::file("index.html", "well"),
    ];
    outcome(&space, &broken, "CONFIG_ERROR");
    let refused = space.visit("/");
    assert_eq!(refused.status, 503, "{refused:?}");
    space.commit(&[card("sdk: static")]);
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "well");
}

#[test]
fn another_app_file_is_served() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[
        card("sdk: static\napp_file: docs/start.html"),
        Op::file("docs/start.html", "start"),
        Op::file("index.html", "index"),
    ]);
    space.wait_for("RUNNING");
    // Its own folder is where its relative links lead.
    let led = space.visit("/?a=b").expect(307);
    assert_eq!(led.header("location"), Some("/docs/start.html?a=b"));
    assert_eq!(space.visit("/docs/start.html").expect(200).text(), "start");
    let below = alice.get("/run/alice/demo/").expect(307);
    let place = "/run/alice/demo/docs/start.html";
    assert_eq!(below.header("location"), Some(place));
    assert_eq!(alice.get(place).expect(200).text(), "start");
}
