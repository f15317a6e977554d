//! The storage of chunks by hand: tokens for elsewhere, lies, nonsense.

use crate::support::{Answer, Hub, Request, Server};
use serde_json::{Value, json};

fn token(hub: &Hub<'_>, repo: &str) -> Value {
    hub.get(&format!("/api/models/{repo}/xet-write-token/main"))
        .expect(200)
        .json()
}

fn post(server: &Server, token: &Value, path: &str, body: &[u8]) -> Answer {
    let address = token["casUrl"].as_str().unwrap();
    let below = address.splitn(4, '/').nth(3).unwrap();
    Request::post(format!("/{below}{path}"))
        .bearer(token["accessToken"].as_str().unwrap())
        .body(body)
        .send(server.address)
}

#[test]
fn tokens_are_for_writers_and_for_one_place() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    bob.create_with("own", json!({"type": "model"})).expect(200);
    let target = "/api/models/alice/tiny/xet-write-token/main";
    assert_eq!(server.anonymous().get(target).status, 401);
    assert_eq!(bob.get(target).status, 403);
    let alices = token(&alice, "alice/tiny");
    let mut mixed = token(&bob, "bob/own");
    mixed["casUrl"] = alices["casUrl"].clone();
    assert_eq!(post(&server, &mixed, "/v1/shards", b"x").status, 401);
    let mut stale = alices.clone();
    let address = alices["casUrl"].as_str().unwrap();
    let account = address.rsplit('-').next().unwrap();
    stale["casUrl"] = format!("{}/xet/7-{account}", server.url()).into();
    assert_eq!(post(&server, &stale, "/v1/shards", b"x").status, 404);
    for bad in [
        "",
        "x",
        "a.b.c",
        "gls_0000000000000000000000000000000000000000",
    ] {
        let mut bad_token = alices.clone();
        bad_token["accessToken"] = bad.into();
        assert_eq!(
            post(&server, &bad_token, "/v1/shards", b"x").status,
            401,
            "{bad}"
        );
    }
}

#[test]
fn what_is_no_xorb_and_no_shard_is_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let token = token(&alice, "alice/tiny");
    let hash = "0".repeat(64);
    let chunk = [&[0, 5, 0, 0, 0, 5, 0, 0][..], b"hello"].concat();
    for (what, hash, body) in [
        ("nothing", &*hash, &b""[..]),
        ("noise", &*hash, &b"noise noise noise"[..]),
        ("a chunk cut off", &*hash, &chunk[..10]),
        ("another's hash", &*hash, &chunk[..]),
        ("a hash that is none", "xyz", &chunk[..]),
        ("a way out", "..%2F..%2Fx", &chunk[..]),
    ] {
        let refused = post(&server, &token, &format!("/v1/xorbs/default/{hash}"), body);
        assert_eq!(refused.status, 400, "{what}: {refused:?}");
    }
    let mut header = [0; 48];
    header[..14].copy_from_slice(b"HFRepoMetaData");
    header[32] = 2;
    let file = |flags: u32, count: u32| {
        let mut record = vec![1; 32];
        record.extend(flags.to_le_bytes());
        record.extend(count.to_le_bytes());
        record.extend([0; 8]);
        record
    };
    for (what, body) in [
        ("nothing", Vec::new()),
        ("noise", b"noise".repeat(100)),
        ("no end", header.to_vec()),
        ("a file cut off", [&header[..], &file(0, 1)].concat()),
        (
            "a file of millions",
            [&header[..], &file(0, u32::MAX)].concat(),
        ),
    ] {
        let refused = post(&server, &token, "/v1/shards", &body);
        assert_eq!(refused.status, 400, "{what}: {refused:?}");
    }
    // A file of a xorb that nobody sent.
    let mut term = vec![3; 32];
    for number in [0_u32, 5, 0, 1] {
        term.extend(number.to_le_bytes());
    }
    let end = [[0xff; 32].to_vec(), vec![0; 16]].concat();
    let unproven = [&header[..], &file(0, 1), &term, &end].concat();
    let refused = post(&server, &token, "/v1/shards", &unproven).expect(400);
    assert!(refused.text().contains("prove"), "{refused:?}");
    let unsent = [&header[..], &file(0x8000_0000, 1), &term, &[0; 48], &end].concat();
    let refused = post(&server, &token, "/v1/shards", &unsent).expect(400);
    assert!(refused.text().contains("was not sent"), "{refused:?}");
}
