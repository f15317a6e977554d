//! Large files by hand: what no honest client asks or sends.

use crate::support::{Answer, Hub, Request, Server};
use serde_json::{Value, json};

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn batch(hub: &Hub<'_>, repo: &str, body: &Value) -> Answer {
    let target = format!("/alice/{repo}.git/info/lfs/objects/batch");
    hub.send(Request::post(target).json(body))
}

fn objects(operation: &str, oid: &str, size: u64) -> Value {
    json!({"operation": operation, "transfers": ["basic"], "objects": [{"oid": oid, "size": size}]})
}

/// The path and query of the first action's address.
#[track_caller]
fn href(answer: &Answer, action: &str) -> String {
    let body = answer.json();
    let href = body["objects"][0]["actions"][action]["href"].as_str();
    let href = href.unwrap_or_else(|| panic!("no {action}: {body:#}"));
    let rest = href.splitn(4, '/').nth(3).unwrap();
    format!("/{rest}")
}

fn model<'a>(server: &'a Server, names: &[&str]) -> Hub<'a> {
    let alice = server.user("alice");
    for name in names {
        alice
            .create_with(name, json!({"type": "model"}))
            .expect(200);
    }
    alice
}

fn commit(hub: &Hub<'_>, repo: &str, value: &Value) -> Answer {
    let header = json!({"key": "header", "value": {"summary": "large"}});
    let line = json!({"key": "lfsFile", "value": value});
    let request = Request::post(format!("/api/models/alice/{repo}/commit/main"))
        .body(format!("{header}\n{line}\n"));
    hub.send(request)
}

#[test]
fn a_file_is_what_it_says_or_is_not_there() {
    let server = Server::start();
    let alice = model(&server, &["tiny"]);
    let put = href(
        &batch(&alice, "tiny", &objects("upload", HELLO, 5)).expect(200),
        "upload",
    );
    let send = |body: &str| {
        Request::new("PUT", put.clone())
            .body(body)
            .send(server.address)
    };
    for bad in ["hell", "hello!", "HELLO", ""] {
        let refused = send(bad);
        assert_eq!(refused.status, 400, "{bad}: {refused:?}");
        assert!(refused.json()["message"].is_string(), "{refused:?}");
    }
    let verify = || Request::post(put.clone()).send(server.address).status;
    assert_eq!(verify(), 404);
    assert_eq!(send("hello").status, 200);
    assert_eq!(send("hello").status, 200);
    assert_eq!(verify(), 200);
    // Now it has it, there is nothing to send.
    let again = batch(&alice, "tiny", &objects("upload", HELLO, 5))
        .expect(200)
        .json();
    assert!(again["objects"][0]["actions"].is_null(), "{again:#}");
    let lie = batch(&alice, "tiny", &objects("upload", HELLO, 6))
        .expect(200)
        .json();
    assert_eq!(lie["objects"][0]["error"]["code"], 422);

    commit(
        &alice,
        "tiny",
        &json!({"path": "a b.bin", "algo": "sha256", "oid": HELLO, "size": 5}),
    )
    .expect(200);
    let file = alice.get("/alice/tiny/resolve/main/a%20b.bin").expect(200);
    assert_eq!(file.text(), "hello");
    assert_eq!(file.header("etag"), Some(&*format!("\"{HELLO}\"")));
    let attributes = alice
        .get("/alice/tiny/resolve/main/.gitattributes")
        .expect(200)
        .text();
    assert!(
        attributes.contains("*.bin filter=lfs") && !attributes.contains("a b.bin"),
        "{attributes}"
    );
    let get = href(
        &batch(&alice, "tiny", &objects("download", HELLO, 5)).expect(200),
        "download",
    );
    let part = Request::get(get)
        .header("range", "bytes=1-2")
        .send(server.address);
    assert_eq!(part.expect(206).text(), "el");
}

#[test]
fn knowing_a_name_gives_nobody_a_file() {
    let server = Server::start();
    let alice = model(&server, &["tiny", "other"]);
    let bob = server.user("bob");
    let put = href(
        &batch(&alice, "tiny", &objects("upload", HELLO, 5)),
        "upload",
    );
    Request::new("PUT", put.clone())
        .body("hello")
        .send(server.address)
        .expect(200);
    // The server has it, and the other repository has not.
    let value = json!({"path": "a", "algo": "sha256", "oid": HELLO, "size": 5});
    let refused = commit(&alice, "other", &value).expect(400);
    assert!(refused.text().contains("not sent"), "{refused:?}");
    let other = batch(&alice, "other", &objects("download", HELLO, 5))
        .expect(200)
        .json();
    assert_eq!(other["objects"][0]["error"]["code"], 404);
    href(
        &batch(&alice, "other", &objects("upload", HELLO, 5)),
        "upload",
    );
    assert_eq!(
        batch(&bob, "tiny", &objects("upload", HELLO, 5)).status,
        403
    );
    let nobody = batch(&server.anonymous(), "tiny", &objects("upload", HELLO, 5));
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").is_some(), "{nobody:?}");
}

