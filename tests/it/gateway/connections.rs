//! One address does not take all connections.

use crate::support::{Request, Server, eventually};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Another client's connection, half of whose header is sent, from that address of this machine.
fn half_open(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let mut socket = connect(from, to);
    let _ = socket.write_all(b"GET / HTTP/1.1\r\nhost: loc");
    socket
}

fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let socket = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    socket.set_nonblocking(false).unwrap();
    socket
}

fn healthy(from: [u8; 4], server: &Server) -> bool {
    let mut socket = connect(from, server.address);
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let _ =
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_flood_of_half_open_headers_keeps_nobody_out() {
    let server = Server::with(&[
        ("SERVER__MAX_CONNECTIONS", "100"),
        ("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "40"),
    ]);
    // Of one address, more than there are places.
    let flood: Vec<_> = (0..300)
        .map(|_| half_open([127, 0, 0, 1], server.address))
        .collect();
    for _ in 0..20 {
        assert!(healthy([127, 0, 0, 2], &server), "a stranger");
        assert!(healthy([127, 0, 0, 1], &server), "a neighbour of the flood");
    }
    // Of many, each within its share.
    let more: Vec<_> = (0..30)
        .flat_map(|_| 0..10)
        .map(|n| half_open([127, 0, 1, n], server.address))
        .collect();
    for _ in 0..20 {
        assert!(healthy([127, 0, 0, 2], &server), "a stranger");
    }
    drop((flood, more));
}

#[test]
fn requests_under_way_outlive_a_flood_of_half_open_headers() {
    let server = Server::with(&[
        ("SERVER__MAX_CONNECTIONS", "40"),
        ("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "20"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    std::thread::scope(|scope| {
        let slow: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| space.visit("/sleep?ms=1500")))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        let flood: Vec<_> = (0..200)
            .map(|_| half_open([127, 0, 0, 1], server.address))
            .collect();
        for slow in slow {
            slow.join().unwrap().expect(200);
        }
        drop(flood);
    });
}

#[test]
fn requests_that_wait_keep_no_stranger_out() {
    let server = Server::with(&[
        ("SERVER__MAX_CONNECTIONS", "60"),
        ("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "15"),
        ("GATEWAY__CONCURRENCY_PER_SPACE", "1"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("request_timeout: 60s");
    let head = space.request("GET", "/sleep?ms=60000");
    let head = head.head(server.address, None);
    let mut waiting: Vec<_> = (0..60)
        .map(|number| {
            let mut socket = connect([127, 0, 1, number % 6 + 1], server.address);
            socket.write_all(head.as_bytes()).unwrap();
            socket
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let strangers: Vec<_> = (0..5)
            .map(|_| scope.spawn(|| healthy([127, 0, 0, 2], &server)))
            .collect();
        assert!(strangers.into_iter().all(|healthy| healthy.join().unwrap()));
    });
    assert!(begin.elapsed() < Duration::from_secs(2));
    // One that gave way was told so, and no more gave way than had to.
    let short = Some(Duration::from_millis(10));
    let told = waiting.iter_mut().filter_map(|socket| {
        socket.set_read_timeout(short).unwrap();
        let mut answer = [0; 2048];
        let read = socket.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    });
    let told: Vec<_> = told.collect();
    assert!((1..=5).contains(&told.len()), "{told:?}");
    for answer in told {
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: 1"), "{answer}");
    }
}

#[test]
fn an_address_that_is_busy_with_all_it_may_have_is_told_so() {
    let server = Server::with(&[("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "2")]);
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    std::thread::scope(|scope| {
        let slow: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| space.visit("/sleep?ms=2000")))
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        let answer = Request::get("/healthz").send(server.address);
        assert_eq!(answer.status, 429, "{answer:?}");
        assert!(answer.header("retry-after").is_some());
        assert!(healthy([127, 0, 0, 2], &server), "a stranger");
        for slow in slow {
            slow.join().unwrap().expect(200);
        }
    });
    // They are given back.
    Request::get("/healthz").send(server.address).expect(200);
}

/// A shell that lowers its soft limit of open files, and becomes the server.
struct Limited(Child);

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_soft_limit_of_files_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "ulimit -Sn 256; ulimit -Hn 2048; exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"";
    let child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_glasshouse")])
        .arg(folder.path().join("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Limited(child);
    let limits = format!("/proc/{}/limits", server.0.id());
    eventually(Duration::from_secs(20), "the limit is raised", || {
        let text = std::fs::read_to_string(&limits).ok()?;
        let line = text
            .lines()
            .find(|line| line.starts_with("Max open files"))?;
        let words: Vec<_> = line.split_whitespace().collect();
        (words[3..5] == ["2048", "2048"]).then_some(())
    });
}
