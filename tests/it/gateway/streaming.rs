//! A first byte leaves before the last arrives, in both directions.

use crate::support::http::Stream;
use crate::support::{Request, Server};
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn events_arrive_as_they_are_sent() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let mut stream = space.open("/stream?n=4&ms=400");
    assert_eq!(stream.status, 200);
    let begin = Instant::now();
    let mut times = Vec::new();
    let mut text = String::new();
    while let Some(piece) = stream.piece().unwrap() {
        times.push(begin.elapsed());
        text += &String::from_utf8_lossy(&piece);
    }
    assert_eq!(text.matches("data: line").count(), 4, "{text}");
    let gap = *times.last().unwrap() - times[0];
    assert!(
        gap > Duration::from_millis(900),
        "first to last took {gap:?}: {times:?}"
    );
    assert!(times[0] < Duration::from_millis(400), "{times:?}");
}

#[test]
fn the_body_is_answered_while_it_is_being_sent() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let request = space
        .request("POST", "/echo")
        .header("transfer-encoding", "chunked")
        .header("content-type", "text/x-parrot");
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    write!(
        socket,
        "{}5\r\nfirst\r\n",
        request.head(server.address, None)
    )
    .unwrap();
    let mut stream = Stream::read_head(socket.try_clone().unwrap(), false).unwrap();
    assert_eq!(stream.status, 200);
    assert_eq!(stream.piece().unwrap().unwrap(), b"first");
    write!(socket, "6\r\nsecond\r\n0\r\n\r\n").unwrap();
    let rest = stream.finish();
    assert!(rest.whole);
    assert_eq!(rest.text(), "second");
    let kind = rest.headers.iter().find(|(name, _)| name == "content-type");
    assert_eq!(kind.unwrap().1, "text/x-parrot");
}

#[test]
fn large_bodies_go_through_whole() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&crate::support::guests::wasi(
        "hostile",
        "request_timeout: 60s",
    ));
    space.wait_for("RUNNING");
    let body: Vec<u8> = (0..4_000_000_u32).map(|n| (n % 251) as u8).collect();
    let before = crate::support::server::resident(server.process());
    let answer = space.send(&space.request("POST", "/echo").body(body.clone()));
    let answer = answer.expect_whole(200);
    assert!(answer.body == body, "the bytes differ");
    let grown = crate::support::server::resident(server.process()).saturating_sub(before);
    assert!(grown < 64 << 20, "memory grew by {} MiB", grown >> 20);
}

#[test]
fn connections_are_kept_for_the_next_request() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let socket = TcpStream::connect(server.address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    for n in 0..3 {
        let request = space
            .request("GET", "/echo")
            .header("connection", "keep-alive");
        (&socket)
            .write_all(request.head(server.address, None).as_bytes())
            .unwrap();
        let answer = Stream::read_head(socket.try_clone().unwrap(), false)
            .unwrap()
            .finish();
        assert_eq!(answer.status, 200, "request {n}");
    }
    drop(Request::get("/"));
}
