//! Dockerfiles that fail, hang, print without end, fill the disk, or fetch for ever.

use crate::support::docker::{PYTHON_IMAGE, app, dockerfile, python};
use crate::support::{DockerServer, Op, Space, card, eventually};
use std::time::{Duration, Instant};

/// A Dockerfile on the image with Python.
fn on_python(rest: &str) -> Vec<Op> {
    dockerfile(&format!("FROM {PYTHON_IMAGE}\n{rest}"), "")
}

/// What an author is told of a build that fails.
#[track_caller]
fn error_of(space: &Space<'_>, rest: &str) -> String {
    space.fails(&on_python(rest), "BUILD_ERROR")
}

/// Nothing that a build made is left running.
#[track_caller]
fn leaves_nothing(server: &DockerServer) {
    eventually(
        Duration::from_secs(30),
        "no container of a build is left",
        || (server.ids("container").is_empty() && server.ids("network").is_empty()).then_some(()),
    );
}

#[test]
fn a_step_that_fails_is_shown_with_what_it_printed() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "RUN echo before it breaks && exit 3");
    assert!(
        message.contains("exit 3") && message.contains('3'),
        "{message}"
    );
    let log = space.log("build").join("\n");
    assert!(log.contains("before it breaks"), "{log}");
    leaves_nothing(&server);
}

#[test]
fn what_is_no_dockerfile_is_refused_with_its_line() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    for (text, expected) in [
        ("FROM scratch\nFLY me to the moon\n", "FLY"),
        ("RUN true\n", "FROM"),
        ("", "empty"),
        ("FROM a b c d\n", "FROM"),
        ("FROM glasshouse-test-python:1\nCOPY nowhere /\n", "nowhere"),
        (
            "FROM glasshouse-test-python:1\nADD http://169.254.169.254/latest /x\n",
            "ADD",
        ),
        (
            "FROM glasshouse-test-python:1\nRUN --mount=type=ssh true\n",
            "SSH",
        ),
        (
            "FROM glasshouse-test-python:1\nCOPY --from=nothing-of-this-name:1 / /\n",
            "nothing-of-this-name",
        ),
        ("\u{0}\u{1}\u{2}", "Dockerfile"),
    ] {
        let message = space.fails(&dockerfile(text, ""), "BUILD_ERROR");
        assert!(message.contains(expected), "{text:?}: {message}");
    }
    let message = space.fails(
        &[Op::DeleteFile("Dockerfile".into()), card("sdk: docker")],
        "NO_APP_FILE",
    );
    assert!(message.contains("Dockerfile"), "{message}");
}

