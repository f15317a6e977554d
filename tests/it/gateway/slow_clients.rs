//! Clients that hold on without doing anything are cut off.

use crate::support::guests::wasi;
use crate::support::{Request, Server, eventually};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Waits until the server closes; how long it took.
fn closed_after(mut socket: TcpStream) -> Duration {
    let begin = Instant::now();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("still open after 20 s")
        }
        _ => begin.elapsed(),
    }
}

#[test]
fn one_that_never_says_a_word() {
    let server = Server::with(&[("SERVER__FIRST_BYTE_TIMEOUT", "1s")]);
    let socket = TcpStream::connect(server.address).unwrap();
    assert!(closed_after(socket) < Duration::from_secs(5));
}

#[test]
fn one_that_never_ends_its_header() {
    let server = Server::with(&[("SERVER__HEADER_TIMEOUT", "1s")]);
    let socket = TcpStream::connect(server.address).unwrap();
    let mut writer = socket.try_clone().unwrap();
    std::thread::spawn(move || {
        let _ = writer.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n");
        for n in 0..100 {
            if write!(writer, "x-{n}: y\r\n").is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    assert!(closed_after(socket) < Duration::from_secs(6));
}

#[test]
fn one_that_sends_its_body_by_the_drop() {
    let server = Server::with(&[
        ("GATEWAY__MINIMUM_BODY_RATE", "1 KiB"),
        ("GATEWAY__MINIMUM_BODY_GRACE", "1s"),
    ]);
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 120s"));
    space.wait_for("RUNNING");
    let socket = TcpStream::connect(server.address).unwrap();
    let mut writer = socket.try_clone().unwrap();
    let head = space
        .request("POST", "/echo")
        .head(server.address, Some(1_000_000));
    std::thread::spawn(move || {
        let _ = writer.write_all(head.as_bytes());
        while writer.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    assert!(closed_after(socket) < Duration::from_secs(12));
    space.wait_for_no_memory();
}

#[test]
fn those_who_send_slowly_keep_no_place_from_others() {
    let server = Server::with(&[
        ("SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
        ("GATEWAY__CONCURRENCY_PER_SPACE", "4"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("request_timeout: 60s");
    let from = |address: &str, method: &str| {
        let request = space.request(method, "/echo");
        request.header("x-forwarded-for", address)
    };
    let trickle = |length: usize, sent: usize| {
        let mut socket = TcpStream::connect(server.address).unwrap();
        let head = from("192.0.2.1", "POST").head(server.address, Some(length));
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&vec![b'x'; sent]).unwrap();
        socket
    };
    // What is small holds nothing before it is there.
    let small: Vec<_> = (0..20).map(|_| trickle(5000, 100)).collect();
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    space.send(&from("192.0.2.2", "GET")).expect(200);
    assert!(begin.elapsed() < Duration::from_millis(1500));
    // What is large gives its place back.
    let large: Vec<_> = (0..4).map(|_| trickle(200_000, 50_000)).collect();
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    space.send(&from("192.0.2.2", "GET")).expect(200);
    let waited = begin.elapsed();
    assert!(waited > Duration::from_secs(1), "they held all: {waited:?}");
    assert!(waited < Duration::from_secs(7), "{waited:?}");
    drop(large);
    // A small body that comes whole in the end is answered.
    for mut socket in small {
        socket.write_all(&[b'x'; 4900]).unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}

#[test]
fn one_that_never_reads() {
    let server = Server::with(&[
        ("GATEWAY__MINIMUM_BODY_RATE", "64 KiB"),
        ("GATEWAY__MINIMUM_BODY_GRACE", "1s"),
    ]);
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 120s"));
    space.wait_for("RUNNING");
    let mut socket = TcpStream::connect(server.address).unwrap();
    let head = space
        .request("GET", "/endless-body")
        .head(server.address, None);
    socket.write_all(head.as_bytes()).unwrap();
    eventually(Duration::from_secs(10), "the guest runs", || {
        (space.usage().memory_bytes > 0.0).then_some(())
    });
    space.wait_for_no_memory();
    drop(socket);
}

#[test]
fn an_honest_slow_reader_is_left_alone() {
    let server = Server::with(&[
        ("GATEWAY__MINIMUM_BODY_RATE", "1 KiB"),
        ("GATEWAY__MINIMUM_BODY_GRACE", "1s"),
    ]);
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", "request_timeout: 60s"));
    space.wait_for("RUNNING");
    // It is the Space that has nothing to say, not the visitor that does not listen.
    let answer = space.visit("/stream?n=3&ms=2500").expect_whole(200);
    assert!(answer.text().contains("line 3"), "{answer:?}");
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let server = Server::start();
    let idle: Vec<_> = (0..1000)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    let begin = Instant::now();
    Request::get("/healthz").send(server.address).expect(200);
    assert!(begin.elapsed() < Duration::from_secs(2));
    drop(idle);
}
