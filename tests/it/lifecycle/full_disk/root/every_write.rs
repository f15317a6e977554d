//! Every way to write, on a small ext4 that is full to its last block: refused in words with nothing left behind, while
//! deletions go through; and all of it works again, in the same process, once there is room. Then the disk fails.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::Mount;
use crate::support::hub::commit_body;
use crate::support::{Answer, Git, Hub, Op, Request, Server, eventually, static_site};

#[test]
fn all_is_refused_but_deletions_and_all_works_again_until_the_disk_fails() {
    let mut server = Server::start();
    server.kill();
    let _mount = ext4(&server);
    server.launch();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("here"));
    for gone in ["gone", "gone-too"] {
        alice.publish(gone, &static_site("gone"));
    }
    let model = json!({"name": "weights", "organization": null, "type": "model"});
    alice.post("/api/repos/create", &model).expect(200);
    let doomed = json!({"name": "doomed", "scope": "read"});
    alice.post("/api/tokens", &doomed).expect(201);
    space
        .post("/variables", &json!({"key": "OLD", "value": "v"}))
        .expect(200);
    space.wait_for("RUNNING");
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let git = Git::clone(&server, &address, "clone");
    git.run(&["push", "-q", "origin", "main:side", "main:side-too"])
        .success();
    git.commit(&[("pushed.html", b"pushed")]);

    let filler = server.data().join("filler");
    fill(&filler);
    let head = space.info()["sha"].clone();
    for (what, answer) in writes(&alice, "first") {
        assert_eq!(answer.status, 507, "{what}: {answer:?}");
        let error = answer.json()["error"].to_string();
        assert!(error.contains("disk is full"), "{what}: {error}");
    }
    let output = git.run(&["push", "-q", "origin", "main"]).failure();
    assert!(output.contains("disk is full"), "{output}");
    assert_eq!(space.info()["sha"], head);
    alice.get("/api/spaces/alice/first").expect(404);
    let page = space.visit("/").expect(200).text();
    assert!(page.ends_with("here"), "{page}");

    // Whatever takes something away goes through, again and again, though what it frees is gone at once.
    git.run(&["push", "-q", "origin", "--delete", "side"])
        .success();
    for (method, target, body) in [
        (
            "DELETE",
            "/api/spaces/alice/demo/branch/side-too",
            json!({}),
        ),
        (
            "DELETE",
            "/api/spaces/alice/demo/variables",
            json!({"key": "OLD"}),
        ),
        ("DELETE", "/api/tokens/doomed", json!({})),
        ("POST", "/api/spaces/alice/demo/pause", json!({})),
        (
            "DELETE",
            "/api/repos/delete",
            json!({"name": "gone", "type": "space"}),
        ),
        (
            "DELETE",
            "/api/repos/delete",
            json!({"name": "gone-too", "type": "space"}),
        ),
        (
            "DELETE",
            "/api/repos/delete",
            json!({"name": "weights", "type": "model"}),
        ),
    ] {
        fill(&filler);
        let answer = alice.send(Request::new(method, target).json(&body));
        assert!(matches!(answer.status, 200 | 204), "{target}: {answer:?}");
    }
    alice.get("/api/spaces/alice/gone").expect(404);
    let process = server.process();

    std::fs::remove_file(&filler).unwrap();
    alice.post("/api/repos/create", &model).expect(200);
    for (what, answer) in writes(&alice, "second") {
        assert!(matches!(answer.status, 200 | 201), "{what}: {answer:?}");
    }
    git.run(&["pull", "-q", "--rebase", "origin", "main"])
        .success();
    git.run(&["push", "-q", "origin", "main"]).success();
    space.wait_for("RUNNING");
    let patience = std::time::Duration::from_secs(30);
    eventually(patience, "what was pushed is served", || {
        (space.visit("/pushed.html").status == 200).then_some(())
    });
    assert!(space.visit("/new.html").expect(200).text().ends_with("new"));
    assert_eq!(server.process(), process);

    // What ext4 does when it finds an error.
    let failed = Command::new("mount")
        .args(["-o", "remount,abort"])
        .arg(server.data())
        .status();
    assert!(failed.unwrap().success());
    let answer = space.post("/branch/late", &json!({}));
    assert_eq!(answer.status, 503, "{answer:?}");
    let error = answer.json()["error"].to_string();
    assert!(error.contains("disk has failed"), "{error}");
    assert!(space.visit("/new.html").expect(200).text().ends_with("new"));
}

/// Every kind of write but a push, and what was answered.
fn writes(alice: &Hub<'_>, name: &str) -> Vec<(&'static str, Answer)> {
    let demo = alice.space("demo");
    let large = json!({"operation": "upload", "transfers": ["basic"], "hash_algo": "sha256",
        "objects": [{"oid": "ab".repeat(32), "size": 100}]});
    let announced = json!({"files": [{"path": "a.bin", "size": 3, "sample": "AAAA"}]});
    let commit = Request::post("/api/models/alice/weights/commit/main")
        .header("content-type", "application/x-ndjson")
        .body(commit_body(None, &[Op::file("a.txt", "a")]));
    vec![
        ("create", alice.create_with(name, json!({}))),
        (
            "variable",
            demo.post("/variables", &json!({"key": "K", "value": "v"})),
        ),
        (
            "secret",
            demo.post("/secrets", &json!({"key": "S", "value": "s"})),
        ),
        (
            "token",
            alice.post("/api/tokens", &json!({"name": name, "scope": "read"})),
        ),
        ("like", demo.post("/like", &json!({}))),
        ("restart", demo.post("/restart", &json!({}))),
        ("preupload", demo.post("/preupload/main", &announced)),
        (
            "commit",
            demo.try_commit(None, &[Op::file("new.html", "new")]),
        ),
        ("commit to a model", alice.send(commit)),
        (
            "large file",
            alice.post("/spaces/alice/demo.git/info/lfs/objects/batch", &large),
        ),
        (
            "chunks",
            alice.get("/api/spaces/alice/demo/xet-write-token/main"),
        ),
    ]
}

/// Fills the disk below a file to its last block.
fn fill(path: &Path) {
    let mut file: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    // The last block is taken whole, so single bytes are not tried.
    for piece in [1 << 20, 1 << 12] {
        let bytes = vec![7; piece];
        loop {
            match file.write_all(&bytes).and_then(|()| file.sync_data()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// An ext4 of 96 MiB where the server keeps its data, with no block that only root may take.
fn ext4(server: &Server) -> Mount {
    let image: PathBuf = server.scratch("disk").join("image");
    File::create(&image).unwrap().set_len(96 << 20).unwrap();
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-m", "0"])
        .arg(&image)
        .status()
        .expect("mkfs.ext4, of the package e2fsprogs");
    assert!(made.success());
    let data = server.data();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    let mounted = Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(&data)
        .status()
        .unwrap();
    assert!(
        mounted.success(),
        "only root can mount; GLASSHOUSE_TEST_SKIP=root leaves this out"
    );
    Mount(data)
}
