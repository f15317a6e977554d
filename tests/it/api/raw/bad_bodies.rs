//! Bodies that are not what they should be.

use crate::support::hub::commit_body;
use crate::support::{Op, Request, Server, static_site};
use serde_json::json;

#[test]
fn a_commit_that_cannot_be_read_changes_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    let good = commit_body(None, &[Op::file("index.html", "two")]);
    let header = json!({"key": "header", "value": {"summary": "s"}}).to_string();
    let line = |value: serde_json::Value| format!("{header}\n{value}\n");
    let bodies = [
        String::new(),
        "nonsense".into(),
        good.lines().nth(1).unwrap().to_owned(),
        format!("{header}\n{header}\n"),
        format!("{header}\n{{\"key\": \"file\"\n"),
        line(
            json!({"key": "file", "value": {"path": "a", "content": "!!!", "encoding": "base64"}}),
        ),
        line(
            json!({"key": "file", "value": {"path": "a", "content": "eA==", "encoding": "rot13"}}),
        ),
        line(json!({"key": "file", "value": {"content": "eA==", "encoding": "base64"}})),
        line(json!({"key": "symlink", "value": {"path": "a", "target": "/etc/passwd"}})),
        line(json!({"key": "submodule", "value": {"path": "a"}})),
        line(json!(["file"])),
        format!("{header}\n\u{0}\n"),
        "[".repeat(100_000),
    ];
    for body in bodies {
        let request = Request::post("/api/spaces/alice/demo/commit/main")
            .header("content-type", "application/x-ndjson")
            .body(body.clone());
        let answer = alice.send(request);
        assert!(
            (400..500).contains(&answer.status),
            "{:?}: {answer:?}",
            &body[..body.len().min(100)]
        );
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    assert_eq!(space.info()["sha"], json!(head));
}

#[test]
fn json_that_is_not_what_was_asked_for_is_a_400() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    for body in [
        "",
        "nonsense",
        "[]",
        "null",
        "{\"name\": 7}",
        "{\"name\": \"x\", \"type\": \"space\", \"visibility\": \"secret\"}",
    ] {
        let request = |target: &str| {
            Request::post(target)
                .header("content-type", "application/json")
                .body(body)
        };
        let answer = alice.send(request("/api/repos/create"));
        assert!(matches!(answer.status, 400 | 422), "{body}: {answer:?}");
        for route in [
            "/secrets",
            "/variables",
            "/hardware",
            "/sleeptime",
            "/preupload/main",
        ] {
            let answer = alice.send(request(&format!("/api/spaces/{}{route}", space.id)));
            assert!(
                matches!(answer.status, 400 | 422),
                "{route} {body}: {answer:?}"
            );
        }
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_and_takes_no_memory() {
    let server = Server::with(&[
        ("REPO__FILE_BYTES", "1 MiB"),
        ("REPO__COMMIT_BYTES", "2 MiB"),
    ]);
    let alice = server.user("alice");
    let space = alice.create("demo");
    let too_large = space.try_commit(None, &[Op::file("big.bin", vec![7; 1_100_000])]);
    assert!(matches!(too_large.status, 400 | 413), "{too_large:?}");
    assert!(
        too_large.text().contains("big.bin") && too_large.text().contains("1 MiB"),
        "{too_large:?}"
    );
    let parts: Vec<_> = (0..3)
        .map(|n| Op::file(&format!("{n}.bin"), vec![7; 900_000]))
        .collect();
    let too_much = space.try_commit(None, &parts);
    assert!(matches!(too_much.status, 400 | 413), "{too_much:?}");
    assert!(too_much.text().contains("2 MiB"), "{too_much:?}");
    space.commit(&[Op::file("fits.bin", vec![7; 1_000_000])]);
}

#[test]
fn a_commit_is_never_held_in_memory() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[Op::file("warm.bin", "up")]);
    let before = crate::support::server::resident(server.process());
    let body = commit_body(None, &[Op::file("big.bin", vec![b'x'; 64 << 20])]);
    let watched = std::thread::scope(|scope| {
        let process = server.process();
        let (done, over) = std::sync::mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let mut most = 0;
            while over.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                most = most.max(crate::support::server::resident(process));
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            most
        });
        let request = Request::post(format!("/api/spaces/{}/commit/main", space.id))
            .header("content-type", "application/x-ndjson")
            .body(body);
        alice.send(request).expect(200);
        drop(done);
        watch.join().unwrap()
    });
    let grown = watched.saturating_sub(before);
    assert!(
        grown < 32 << 20,
        "64 MiB were sent, memory grew by {} MiB",
        grown >> 20
    );
}

#[test]
fn a_hundred_thousand_files_are_too_many() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let files: Vec<_> = (0..100_000).map(|n| Op::file(&n.to_string(), "")).collect();
    let answer = space.try_commit(None, &files);
    assert!(matches!(answer.status, 400 | 413), "{answer:?}");
    assert!(
        answer.text().contains("20000") || answer.text().contains("20,000"),
        "{answer:?}"
    );
    assert_eq!(space.info()["siblings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_space_does_not_grow_past_its_files() {
    let server = Server::with(&[("REPO__FILES", "10"), ("REPO__TREE_FILES", "15")]);
    let alice = server.user("alice");
    let space = alice.create("demo");
    let some = |from: usize, count: usize| -> Vec<Op> {
        (from..from + count)
            .map(|n| Op::file(&format!("{n}.txt"), "x"))
            .collect()
    };
    space.commit(&some(0, 10));
    let answer = space.try_commit(None, &some(10, 10));
    assert!(matches!(answer.status, 400 | 413), "{answer:?}");
    assert!(answer.text().contains("15"), "{answer:?}");
    let mut swap: Vec<_> = (0..5).map(|n| Op::DeleteFile(format!("{n}.txt"))).collect();
    swap.extend(some(20, 5));
    space.commit(&swap);
}

#[test]
fn an_owner_has_no_more_spaces_than_the_quota() {
    let server = Server::with(&[("QUOTA__SPACES_PER_OWNER", "2")]);
    let alice = server.user("alice");
    alice.create("one");
    alice.create("two");
    let third = alice.create_with("three", json!({}));
    assert_eq!(third.status, 403, "{third:?}");
    assert!(third.text().contains('2'), "{third:?}");
    // What exists is found whatever the quota says.
    alice.create_with("one", json!({})).expect(409);
    let request = Request::new("DELETE", "/api/repos/delete");
    alice
        .send(request.json(&json!({"name": "one", "type": "space"})))
        .expect(200);
    alice.create("three");
}
