//! Clients that send slowly keep nobody else from git.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Git, Request, Server};
use serde_json::json;

/// More than there are git processes.
const SLOW: usize = 20;

#[test]
fn slow_bodies_keep_nobody_from_cloning_and_pushing() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    let git = Git::init(&server, "work");
    git.commit(&[("ok.txt", b"fine")]);
    git.run(&["push", "-q", &address, "main"]).success();
    let head = git.say(&["rev-parse", "HEAD"]);

    let fetch = Request::post("/alice/tiny.git/git-upload-pack")
        .header("content-type", "application/x-git-upload-pack-request");
    let push = Request::post("/alice/tiny.git/git-receive-pack")
        .header("content-type", "application/x-git-receive-pack-request")
        .bearer(&alice.token);
    // As far as a pack that begins, so that there is something to be taken apart.
    let command = format!("{} {head} refs/heads/slow\0 report-status", "0".repeat(40));
    let mut pushed = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
    pushed.extend_from_slice(b"PACK\0\0\0\x02\0\0\0\x01");
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        for (request, begun) in [(&fetch, &b"0032want "[..]), (&push, &pushed)] {
            let mut socket = TcpStream::connect(server.address).unwrap();
            let head = request.head(server.address, Some(begun.len() + 1000));
            socket.write_all(head.as_bytes()).unwrap();
            socket.write_all(begun).unwrap();
            slow.push(socket);
        }
    }
    // All of them are being heard by now.
    std::thread::sleep(Duration::from_millis(500));

    let clone = Git::clone(&server, &address, "clone");
    assert_eq!(clone.read("ok.txt"), b"fine");
    clone.commit(&[("more.txt", b"more")]);
    clone.run(&["push", "-q", &address, "main"]).success();
    // Meanwhile nobody of the slow ones was sent away: it is not that they were refused.
    for socket in &mut slow {
        socket.write_all(b" ").unwrap();
        socket.set_nonblocking(true).unwrap();
        let error = socket.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}
