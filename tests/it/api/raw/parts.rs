//! Large files in parts, by hand: what no honest client sends, and what a server that is killed meanwhile still knows.

use crate::support::{Answer, Hub, Request, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of all parts but the last.
const PART: usize = 64 << 20;

/// A file that is sent in parts, and where.
struct Upload {
    size: u64,
    action: Value,
}

// === impl Upload ===

impl Upload {
    #[track_caller]
    fn begin(hub: &Hub<'_>, oid: &str, size: u64) -> Self {
        let answer = ask(hub, oid, size).expect(200).json();
        assert_eq!(answer["transfer"], "multipart", "{answer:.300}");
        Self {
            size,
            action: answer["objects"][0]["actions"]["upload"].clone(),
        }
    }

    fn part(&self, server: &Server, number: usize, bytes: &[u8]) -> Answer {
        let href = self.action["header"][format!("{number:05}")].as_str();
        let target = target(href.expect("an address for each part"));
        Request::new("PUT", target).body(bytes).send(server.address)
    }

    fn complete(&self, server: &Server) -> Answer {
        let target = target(self.action["href"].as_str().unwrap());
        // What it says of its parts is not what counts.
        let body = json!({"oid": "", "parts": [{"partNumber": 1, "etag": "\"made up\""}]});
        Request::post(target).json(&body).send(server.address)
    }
}

fn ask(hub: &Hub<'_>, oid: &str, size: u64) -> Answer {
    let body = json!({"operation": "upload", "transfers": ["basic", "multipart"],
                      "objects": [{"oid": oid, "size": size}]});
    hub.send(Request::post("/alice/tiny.git/info/lfs/objects/batch").json(&body))
}

/// Path and query of an address; the server may have another port by now.
fn target(href: &str) -> String {
    format!("/{}", href.splitn(4, '/').nth(3).unwrap())
}

fn model(server: &Server) -> Hub<'_> {
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    alice
}

/// Two parts, the second one short.
fn content() -> (Vec<u8>, String) {
    let mut bytes = vec![7; PART];
    bytes.extend_from_slice(b"the end");
    let oid = hex::encode(Sha256::digest(&bytes));
    (bytes, oid)
}

fn parts_on_disk(server: &Server) -> usize {
    let mut folders = vec![server.data().join("repos")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found += usize::from(path.iter().any(|name| name == "parts"));
            }
        }
    }
    found
}

#[test]
fn parts_outlive_a_kill_and_become_the_file() {
    let mut server = Server::start();
    let (bytes, oid) = content();
    let alice = model(&server);
    let token = alice.token.clone();
    let upload = Upload::begin(&alice, &oid, bytes.len() as u64);
    assert_eq!(upload.action["header"]["chunk_size"], PART.to_string());
    assert!(upload.action["header"]["00003"].is_null());
    let answer = upload.part(&server, 1, &bytes[..PART]);
    let hash = hex::encode(Sha256::digest(&bytes[..PART]));
    assert_eq!(
        answer.expect(200).header("etag"),
        Some(&*format!("\"{hash}\""))
    );
    let missing = upload.complete(&server).expect(400);
    assert!(missing.text().contains("part 2"), "{missing:?}");
    server.kill();
    server.launch();
    upload.part(&server, 2, b"the end").expect(200);
    upload.complete(&server).expect(200);
    // A client that did not hear it asks again.
    upload.complete(&server).expect(200);
    assert_eq!(parts_on_disk(&server), 0);
    let there = ask(&Hub::new(&server, "alice", &token), &oid, upload.size).json();
    assert!(there["objects"][0]["actions"].is_null(), "{there:.300}");
}

#[test]
fn parts_that_are_not_those_of_the_file() {
    let server = Server::start();
    let alice = model(&server);
    let (bytes, oid) = content();
    let upload = Upload::begin(&alice, &oid, bytes.len() as u64);
    for bad in [&b"the en"[..], b"the end!", b""] {
        assert_eq!(upload.part(&server, 2, bad).status, 400, "{bad:?}");
    }
    let first = upload.action["header"]["00001"].as_str().unwrap();
    for (number, status) in [
        ("0", 400),
        ("3", 400),
        ("-1", 400),
        ("x", 400),
        ("99999999999999999999", 400),
    ] {
        let target = target(&first.replace("/parts/1?", &format!("/parts/{number}?")));
        let answer = Request::new("PUT", target).body("x").send(server.address);
        assert_eq!(answer.status, status, "{number}: {answer:?}");
    }
    let unsigned = target(first.split_once('?').unwrap().0);
    let answer = Request::new("PUT", unsigned).body("x").send(server.address);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(parts_on_disk(&server), 0);

    let mut wrong = bytes[..PART].to_vec();
    wrong[99] = 8;
    upload.part(&server, 1, &wrong).expect(200);
    upload.part(&server, 2, b"the end").expect(200);
    let refused = upload.complete(&server).expect(400);
    assert!(refused.text().contains("SHA-256"), "{refused:?}");
    // Nothing tells which of them was wrong, so all are sent again.
    assert_eq!(parts_on_disk(&server), 0);
    assert!(!server.data().join("repos/blobs").exists());
    upload.part(&server, 1, &bytes[..PART]).expect(200);
    upload.part(&server, 2, b"the end").expect(200);
    upload.complete(&server).expect(200);
}

#[test]
fn parts_count_against_the_limit_and_not_twice() {
    let server = Server::with(&[("REPO__LARGE_BYTES", "100 MiB")]);
    let alice = model(&server);
    let (bytes, oid) = content();
    let size = bytes.len() as u64;
    let upload = Upload::begin(&alice, &oid, size);
    upload.part(&server, 1, &bytes[..PART]).expect(200);
    let other = ask(&alice, &"0".repeat(64), size).expect(200).json();
    assert_eq!(other["objects"][0]["error"]["code"], 413, "{other:.300}");
    // The same file again, as by a client that begins anew.
    let upload = Upload::begin(&alice, &oid, size);
    upload.part(&server, 1, &bytes[..PART]).expect(200);
    upload.part(&server, 2, b"the end").expect(200);
    upload.complete(&server).expect(200);
}

#[test]
fn what_one_part_holds_goes_whole() {
    let server = Server::start();
    let alice = model(&server);
    let answer = ask(&alice, &"0".repeat(64), PART as u64).expect(200).json();
    assert_eq!(answer["transfer"], "basic", "{answer:.300}");
    let header = &answer["objects"][0]["actions"]["upload"]["header"];
    assert!(header.is_null(), "{answer:.300}");
}
