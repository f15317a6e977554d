//! Clients that go away half way.

use crate::support::hub::commit_body;
use crate::support::{Op, Request, Server, eventually, static_site};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn half_a_commit_is_no_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    let body = commit_body(
        None,
        &[
            Op::file("index.html", "two"),
            Op::file("big.bin", vec![b'x'; 1 << 20]),
        ],
    );
    let request = Request::post("/api/spaces/alice/demo/commit/main").bearer(&alice.token);
    for cut in [0, 10, 200, body.len() / 2, body.len() - 1] {
        let mut socket = TcpStream::connect(server.address).unwrap();
        let head = request.head(server.address, Some(body.len()));
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&body.as_bytes()[..cut]).unwrap();
        drop(socket);
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(space.info()["sha"], json!(head));
    eventually(Duration::from_secs(10), "what was spooled is gone", || {
        (open_temporary_files(&server) == 0).then_some(())
    });
    space.commit(&[Op::file("index.html", "three")]);
}

#[test]
fn a_chunked_body_without_an_end_is_no_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    let body = commit_body(None, &[Op::file("index.html", "two")]);
    let request = Request::post("/api/spaces/alice/demo/commit/main")
        .bearer(&alice.token)
        .header("transfer-encoding", "chunked");
    let mut socket = TcpStream::connect(server.address).unwrap();
    write!(
        socket,
        "{}{:x}\r\n{body}\r\n",
        request.head(server.address, None),
        body.len()
    )
    .unwrap();
    drop(socket);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(space.info()["sha"], json!(head));
}

#[test]
fn a_chunked_body_with_an_end_is_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let body = commit_body(None, &[Op::file("a.txt", "two")]);
    let mut chunked = String::new();
    for piece in body.as_bytes().chunks(7) {
        chunked += &format!(
            "{:x}\r\n{}\r\n",
            piece.len(),
            std::str::from_utf8(piece).unwrap()
        );
    }
    let request = Request::post("/api/spaces/alice/demo/commit/main")
        .header("transfer-encoding", "chunked")
        .body(chunked + "0\r\n\r\n");
    alice.send(request).expect(200);
    assert_eq!(
        alice
            .get("/spaces/alice/demo/resolve/main/a.txt")
            .expect(200)
            .text(),
        "two"
    );
    drop(space);
}

#[test]
fn what_a_client_began_and_left_runs_to_its_end() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("page 0"));
    let leave = |request: Request, body: &str| {
        let mut socket = TcpStream::connect(server.address).unwrap();
        let request = request.bearer(&alice.token);
        let head = request.head(server.address, Some(body.len()));
        socket.write_all((head + body).as_bytes()).unwrap();
        socket
    };
    // At other moments of the work each time: what landed of the commit must also be what is shown.
    for turn in 1..=12 {
        let body = commit_body(None, &[Op::file("index.html", format!("page {turn}"))]);
        let request = Request::post("/api/spaces/alice/demo/commit/main");
        let socket = leave(request, &body);
        std::thread::sleep(Duration::from_millis(turn));
        drop(socket);
        std::thread::sleep(Duration::from_millis(200));
        let landed = alice.get("/spaces/alice/demo/resolve/main/index.html");
        let landed = landed.expect(200).text();
        eventually(
            Duration::from_secs(20),
            &format!("{landed} is shown"),
            || (space.visit("/").text() == landed).then_some(()),
        );
    }
    for turn in 0..6 {
        let name = format!("brief{turn}");
        let body = json!({"name": name, "organization": null, "type": "space", "sdk": "static"});
        let socket = leave(Request::post("/api/repos/create"), &body.to_string());
        std::thread::sleep(Duration::from_millis(turn));
        drop(socket);
        std::thread::sleep(Duration::from_millis(200));
        // What has a name has a repository.
        if alice.space(&name).api("").status == 200 {
            alice.space(&name).commit(&static_site("there"));
        }
    }
}

/// Files of the server that have no name, or a temporary one.
fn open_temporary_files(server: &Server) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.process())).unwrap();
    descriptors
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|path| {
            let text = path.to_string_lossy();
            text.contains("(deleted)")
                || text.contains("/tmp")
                    && !text.starts_with(&*server.data().to_string_lossy())
                    && !text.ends_with("server.log")
        })
        .count()
}
