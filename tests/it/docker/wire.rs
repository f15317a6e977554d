//! What goes over the wire between visitors and a container: streams, uploads, upgrades, cookies.

use crate::support::docker::{app, python};
use crate::support::{DockerServer, Space};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Events, an upload that is counted as it comes, cookies, and an echo behind `Upgrade`.
const APP: &str = r#"
import http.server, hashlib, json, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def whole(self, body, *headers):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        for name, value in headers: self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/events":
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for number in range(5):
                self.wfile.write(b"data: %d\n\n" % number)
                time.sleep(1)
        elif self.path == "/socket":
            self.send_response(101)
            self.send_header("upgrade", self.headers["upgrade"])
            self.send_header("connection", "upgrade")
            self.end_headers()
            self.close_connection = True
            while data := self.connection.recv(65536):
                self.connection.sendall(data.upper())
        elif self.path == "/cookies":
            self.whole(b"", ("set-cookie", "a=1"), ("set-cookie", "b=2; Domain=localhost"), ("set-cookie", "c=3; Path=/x; HttpOnly"))
        else:
            self.whole(json.dumps([self.path, dict(self.headers)]).encode(), ("content-type", "application/json"))
    def do_PUT(self):
        left, digest, first = int(self.headers["content-length"]), hashlib.sha256(), time.time()
        while left:
            data = self.rfile.read1(min(left, 65536))
            digest.update(data)
            left -= len(data)
        self.whole(json.dumps({"sha256": digest.hexdigest()}).encode())

http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Handler).serve_forever()
"#;

fn published<'a>(alice: &crate::support::Hub<'a>) -> Space<'a> {
    alice.publish_container("app", &python(APP, ""))
}

#[test]
fn events_arrive_as_they_are_sent() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let begin = Instant::now();
    let mut stream = space.open("/events");
    let mut arrived = Vec::new();
    while let Some(piece) = stream.piece().unwrap() {
        arrived.push((
            begin.elapsed(),
            String::from_utf8_lossy(&piece).into_owned(),
        ));
    }
    let text: String = arrived.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        text,
        "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n"
    );
    assert!(arrived[0].0 < Duration::from_millis(900), "{arrived:?}");
    assert!(
        arrived.len() >= 5 && arrived[4].0 > Duration::from_secs(3),
        "{arrived:?}"
    );
}

#[test]
fn an_upgraded_connection_is_a_tunnel_both_ways() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let mut socket = TcpStream::connect(server.address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let head = format!(
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        space.host()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    for round in 0..20 {
        let message = format!("message {round} {}", "x".repeat(round * 500));
        socket.write_all(message.as_bytes()).unwrap();
        let mut echo = vec![0; message.len()];
        socket.read_exact(&mut echo).unwrap();
        assert_eq!(String::from_utf8(echo).unwrap(), message.to_uppercase());
    }
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(socket.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_large_upload_arrives_whole_and_is_not_held_in_memory() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let before = crate::support::server::resident(server.process());
    let body: Vec<u8> = (0..64u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let answer = space
        .send(&space.request("PUT", "/").body(body.clone()))
        .expect_whole(200);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&body);
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer.json()["sha256"], expected.as_str());
    let after = crate::support::server::resident(server.process());
    assert!(after < before + (32 << 20), "{before} then {after}");
}

#[test]
fn what_the_app_is_told_of_its_visitor() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let request = space
        .request("GET", "/some%20path?q=1%2F2&q=")
        .bearer(&alice.token)
        .header("x-forwarded-for", "203.0.113.99")
        .header("cookie", "mine=1");
    let answer = space.send(&request).expect_whole(200).json();
    assert_eq!(answer[0], "/some%20path?q=1%2F2&q=");
    let headers: Vec<(String, String)> = answer[1]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                value.as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let find = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(find("host"), Some(&*space.host()));
    assert_eq!(find("cookie"), Some("mine=1"));
    // The house's own tokens are for the house.
    assert!(
        headers
            .iter()
            .all(|(_, value)| !value.contains(&alice.token)),
        "{headers:?}"
    );
    assert!(
        !find("x-forwarded-for")
            .unwrap_or_default()
            .starts_with("203.0.113.99"),
        "{headers:?}"
    );
}

#[test]
fn its_cookies_are_its_own() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = published(&alice);
    let answer = space.visit("/cookies").expect(200);
    let cookies: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.clone())
        .collect();
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(
        cookies
            .iter()
            .all(|cookie| !cookie.to_ascii_lowercase().contains("domain")),
        "{cookies:?}"
    );
    assert!(cookies[2].contains("HttpOnly"), "{cookies:?}");
}

#[test]
fn the_path_form_answers_too() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let answer = crate::support::Request::get(format!("/run/{}/", space.id)).send(server.address);
    assert_eq!(answer.expect(200).text(), "here");
}
