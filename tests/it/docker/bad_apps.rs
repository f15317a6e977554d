//! Apps that never listen, listen elsewhere, end, crash, fork, eat memory, or answer what is no HTTP.

use crate::support::docker::{app, docker, dockerfile, python};
use crate::support::{DockerServer, Op, Request, Space, card, cli, eventually};
use std::time::{Duration, Instant};

/// A second is a long time for an app that does nothing.
const HASTY: &str = "startup_duration_timeout: 4s";

/// What its author is told of an app that does not run.
#[track_caller]
fn error_of(space: &Space<'_>, code: &str) -> String {
    space.fails(&python(code, HASTY), "RUNTIME_ERROR")
}

/// The Space's page as its author sees it, signed in.
fn page_of(space: &Space<'_>) -> String {
    let address = space.hub.server.address;
    let signed_in = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={}", space.hub.token))
        .send(address);
    let cookie = signed_in.header("set-cookie").expect("a session");
    let cookie = cookie.split(';').next().unwrap();
    let page = Request::get(format!("/spaces/{}", space.id)).header("cookie", cookie);
    page.send(address).expect(200).text()
}

/// Answers one thing to whoever connects, as often as anybody does.
fn answering(bytes: &str) -> String {
    format!(
        r#"
import socket, threading, time
server = socket.create_server(("0.0.0.0", 7860), backlog=64)
def serve(client):
    try:
        request = client.recv(65536)
        {bytes}
        client.close()
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(server.accept()[0],)).start()
"#
    )
}

#[test]
fn one_that_never_listens_is_told_where_to() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "import time\nprint('thinking')\ntime.sleep(1000)");
    assert!(
        message.contains("4 s") && message.contains("0.0.0.0:7860"),
        "{message}"
    );
    assert!(space.log("run").contains(&"thinking".to_owned()));
}

#[test]
fn one_on_another_port_is_told_which() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(
        &space,
        "import http.server\nhttp.server.test(port=8000, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)",
    );
    assert!(
        message.contains("8000") && message.contains("app_port: 8000"),
        "{message}"
    );
    // As it was told to.
    let files = [card("sdk: docker\napp_port: 8000")];
    space.commit(&files);
    eventually(Duration::from_secs(60), "it runs", || {
        (space.stage() == "RUNNING").then_some(())
    });
    space.visit("/").expect(200);
}

#[test]
fn one_on_the_loopback_address_is_told_so() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(
        &space,
        "import http.server\nhttp.server.test(port=7860, bind='127.0.0.1', HandlerClass=http.server.SimpleHTTPRequestHandler)",
    );
    assert!(
        message.contains("127.0.0.1:7860") && message.contains("0.0.0.0:7860"),
        "{message}"
    );
}

#[test]
fn one_that_listens_late_is_waited_for() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let mut files = app("late", "startup_duration_timeout: 60s");
    for file in &mut files {
        if let Op::File(path, content) = file
            && path == "app.py"
        {
            let late = [b"import time; time.sleep(8)\n".as_slice(), content].concat();
            *content = late;
        }
    }
    let space = alice.publish_container("app", &files);
    assert_eq!(space.visit("/").expect(200).text(), "late");
    let log = space.log("run").join("\n");
    assert!(log.contains("Not answering yet"), "{log}");
}

#[test]
fn one_that_ends_at_once_is_told_its_code_and_last_words() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, "import sys\nprint('no such model')\nsys.exit(3)");
    assert!(
        message.contains('3') && message.contains("no such model"),
        "{message}"
    );
    // Ending without an error is no better, for what should answer visitors.
    let message = error_of(&space, "print('done')");
    assert!(
        message.contains('0') && message.contains("done"),
        "{message}"
    );
    let message = error_of(&space, "import os\nos.kill(os.getpid(), 11)");
    assert!(
        message.contains("139") || message.contains("signal"),
        "{message}"
    );
}

#[test]
fn a_command_that_is_not_there_is_the_authors_fault() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(
        &dockerfile(
            "FROM glasshouse-test-python:1\nCMD [\"/no/such/program\"]",
            HASTY,
        ),
        "RUNTIME_ERROR",
    );
    assert!(message.contains("/no/such/program"), "{message}");
    let message = space.fails(
        &dockerfile("FROM scratch\nCOPY README.md /", HASTY),
        "BUILD_ERROR",
    );
    assert!(message.contains("CMD"), "{message}");
    // The version before is tried again now and then.
    eventually(Duration::from_secs(30), "no container is left", || {
        server.containers(&space).is_empty().then_some(())
    });
}