#[test]
fn one_that_hangs_is_stopped_when_its_time_is_over() {
    let server = DockerServer::with(&[("BUILD__CONTAINER_WALL", "8s")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let began = Instant::now();
    let message = error_of(&space, "RUN sleep 1000");
    assert!(message.contains("8 s"), "{message}");
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    leaves_nothing(&server);
    // The next is built as if nothing had been.
    let other = alice.publish_container("other", &app("here", ""));
    assert_eq!(other.visit("/").expect(200).text(), "here");
}

#[test]
fn one_that_prints_without_end_is_stopped_and_its_log_stays_small() {
    let server = DockerServer::with(&[("BUILD__CONTAINER_OUTPUT", "16 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "RUN yes a line that says nothing");
    assert!(message.contains("16 MiB"), "{message}");
    let kept = space.api("/logs/build?follow=false").expect(200).body.len();
    assert!(kept < 4 << 20, "{kept} bytes");
    leaves_nothing(&server);
}

#[test]
fn one_line_without_end_is_stopped_too() {
    let server = DockerServer::with(&[("BUILD__CONTAINER_OUTPUT", "16 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "RUN cat /dev/zero | tr '\\0' x");
    assert!(message.contains("16 MiB"), "{message}");
    let process = server.process();
    let resident = crate::support::server::resident(process);
    assert!(resident < 600 << 20, "{resident} bytes");
}

#[test]
fn one_that_fills_the_disk_is_stopped() {
    let server = DockerServer::with(&[("BUILD__IMAGE_BYTES", "512 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(
        &space,
        "RUN dd if=/dev/zero of=/large bs=1M count=3000 && sleep 60",
    );
    assert!(message.contains("512 MiB"), "{message}");
    leaves_nothing(&server);
}

#[test]
fn files_with_holes_are_no_way_around_the_disks_limit() {
    let server = DockerServer::with(&[("BUILD__IMAGE_BYTES", "1 GiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "RUN truncate -s 64G /hole");
    assert!(message.contains("a file larger than 1 GiB"), "{message}");
    let many = "RUN for i in 1 2 3 4 5 6 7 8; do truncate -s 900M /hole$i; done";
    let message = error_of(&space, many);
    assert!(message.contains("image is larger than 1 GiB"), "{message}");
    leaves_nothing(&server);
}

#[test]
fn one_that_eats_memory_is_told_so() {
    let server = DockerServer::with(&[("BUILD__CONTAINER_MEMORY", "256 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, r#"RUN python3 -c "x = b'x' * (1 << 30)""#);
    assert!(message.contains("memory"), "{message}");
}

#[test]
fn one_that_forks_without_end_is_stopped() {
    let server = DockerServer::with(&[
        ("BUILD__CONTAINER_PIDS", "64"),
        ("BUILD__CONTAINER_WALL", "30s"),
    ]);
    let alice = server.user("alice");
    let space = alice.create("app");
    // Each child waits, so that they add up.
    let message = error_of(&space, "RUN for i in $(seq 1000); do sleep 60 & done; wait");
    assert!(!message.is_empty());
    leaves_nothing(&server);
}

#[test]
fn it_fetches_within_its_time_and_nothing_private() {
    let server = DockerServer::with(&[("BUILD__CONTAINER_WALL", "25s")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let script = Op::file(
        "fetch.py",
        format!(
            "import socket, sys\nfor host, port in [('169.254.169.254', 80), ('192.168.1.1', 80), ('172.17.0.1', {})]:\n    \
             try:\n        socket.create_connection((host, port), 2)\n    except OSError as error:\n        print('no', host)\n    \
             else:\n        print('REACHED', host)\n",
            server.address.port()
        ),
    );
    let mut files = on_python("COPY fetch.py /\nRUN python3 /fetch.py && exit 9");
    files.push(script);
    space.fails(&files, "BUILD_ERROR");
    let log = space.log("build");
    let refused = log.iter().filter(|line| line.starts_with("no 1")).count();
    let log = log.join("\n");
    assert_eq!(refused, 3, "{log}");
    assert!(!log.contains("REACHED 1"), "{log}");
    // For ever, again and again.
    let message = error_of(
        &space,
        "RUN while :; do pip download -q --no-deps --no-cache-dir -d /tmp/x tinydb==4.8.2; rm -rf /tmp/x; sleep 1; done",
    );
    assert!(message.contains("25 s"), "{message}");
}

#[test]
fn a_build_without_network_has_none() {
    let server = DockerServer::with(&[("BUILD__NETWORK", "false")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    error_of(
        &space,
        "RUN pip install --retries 0 --timeout 3 tinydb==4.8.2",
    );
    let log = space.log("build").join("\n");
    assert!(!log.contains("Successfully installed"), "{log}");
}

#[test]
fn a_new_commit_ends_the_build_of_the_old() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    space.commit(&on_python("RUN sleep 300"));
    // The engine labels no container of a build; the network it is in bears the label.
    eventually(Duration::from_secs(60), "it builds", || {
        (!server.ids("network").is_empty()).then_some(())
    });
    space.commit(&app("newer", ""));
    eventually(Duration::from_secs(60), "the newer one runs", || {
        (space.stage() == "RUNNING").then_some(())
    });
    assert_eq!(space.visit("/").expect(200).text(), "newer");
    assert_eq!(server.ids("container").len(), 1);
}

#[test]
fn layers_are_kept_between_builds_until_a_factory_reboot() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let stamp = "RUN date +%s%N > /stamp\n";
    let text = format!(
        "FROM {PYTHON_IMAGE}\n{stamp}COPY app.py /app.py\nCMD [\"python\", \"-u\", \"/app.py\"]"
    );
    let files = |says: &str| {
        let mut files = dockerfile(&text, "");
        files.extend(
            app(says, "")
                .into_iter()
                .filter(|file| matches!(file, Op::File(path, _) if path == "app.py")),
        );
        files
    };
    let space = alice.publish_container("app", &files("one"));
    // The author is shown their own four steps, and none of those that the server adds.
    let log = space.log("build").join("\n");
    assert!(log.contains("Step 4/4 (Dockerfile:4): CMD"), "{log}");
    assert!(!log.contains("LABEL"), "{log}");
    let first = space.exec("print(open('/stamp').read())");
    space.commit(&files("two"));
    eventually(Duration::from_secs(60), "two", || {
        (space.visit("/").text() == "two").then_some(())
    });
    assert_eq!(space.exec("print(open('/stamp').read())"), first);
    space
        .hub
        .send(crate::support::Request::post(format!(
            "/api/spaces/{}/restart?factory=true",
            space.id
        )))
        .expect(200);
    eventually(Duration::from_secs(120), "everything is built anew", || {
        let answer = space.try_exec("print(open('/stamp').read())");
        (answer.status == 200 && answer.text() != first).then_some(())
    });
}

#[test]
fn variables_are_arguments_and_secrets_are_not() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    space
        .post(
            "/variables",
            &serde_json::json!({"key": "GREETING", "value": "good day"}),
        )
        .expect(200);
    space
        .post(
            "/secrets",
            &serde_json::json!({"key": "PASSWORD", "value": "open sesame"}),
        )
        .expect(200);
    let mut files = python("", "");
    files.retain(|file| !matches!(file, Op::File(path, _) if path == "Dockerfile"));
    files.push(Op::file(
        "Dockerfile",
        format!(
            "FROM {PYTHON_IMAGE}\nARG GREETING\nARG PASSWORD\nRUN : {} && echo \"said <$GREETING> <$PASSWORD>\" && env\nRUN exit 1",
            // What an earlier run left in the engine's cache says nothing.
            server.address.port()
        ),
    ));
    space.fails(&files, "BUILD_ERROR");
    let log = space.log("build").join("\n");
    assert!(log.contains("said <good day> <>"), "{log}");
    assert!(!log.contains("open sesame"), "{log}");
}