#[test]
fn addresses_are_for_what_they_were_given_for() {
    let server = Server::start();
    let alice = model(&server, &["tiny", "other"]);
    let put = href(
        &batch(&alice, "tiny", &objects("upload", HELLO, 5)),
        "upload",
    );
    let (path, query) = put.split_once('?').unwrap();
    let other = path.replace(HELLO, &"0".repeat(64));
    for target in [
        path.to_owned(),
        format!("{other}?{query}"),
        format!("{path}?{}", query.replace("size=5", "size=6")),
        format!("{path}?{}", query.replace("until=", "until=9")),
        format!("{path}?{query}0"),
        format!(
            "{path}?size=5&until=99999999999999&signature={}",
            "0".repeat(64)
        ),
        format!("{path}?size=-1&until=x&signature="),
        "/lfs/x/y?size=1".to_owned(),
    ] {
        let refused = Request::new("PUT", target.clone())
            .body("hello")
            .send(server.address);
        assert!(
            matches!(refused.status, 400 | 403 | 404),
            "{target}: {refused:?}"
        );
    }
    // It is for sending, not for reading.
    assert_eq!(Request::get(put).send(server.address).status, 403);
}

#[test]
fn batches_that_make_no_sense() {
    let server = Server::start();
    let alice = model(&server, &["tiny"]);
    for (body, status) in [
        (json!({}), 400),
        (json!({"operation": "steal", "objects": []}), 400),
        (
            json!({"operation": "upload", "objects": [{"oid": HELLO, "size": -1}]}),
            400,
        ),
        (
            json!({"operation": "upload", "objects": [], "transfers": ["torrent"]}),
            400,
        ),
        (
            json!({"operation": "upload", "objects": [], "hash_algo": "md5"}),
            400,
        ),
        (
            json!({"operation": "upload", "objects": vec![json!({"oid": HELLO, "size": 5}); 1001]}),
            413,
        ),
        (
            json!({"operation": "upload", "objects": [{"oid": "../../etc/passwd", "size": 5}]}),
            200,
        ),
        (
            json!({"operation": "upload", "objects": [{"oid": HELLO, "size": u64::MAX}]}),
            200,
        ),
    ] {
        let answer = batch(&alice, "tiny", &body);
        assert_eq!(answer.status, status, "{body:.200}: {answer:?}");
        if status == 200 {
            assert!(
                answer.json()["objects"][0]["error"]["code"].is_number(),
                "{answer:?}"
            );
        }
    }
    for value in [
        json!({"path": "a", "algo": "md5", "oid": HELLO, "size": 5}),
        json!({"path": "../a", "algo": "sha256", "oid": HELLO, "size": 5}),
        json!({"path": "a", "algo": "sha256", "oid": "zz", "size": 5}),
        json!({"path": "a", "algo": "sha256", "oid": HELLO}),
        json!({"path": "a"}),
    ] {
        assert_eq!(commit(&alice, "tiny", &value).status, 400, "{value}");
    }
    let locks = alice.get("/alice/tiny.git/info/lfs/locks");
    assert_eq!(locks.status, 501, "{locks:?}");
}

#[test]
fn limits_hold() {
    let server = Server::with(&[
        ("REPO__LARGE_FILE_BYTES", "100 B"),
        ("REPO__LARGE_BYTES", "8 B"),
    ]);
    let alice = model(&server, &["tiny"]);
    let too_large = batch(&alice, "tiny", &objects("upload", &"0".repeat(64), 101)).json();
    assert_eq!(too_large["objects"][0]["error"]["code"], 413);
    let put = href(
        &batch(&alice, "tiny", &objects("upload", HELLO, 5)),
        "upload",
    );
    Request::new("PUT", put)
        .body("hello")
        .send(server.address)
        .expect(200);
    let full = batch(&alice, "tiny", &objects("upload", &"0".repeat(64), 5)).json();
    assert_eq!(full["objects"][0]["error"]["code"], 413, "{full:#}");
    let refused = alice.post(
        "/api/models/alice/tiny/preupload/main",
        &json!({"files": [{"path": "a", "size": 20_000_000, "sample": ""}]}),
    );
    assert_eq!(refused.status, 413, "{refused:?}");
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    use std::io::Write;
    let server = Server::start();
    let alice = model(&server, &["tiny"]);
    let put = href(
        &batch(&alice, "tiny", &objects("upload", HELLO, 5)),
        "upload",
    );
    let request = Request::new("PUT", put);
    let mut socket = std::net::TcpStream::connect(server.address).unwrap();
    socket
        .write_all(request.head(server.address, Some(5)).as_bytes())
        .unwrap();
    socket.write_all(b"hel").unwrap();
    drop(socket);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let aside = server.data().join("repos/aside");
    assert_eq!(std::fs::read_dir(aside).unwrap().count(), 0);
    assert!(!server.data().join("repos/blobs").exists());
}

mod alone {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::support::server::resident;

    /// More than this beyond what it had is a file in memory.
    const ALLOWED: u64 = 80 << 20;

    #[test]
    fn a_large_file_passes_through_little_memory() {
        let server = Server::start();
        let alice = model(&server, &["tiny"]);
        let bytes: Vec<u8> = (0..64_u32 << 20).flat_map(u32::to_le_bytes).collect();
        let oid = hex::encode(Sha256::digest(&bytes));
        let size = bytes.len() as u64;
        let put = href(
            &batch(&alice, "tiny", &objects("upload", &oid, size)),
            "upload",
        );
        let before = resident(server.process());
        let most = std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                Request::new("PUT", put.clone())
                    .body(bytes.clone())
                    .send(server.address)
                    .expect(200);
                let value = json!({"path": "big", "algo": "sha256", "oid": oid, "size": size});
                commit(&alice, "tiny", &value).expect(200);
                let file = alice.get("/alice/tiny/resolve/main/big").expect_whole(200);
                assert!(file.body == bytes);
            });
            let mut most = 0;
            while !sending.is_finished() {
                most = most.max(resident(server.process()));
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            sending.join().unwrap();
            most
        });
        assert!(most < before + ALLOWED, "{before} bytes grew to {most}");
    }
}