#[test]
fn one_that_crashes_in_a_loop_is_started_again_later_and_later() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    // It starts well and is killed from inside by whoever visits.
    for crash in 0..2 {
        let began = Instant::now();
        let _ = space
            .request("POST", "/")
            .body("os._exit(7)")
            .open(server.address)
            .map(|stream| stream.finish());
        eventually(Duration::from_secs(60), "it is started again", || {
            let answer = space
                .request("GET", "/")
                .open(server.address)
                .ok()?
                .finish();
            (answer.status == 200 && answer.text() == "here").then_some(())
        });
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "crash {crash}: {:?}",
            began.elapsed()
        );
    }
    let log = space.log("run").join("\n");
    assert!(log.contains('7'), "{log}");
    // One that never lives long is tried again, but less and less often.
    let dying = "import http.server, threading, os\nthreading.Timer(0.7, os._exit, [5]).start()\n\
        http.server.test(port=7860, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)";
    let other = alice.create("dying");
    other.commit(&python(dying, HASTY));
    std::thread::sleep(Duration::from_secs(25));
    let starts = other
        .log("run")
        .iter()
        .filter(|line| line.starts_with("Starting "))
        .count();
    assert!((2..=7).contains(&starts), "{starts} starts in 25 s");
    // Between two tries it says how the last one ended.
    eventually(Duration::from_secs(30), "its exit code is said", || {
        other.error_message().contains('5').then_some(())
    });
}

