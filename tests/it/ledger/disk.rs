//! One quota of disk for every way in: a refusal says so and keeps nothing, and many at once do not pass it together.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::hub::commit_body;
use crate::support::{Answer, Git, Hub, Op, Request, Server, eventually};

const MIB: usize = 1 << 20;

fn set(server: &Server, owner: &str, body: Value) {
    let request = Request::new("PUT", format!("/api/admin/quotas/{owner}")).json(&body);
    server.admin().send(request).expect(200);
}

fn used(hub: &Hub<'_>, resource: &str) -> u64 {
    let quota = hub.get("/api/quota").expect(200).json();
    quota["quotas"][resource]["used"].as_u64().unwrap()
}

fn model(hub: &Hub<'_>, name: &str) {
    let body = json!({"type": "model"});
    hub.create_with(name, body).expect(200);
}

fn commit(hub: &Hub<'_>, name: &str, branch: &str, operations: &[Op]) -> Answer {
    let target = format!("/api/models/{}/{name}/commit/{branch}", hub.name);
    hub.send(Request::post(target).body(commit_body(None, operations)))
}

/// Bytes that no compression makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    let mut source = std::fs::File::open("/dev/urandom").unwrap();
    source.read_exact(&mut noise).unwrap();
    noise
}

/// Everything on disk below the repositories' folder, and how many bytes all files have.
fn on_disk(server: &Server) -> (BTreeSet<PathBuf>, u64) {
    let mut folders = vec![server.data().join("repos")];
    let (mut found, mut bytes) = (BTreeSet::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            if facts.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += facts.len();
            }
            found.insert(entry.path());
        }
    }
    (found, bytes)
}

/// Path and query of an address.
fn target(href: &Value) -> String {
    let href = href.as_str().unwrap();
    format!("/{}", href.splitn(4, '/').nth(3).unwrap())
}

fn batch(hub: &Hub<'_>, name: &str, oid: &str, size: usize) -> Value {
    let body = json!({"operation": "upload", "transfers": ["basic", "multipart"],
                      "objects": [{"oid": oid, "size": size}]});
    let target = format!("/{}/{name}.git/info/lfs/objects/batch", hub.name);
    hub.post(&target, &body).expect(200).json()["objects"][0].clone()
}

