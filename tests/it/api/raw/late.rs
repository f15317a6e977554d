//! A commit that takes its time, and what its sender may do meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::support::hub::commit_body;
use crate::support::{Hub, Op, Request, Server};

/// Begins a commit to `main`, and returns what ends it and says what came of it.
fn begin(by: &Hub<'_>, target: &str, body: &str) -> impl FnOnce() -> String {
    let mut socket = TcpStream::connect(by.server.address).unwrap();
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        by.token,
        body.len()
    );
    let (first, rest) = body.split_at(body.len() / 2);
    socket
        .write_all(format!("{head}{first}").as_bytes())
        .unwrap();
    // It is asked who sends it before the rest is read.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let rest = rest.to_owned();
    move || {
        let _ = socket.write_all(rest.as_bytes());
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        answer
    }
}

#[test]
fn whoever_may_not_change_a_repository_any_more_does_not() {
    let server = Server::start();
    let (admin, alice, bob) = (server.admin(), server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    admin.post("/api/admin/organizations", &lab).expect(201);
    let member = Request::new("PUT", "/api/organizations/lab/members/bob");
    alice
        .send(member.json(&json!({"role": "write"})))
        .expect(200);
    let made = json!({"name": "m", "organization": "lab", "type": "model"});
    alice.post("/api/repos/create", &made).expect(200);
    let target = "/api/models/lab/m/commit/main";
    let body = commit_body(None, &[Op::file("a.txt", "a")]);
    let head = || alice.get("/api/models/lab/m").json()["sha"].clone();

    // While nothing changes it lands.
    let answer = begin(&bob, target, &body)();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let before = head();

    // Not with a token that was deleted meanwhile.
    let token = json!({"name": "late", "scope": "write"});
    let made = bob.post("/api/tokens", &token).expect(201).json();
    let late = Hub::new(&server, "bob", made["token"].as_str().unwrap());
    let end = begin(&late, target, &body);
    let name = Request::new("DELETE", "/api/tokens/late");
    bob.send(name).expect(200);
    let answer = end();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");

    // Nor after leaving.
    let end = begin(&bob, target, &body);
    alice
        .send(Request::new("DELETE", "/api/organizations/lab/members/bob"))
        .expect(200);
    let answer = end();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("changed meanwhile"), "{answer}");
    assert_eq!(head(), before);
}