#[test]
fn one_that_eats_memory_is_ended_and_told_so() {
    let server = DockerServer::with(&[("DOCKER__DEFAULT_HARDWARE", "cpu-nano")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(
        &python(
            "x = []\nwhile True: x.append(b'x' * (1 << 20))",
            "startup_duration_timeout: 30s",
        ),
        "RUNTIME_ERROR",
    );
    assert!(message.contains("memory"), "{message}");
}

#[test]
fn one_that_forks_without_end_harms_only_itself() {
    let server = DockerServer::with(&[("DOCKER__PIDS", "64")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let other = alice.publish_container("other", &app("other", ""));
    let forks = space.exec(
        r#"
        made = 0
        try:
            while made < 1000:
                if os.fork() == 0:
                    time.sleep(60)
                    os._exit(0)
                made += 1
        except OSError as error:
            print(made, error.errno)
        "#,
    );
    let made: usize = forks.split_whitespace().next().unwrap().parse().unwrap();
    assert!(made < 64, "{forks}");
    let id = server.container(&space)["Id"].as_str().unwrap().to_owned();
    let processes = docker(&["top", &id]).unwrap().lines().count();
    assert!(processes <= 65, "{processes}");
    assert_eq!(other.visit("/").expect(200).text(), "other");
    // None of them outlives it.
    space.post("/restart", &serde_json::json!({})).expect(200);
    eventually(Duration::from_secs(60), "it is new", || {
        let all = server.containers(&space);
        (all.len() == 1 && all[0]["Id"] != id.as_str()).then_some(())
    });
    assert!(docker(&["top", &id]).is_err());
}

#[test]
fn one_that_answers_garbage_never_runs() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = error_of(&space, &answering(r"client.sendall(b'\x00\xff' * 4096)"));
    assert!(
        message.contains("7860") && message.contains("HTTP"),
        "{message}"
    );
    let message = error_of(&space, &answering("pass"));
    assert!(
        message.contains("7860") && message.contains("HTTP"),
        "{message}"
    );
}

/// Well-behaved at `GET /`, and not elsewhere.
#[test]
fn what_is_no_answer_becomes_one_that_says_so() {
    let server = DockerServer::with(&[
        ("GATEWAY__IDLE_TIMEOUT", "5s"),
        ("WASM__MAX_REQUEST_TIMEOUT", "5s"),
        ("WASM__REQUEST_TIMEOUT", "5s"),
    ]);
    let alice = server.user("alice");
    let code = answering(
        r#"path = request.split(b" ")[1].decode()
        head = b"HTTP/1.1 200 OK\r\n"
        if path == "/garbage": client.sendall(b"\x00\xff" * 4096)
        elif path == "/close": pass
        elif path == "/headers": client.sendall(head + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1000) for n in range(1000)) + b"\r\n")
        elif path == "/line": client.sendall(head + b"X: " + b"x" * (1 << 20) + b"\r\n\r\n")
        elif path == "/half": client.sendall(head + b"Content-Length: 10\r\n\r\nhalf")
        elif path == "/silent": client.sendall(head + b"Content-Length: 10\r\n\r\nhalf"); time.sleep(60)
        elif path == "/nothing": time.sleep(60)
        elif path == "/smuggle": client.sendall(head + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
        elif path == "/chunked": client.sendall(head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        else: client.sendall(head + b"Content-Length: 2\r\n\r\nok")"#,
    );
    let space = alice.publish_container("app", &python(&code, HASTY));
    for path in [
        "/garbage", "/close", "/headers", "/line", "/nothing", "/smuggle",
    ] {
        let answer = space.visit(path);
        assert!(
            (500..=504).contains(&answer.status) && answer.whole,
            "{path}: {answer:?}"
        );
    }
    for path in ["/half", "/silent", "/chunked"] {
        // Cut off, so that nobody takes a part for the whole.
        if let Ok(stream) = space.request("GET", path).open(server.address) {
            let answer = stream.finish();
            assert!(answer.status >= 500 || !answer.whole, "{path}: {answer:?}");
        }
    }
    assert_eq!(space.visit("/").expect(200).text(), "ok");
    assert_eq!(space.stage(), "RUNNING");
}

#[test]
fn one_that_prints_without_end_keeps_a_small_log() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    space.exec(
        r#"
        def shout():
            end = time.time() + 6
            while time.time() < end:
                sys.__stdout__.write("nothing to say\n" * 1000)
                sys.__stdout__.write("x" * 1_000_000 + "\n")
        threading.Thread(target=shout).start()
        "#,
    );
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(space.visit("/").expect(200).text(), "here");
    let kept = space.api("/logs/run?follow=false").expect(200).body.len();
    assert!(kept < 4 << 20, "{kept} bytes");
    let id = server.container(&space)["Id"].as_str().unwrap().to_owned();
    let file =
        std::path::PathBuf::from(docker(&["inspect", "--format", "{{.LogPath}}", &id]).unwrap());
    let length: u64 = std::fs::read_dir(file.parent().unwrap())
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains("-json.log"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(length < 16 << 20, "{length} bytes at the engine");
}

#[test]
fn one_that_fills_its_disk_is_ended_and_told_so() {
    fill_the_disk("RUN mkdir -m 777 /work");
}

/// As the parts of uploads do that visitors broke off.
#[test]
fn one_that_fills_its_tmp_is_ended_and_begins_anew() {
    let server = DockerServer::with(&[("DOCKER__DISK", "32 MiB")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    for fills in [
        "open('/tmp/upload', 'wb').write(b'x' * (64 << 20))",
        // No folder has it.
        "kept = open('/tmp/gone', 'wb'); os.remove('/tmp/gone'); kept.write(b'x' * (64 << 20)); time.sleep(60)",
        "for number in range(20_000): open(f'/tmp/{number}', 'w').close()",
    ] {
        let before = server.container(&space)["Id"].clone();
        space.exec(&format!(
            "def fill():\n    {fills}\nthreading.Thread(target=fill).start()"
        ));
        eventually(Duration::from_secs(60), fills, || {
            let all = server.containers(&space);
            (all.len() == 1 && all[0]["Id"] != before && space.visit("/").status == 200)
                .then_some(())
        });
    }
    assert_eq!(space.exec("print(os.listdir('/tmp'))"), "[]\n");
    let log = space.log("run").join("\n");
    assert!(log.contains("32 MiB") && log.contains("/tmp"), "{log}");
}

#[test]
fn tmp_is_as_it_is_everywhere_else() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let mut files = app("here", "");
    for file in &mut files {
        if let Op::File(path, content) = file
            && path == "Dockerfile"
        {
            content.extend(b"\nRUN rmdir /tmp || rm -rf /tmp");
        }
    }
    let space = alice.publish_container("app", &files);
    let reported = space.exec(
        r#"
        print(oct(os.stat("/tmp").st_mode & 0o7777))
        with open("/tmp/run", "w") as file: file.write('#!/bin/sh\necho runs')
        os.chmod("/tmp/run", 0o755)
        print(subprocess.run(["/tmp/run"], capture_output=True, text=True).stdout)
        # More than its memory holds goes to disk.
        with open("/tmp/large", "wb") as file:
            for _ in range(400): file.write(b"x" * (1 << 20))
        print(os.path.getsize("/tmp/large") >> 20)
        "#,
    );
    assert_eq!(reported, "0o1777\nruns\n\n400\n");
}

#[test]
fn an_end_is_said_in_words() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let script = |name: &str, content: &str| {
        let text = format!(
            "FROM glasshouse-test-python:1\nCOPY {name} /{name}\nRUN chmod +x /{name}\nCMD [\"/{name}\"]"
        );
        let mut files = dockerfile(&text, HASTY);
        files.push(Op::file(name, content));
        files
    };
    let message = space.fails(&script("crlf.sh", "#!/bin/sh\r\necho\r\n"), "RUNTIME_ERROR");
    assert!(
        message.contains("127") && message.contains("/crlf.sh") && message.contains("\\r\\n"),
        "{message}"
    );
    // What was mapped into a full /dev/shm.
    let message = error_of(
        &space,
        "import mmap, os\nfile = open('/dev/shm/x', 'w+b')\nfile.truncate(1 << 40)\nmemory = mmap.mmap(file.fileno(), 1 << 40)\n\
         for at in range(0, 1 << 40, 1 << 20): memory[at:at + (1 << 20)] = bytes(1 << 20)",
    );
    assert!(
        message.contains("135") && message.contains("/dev/shm"),
        "{message}"
    );
    let message = error_of(
        &space,
        "file = open('/dev/shm/x', 'wb')\nwhile True: file.write(bytes(1 << 20))",
    );
    assert!(
        message.contains("full") && message.contains("1 GiB"),
        "{message}"
    );
}

#[test]
fn one_that_fails_at_first_is_said_to_until_it_does_not() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let code = answering(
        r#"print("no weights found", flush=True)
        import os
        status = b"200 OK" if os.path.exists("/tmp/mended") else b"503 Later"
        if b"/mend" in request: open("/tmp/mended", "w").close()
        client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")"#,
    );
    let space = alice.create("app");
    space.commit(&python(&code, HASTY));
    space.settles();
    // It answers, so that visitors see what it says.
    assert_eq!(space.stage(), "RUNNING");
    let message = space.error_message();
    assert!(
        message.contains("503") && message.contains("no weights found"),
        "{message}"
    );
    let page = page_of(&space);
    assert!(page.contains("503"), "{page}");
    let info = cli::glasshouse(&server, &alice.token, &["info", "alice/app"]).success();
    assert!(info.stdout.contains("503"), "{}", info.stdout);
    space.visit("/mend").expect(503);
    eventually(Duration::from_secs(30), "it is mended", || {
        (space.runtime()["errorMessage"].is_null()).then_some(())
    });
}

#[test]
fn where_it_listens_instead_is_said_at_once_and_stays() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let elsewhere = "import http.server\nhttp.server.test(port=8000, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)";
    space.commit(&python(elsewhere, "startup_duration_timeout: 12s"));
    let knows = |space: &Space<'_>| {
        let runtime = space.runtime();
        let message = runtime["errorMessage"].as_str().unwrap_or_default();
        (
            runtime["stage"].as_str().unwrap().to_owned(),
            message.contains("app_port: 8000"),
        )
    };
    let began = eventually(Duration::from_secs(240), "it starts", || {
        (knows(&space).0 == "APP_STARTING").then(Instant::now)
    });
    eventually(
        Duration::from_secs(10),
        "it is said while it starts",
        || {
            let (stage, reported) = knows(&space);
            (stage == "APP_STARTING" && reported).then_some(())
        },
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    let page = page_of(&space);
    assert!(page.contains("app_port: 8000"), "{page}");
    // Through the first failure and the tries after it.
    let mut stages = Vec::new();
    while began.elapsed() < Duration::from_secs(25) {
        let (stage, reported) = knows(&space);
        assert!(reported, "{stage}: {:#}", space.runtime());
        stages.push(stage);
        std::thread::sleep(Duration::from_millis(100));
    }
    stages.dedup();
    assert!(stages.len() >= 3, "{stages:?}");
}

#[test]
fn one_that_fills_a_volume_of_its_image_is_ended_as_well() {
    fill_the_disk("RUN mkdir -m 777 /work\nVOLUME /work");
}

fn fill_the_disk(lines: &str) {
    let server = DockerServer::with(&[("DOCKER__DISK", "32 MiB")]);
    let alice = server.user("alice");
    let mut files = app("here", "");
    for file in &mut files {
        if let Op::File(path, content) = file
            && path == "Dockerfile"
        {
            content.extend(format!("\n{lines}").bytes());
        }
    }
    let space = alice.publish_container("app", &files);
    let first = server.container(&space)["Id"].clone();
    space.exec("threading.Thread(target=lambda: open('/work/large', 'wb').write(b'x' * (64 << 20))).start()");
    eventually(Duration::from_secs(30), "it is ended", || {
        let all = server.containers(&space);
        (all.is_empty() || all[0]["Id"] != first).then_some(())
    });
    let log = space.log("run").join("\n");
    assert!(log.contains("32 MiB"), "{log}");
}