fn oid(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn put(server: &Server, address: &Value, bytes: &[u8]) -> Answer {
    Request::new("PUT", target(address))
        .body(bytes)
        .send(server.address)
}

/// What a browser sends from `/new`: signs in, and posts a site.
fn browser_form(server: &Server, hub: &Hub<'_>, name: &str, page: &[u8]) -> Answer {
    let login = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={}", hub.token));
    let signed_in = login.send(server.address);
    let cookie = signed_in.header("set-cookie").expect("a session");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let new = Request::get("/new").header("cookie", &cookie);
    let text = new.send(server.address).expect(200).text();
    let carried = text.split("name=\"form\" value=\"").nth(1).unwrap();
    let carried = carried.split('"').next().unwrap();
    let mut body = Vec::new();
    for (field, value) in [
        ("form", carried),
        ("how", "files"),
        ("name", name),
        ("sdk", "static"),
    ] {
        body.extend_from_slice(
            format!("--B\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    body.extend_from_slice(
        b"--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"index.html\"\r\n\r\n",
    );
    body.extend_from_slice(page);
    body.extend_from_slice(b"\r\n--B--\r\n");
    Request::post("/new")
        .header("cookie", &cookie)
        .header("content-type", "multipart/form-data; boundary=B")
        .body(body)
        .send(server.address)
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    let text = answer.text();
    assert_eq!(answer.status, 403, "{text}");
    assert!(text.contains("exceed the quota of disk"), "{text}");
}

#[test]
fn with_a_full_quota_every_way_in_refuses_and_keeps_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    model(&alice, "tiny");
    commit(&alice, "tiny", "main", &[Op::file("a", noise(100_000))]).expect(200);
    // What is allowed while there is room is still no way in later.
    let small = noise(1000);
    let whole = batch(&alice, "tiny", &oid(&small), small.len());
    let in_parts = batch(&alice, "tiny", &"1".repeat(64), (64 << 20) + 7);
    let token = alice.get("/api/models/alice/tiny/xet-write-token/main");
    let token = token.expect(200).json();
    set(&server, "alice", json!({"disk": used(&alice, "disk")}));
    let before = (on_disk(&server), used(&alice, "disk"));
    let refs = alice.get("/api/models/alice/tiny/refs").expect(200).text();

    let file = [Op::file("b", noise(1000))];
    assert_refused(&commit(&alice, "tiny", "main", &file));
    let preupload = json!({"files": [{"path": "big", "size": 11 * MIB, "sample": ""}]});
    let asked = alice.post("/api/models/alice/tiny/preupload/main", &preupload);
    assert_refused(&asked);
    let refused = batch(&alice, "tiny", &"2".repeat(64), 5);
    assert_eq!(refused["error"]["code"], 403, "{refused}");
    let upload = &whole["actions"]["upload"];
    assert_refused(&put(&server, &upload["href"], &small));
    let parts = &in_parts["actions"]["upload"]["header"];
    assert_refused(&put(&server, &parts["00002"], b"the end"));

    let asked = alice.get("/api/models/alice/tiny/xet-write-token/main");
    assert_refused(&asked);
    let xorb = format!(
        "{}/v1/xorbs/default/{}",
        target(&token["casUrl"]),
        "0".repeat(64)
    );
    let xorb = Request::post(xorb)
        .bearer(token["accessToken"].as_str().unwrap())
        .body(noise(1000));
    assert_refused(&xorb.send(server.address));

    let git = Git::init(&server, "work");
    git.commit(&[("c", &noise(2000))]);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny.git");
    for branch in ["main:main", "main:side", "main:refs/tags/v1"] {
        let reported = git.run(&["push", "--force", &address, branch]).failure();
        assert!(
            reported.contains("remote: this would exceed the quota of disk"),
            "{branch}: {reported}"
        );
    }
    let reported = browser_form(&server, &alice, "site", &noise(500));
    assert!(
        reported.text().contains("quota of disk"),
        "{}",
        reported.text()
    );
    let copy = json!({"repository": "alice/copy"});
    assert_refused(&alice.post("/api/models/alice/tiny/duplicate", &copy));
    assert_refused(&alice.create_with("site", json!({})));
    assert_refused(&alice.create_with("more", json!({"type": "dataset"})));
    let branch = alice.post("/api/models/alice/tiny/branch/other", &json!({}));
    assert_refused(&branch);
    let tag = json!({"tag": "v2", "message": "two"});
    assert_refused(&alice.post("/api/models/alice/tiny/tag/main", &tag));

    assert_eq!((on_disk(&server), used(&alice, "disk")), before);
    let now = alice.get("/api/models/alice/tiny/refs").expect(200).text();
    assert_eq!(now, refs);
    for gone in [
        "/api/models/alice/copy",
        "/api/spaces/alice/site",
        "/api/datasets/alice/more",
    ] {
        assert_eq!(alice.get(gone).status, 404, "{gone}");
    }
    // What is deleted is free at once.
    let body = json!({"name": "tiny", "type": "model"});
    let delete = Request::new("DELETE", "/api/repos/delete").json(&body);
    alice.send(delete).expect(200);
    assert_eq!(used(&alice, "disk"), 0);
    model(&alice, "next");
    commit(&alice, "next", "main", &file).expect(200);
}

#[test]
fn many_writers_by_every_way_at_once_do_not_pass_the_quota_together() {
    let server = Server::start();
    let alice = server.user("alice");
    model(&alice, "tiny");
    commit(&alice, "tiny", "main", &[Op::file("a", "a")]).expect(200);
    let limit = used(&alice, "disk") + 6 * MIB as u64;
    set(&server, "alice", json!({"disk": limit}));
    let gits: Vec<_> = (0..6)
        .map(|number| {
            let git = Git::init(&server, &format!("work-{number}"));
            git.commit(&[("big", &noise(MIB))]);
            git
        })
        .collect();
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny.git");
    let (stored, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (alice, stored, address, done) = (&alice, &stored, &address, &done);
        let watching = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Acquire) {
                most = most.max(used(alice, "disk"));
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        let mut writers = Vec::new();
        for (number, git) in gits.iter().enumerate() {
            writers.push(scope.spawn(move || {
                let to = format!("main:side-{number}");
                let pushed = git.command().args(["push", "-q", address, &to]).output();
                let is_in = pushed.unwrap().status.success();
                stored.fetch_add(usize::from(is_in), Ordering::AcqRel);
            }));
        }
        for number in 0..14 {
            writers.push(scope.spawn(move || {
                let bytes = noise(MIB);
                let answer = if number % 2 == 0 {
                    let file = Op::file(&format!("file-{number}"), bytes);
                    commit(alice, "tiny", "main", &[file])
                } else {
                    let asked = batch(alice, "tiny", &oid(&bytes), bytes.len());
                    if asked["error"]["code"] == 403 {
                        return;
                    }
                    let href = &asked["actions"]["upload"]["href"];
                    put(alice.server, href, &bytes)
                };
                assert!(matches!(answer.status, 200 | 403), "{answer:?}");
                stored.fetch_add(usize::from(answer.status == 200), Ordering::AcqRel);
            }));
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        let most = watching.join().unwrap();
        assert!(most <= limit, "{most} of {limit}");
    });
    let stored = stored.load(Ordering::Acquire);
    assert!((3..=6).contains(&stored), "{stored} of them were stored");
    let (_, bytes) = on_disk(&server);
    // Large files have two names, of which one is no repository's.
    assert!(bytes <= 2 * limit, "{bytes} of {limit}");
    assert!(used(&alice, "disk") <= limit);
}

#[test]
fn what_was_sent_and_never_committed_counts_and_after_a_kill_too() {
    let mut server = Server::start();
    let alice = server.user("alice");
    let token = alice.token.clone();
    model(&alice, "tiny");
    let bytes = noise(MIB);
    for _ in 0..2 {
        // The same twice is there once.
        let asked = batch(&alice, "tiny", &oid(&bytes), bytes.len());
        if let Some(upload) = asked["actions"].get("upload") {
            put(&server, &upload["href"], &bytes).expect(200);
        }
    }
    let file = Op::file("side", noise(MIB));
    commit(&alice, "tiny", "main", &[Op::file("a", "a")]).expect(200);
    let branch = alice.post("/api/models/alice/tiny/branch/side", &json!({}));
    branch.expect(200);
    commit(&alice, "tiny", "side", &[file]).expect(200);
    let before = used(&alice, "disk");
    assert!(
        (2 * MIB as u64..3 * MIB as u64).contains(&before),
        "{before}"
    );
    set(&server, "alice", json!({"disk": before + 1000}));
    server.kill();
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    // Before anything else was asked, and so before anything was measured.
    let refused = commit(&alice, "tiny", "main", &[Op::file("b", noise(3000))]);
    assert_refused(&refused);
    assert_eq!(used(&alice, "disk"), before);
}

#[test]
fn a_repository_moves_only_to_where_there_is_room_for_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let lab = json!({"name": "lab", "admin": "alice"});
    let made = server.admin().post("/api/admin/organizations", &lab);
    made.expect(201);
    model(&alice, "tiny");
    commit(&alice, "tiny", "main", &[Op::file("a", noise(100_000))]).expect(200);
    let before = used(&alice, "disk");
    set(&server, "lab", json!({"disk": 50_000}));
    let to_lab = json!({"fromRepo": "alice/tiny", "toRepo": "lab/tiny", "type": "model"});
    assert_refused(&alice.post("/api/repos/move", &to_lab));
    assert_eq!(used(&alice, "disk"), before);
    set(&server, "lab", json!({"disk": 500_000}));
    alice.post("/api/repos/move", &to_lab).expect(200);
    assert_eq!(used(&alice, "disk"), 0);
    let lab = server.admin().get("/api/admin/quotas/lab").expect(200);
    assert_eq!(lab.json()["quotas"]["disk"]["used"], before);
}

#[test]
fn files_are_counted_as_bytes_are() {
    let server = Server::start();
    let alice = server.user("alice");
    model(&alice, "tiny");
    let files = |from: usize| -> Vec<Op> {
        let names = (from..from + 50).map(|number| format!("f{number}"));
        names.map(|name| Op::file(&name, name.clone())).collect()
    };
    commit(&alice, "tiny", "main", &files(0)).expect(200);
    let before = used(&alice, "files");
    assert!(before > 50, "{before}");
    set(&server, "alice", json!({"files": before + 20}));
    let refused = commit(&alice, "tiny", "main", &files(50)).expect(403);
    let text = refused.text();
    assert!(text.contains("quota of files on disk"), "{text}");
    assert_eq!(used(&alice, "files"), before);
    commit(&alice, "tiny", "main", &[Op::file("one", "more")]).expect(200);
    let shown = crate::support::cli::glasshouse(&server, &alice.token, &["quota", "show"]);
    assert!(shown.success().stdout.contains("files"));
}

#[test]
fn many_small_files_count_as_the_blocks_they_take() {
    let server = Server::start();
    let alice = server.user("alice");
    set(&server, "alice", json!({"disk": 4 << 20}));
    model(&alice, "tiny");
    let files = |from: u32, count: u32| -> Vec<Op> {
        (from..from + count)
            .map(|number| Op::file(&format!("d{}/f{number}", number % 50), number.to_string()))
            .collect()
    };
    // 1,500 files of four bytes are 6 KiB of text and 6 MiB of disk.
    assert_refused(&commit(&alice, "tiny", "main", &files(10_000, 1500)));
    let before = used(&alice, "disk");
    commit(&alice, "tiny", "main", &files(20_000, 300)).expect(200);
    let grown = used(&alice, "disk") - before;
    assert!((300 * 4096..3 << 20).contains(&grown), "{grown}");
}

#[test]
fn an_upload_that_breaks_off_gives_its_room_back() {
    let server = Server::start();
    let alice = server.user("alice");
    model(&alice, "tiny");
    let before = used(&alice, "disk");
    let bytes = noise(MIB);
    let asked = batch(&alice, "tiny", &oid(&bytes), bytes.len());
    let request = Request::new("PUT", target(&asked["actions"]["upload"]["href"]));
    let head = request.head(server.address, Some(bytes.len()));
    let mut socket = std::net::TcpStream::connect(server.address).unwrap();
    std::io::Write::write_all(&mut socket, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut socket, &bytes[..MIB - 1]).unwrap();
    drop(socket);
    eventually(Duration::from_secs(20), "the room is given back", || {
        (used(&alice, "disk") == before).then_some(())
    });
    // Bytes that are not what they were said to be are not kept either.
    let other = noise(MIB);
    put(&server, &asked["actions"]["upload"]["href"], &other).expect(400);
    assert_eq!(used(&alice, "disk"), before);
}
