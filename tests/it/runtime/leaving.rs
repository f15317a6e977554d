//! A visitor who leaves ends the guest.

use crate::support::guests::wasi;
use crate::support::server::cpu_seconds;
use crate::support::{Hub, Server, Space, eventually};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// With a deadline far away, so that nothing else ends it.
fn patient<'a>(alice: &Hub<'a>) -> Space<'a> {
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 5m"));
    space.wait_for("RUNNING");
    space
}

#[test]
fn whatever_it_was_doing() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = patient(&alice);
    for target in [
        "/spin",
        "/sleep?ms=200000",
        "/spin-after",
        "/endless-body",
        "/print-forever",
        "/hold?mib=50&ms=200000",
    ] {
        let mut socket = TcpStream::connect(server.address).unwrap();
        let head = space.request("GET", target).head(server.address, None);
        socket.write_all(head.as_bytes()).unwrap();
        eventually(Duration::from_secs(10), &format!("{target} runs"), || {
            (space.usage().memory_bytes > 0.0).then_some(())
        });
        std::thread::sleep(Duration::from_millis(200));
        drop(socket);
        space.wait_for_no_memory();
    }
    std::thread::sleep(Duration::from_millis(500));
    let before = cpu_seconds(server.process());
    std::thread::sleep(Duration::from_secs(2));
    let used = cpu_seconds(server.process()) - before;
    assert!(used < 1.0, "nobody is there and {used} CPU seconds went");
}

#[test]
fn also_while_sending_its_body() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = patient(&alice);
    let mut socket = TcpStream::connect(server.address).unwrap();
    let head = space
        .request("POST", "/echo")
        .head(server.address, Some(1 << 20));
    socket.write_all(head.as_bytes()).unwrap();
    // More than is taken from anybody before there is a place.
    socket.write_all(&[b'x'; 100_000]).unwrap();
    eventually(Duration::from_secs(10), "it runs", || {
        (space.usage().memory_bytes > 0.0).then_some(())
    });
    drop(socket);
    space.wait_for_no_memory();
}
