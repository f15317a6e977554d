//! Pushes that break off, and servers that are killed in the middle of one.

use std::io::Write;
use std::net::TcpStream;

use crate::support::{Git, Request, Server};
use serde_json::json;

#[test]
fn half_a_push_leaves_nothing() {
    let mut server = Server::start();
    let alice = server.user("alice");
    let token = alice.token.clone();
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let address = Git::address(&server, "alice", &token, "alice/tiny");
    let git = Git::init(&server, "work");
    let noise: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    git.commit(&[("noise", &noise)]);
    // The bytes of a real push, of which half will be sent.
    let head = git.say(&["rev-parse", "HEAD"]);
    let pack = git
        .command()
        .args(["pack-objects", "-q", "--all", "--stdout"])
        .output()
        .unwrap()
        .stdout;
    let command = format!("{} {head} refs/heads/main\0 report-status", "0".repeat(40));
    let mut body = format!("{:04x}{command}0000", command.len() + 4).into_bytes();
    body.extend(&pack);
    let request = Request::post("/alice/tiny/git-receive-pack")
        .header("content-type", "application/x-git-receive-pack-request")
        .bearer(&token);
    let half = body.len() / 2;
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket
        .write_all(request.head(server.address, Some(body.len())).as_bytes())
        .unwrap();
    socket.write_all(&body[..half]).unwrap();
    drop(socket);
    let refs = |server: &Server| {
        let refs = Request::get("/api/models/alice/tiny/refs").bearer(&token);
        refs.send(server.address).expect(200).json()["branches"].clone()
    };
    let before = refs(&server);

    let mut socket = TcpStream::connect(server.address).unwrap();
    socket
        .write_all(request.head(server.address, Some(body.len())).as_bytes())
        .unwrap();
    socket.write_all(&body[..half]).unwrap();
    socket.flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    server.kill();
    server.launch();
    assert_eq!(refs(&server), before);
    let aside = server.data().join("repos/aside");
    assert_eq!(std::fs::read_dir(aside).unwrap().count(), 0);
    // And the whole of it goes through.
    let address = address.replace(
        address
            .split('@')
            .nth(1)
            .unwrap()
            .split('/')
            .next()
            .unwrap(),
        &server.address.to_string(),
    );
    git.run(&["push", "-q", &address, "main"]).success();
    assert_eq!(refs(&server)[0]["targetCommit"], head);
}
