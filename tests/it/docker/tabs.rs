//! Tabs: one that says something is use, one that is only open is not.

use crate::support::docker::python;
use crate::support::{DockerServer, Hub, Request, Space, eventually};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// An echo over a WebSocket, and two streams of events: of news, and of nothing but signs of life.
const APP: &str = r#"
import base64, hashlib, http.server, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.path == "/socket":
            key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("upgrade", "websocket")
            self.send_header("connection", "upgrade")
            self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.close_connection = True
            while head := self.rfile.read(2):
                mask, data = self.rfile.read(4), None
                data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(head[1] & 127)))
                # A ping is answered by a pong.
                kind = 0x8A if head[0] == 0x89 else head[0]
                self.connection.sendall(bytes([kind, len(data)]) + data)
        elif self.path in ("/news", "/alive"):
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            while True:
                self.wfile.write(b"data: news\n\n" if self.path == "/news" else b": alive\n\nevent: heartbeat\ndata: x\n\n")
                time.sleep(0.3)
        else:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Handler).serve_forever()
"#;

fn server() -> DockerServer {
    DockerServer::with(&[("DOCKER__FREEZE_AFTER", "2s")])
}

fn published<'a>(alice: &Hub<'a>) -> Space<'a> {
    alice.publish_container("app", &python(APP, ""))
}

fn is_frozen(server: &DockerServer, space: &Space<'_>) -> bool {
    server.container(space)["State"]["Status"] == "paused"
}

/// A WebSocket whose frames are short and masked with zeros.
struct Tab(TcpStream);

impl Tab {
    fn open(space: &Space<'_>) -> Self {
        Self(space.open_websocket("/socket", Duration::from_secs(30)))
    }

    fn send(&mut self, kind: u8, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        let mut frame = vec![0x80 | kind, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }

    /// Sends a text and reads what comes back.
    fn says(&mut self, text: &str) -> Vec<u8> {
        self.send(1, text);
        let mut back = vec![0; text.len() + 2];
        self.0.read_exact(&mut back).unwrap();
        back.split_off(2)
    }
}

#[test]
fn one_that_talks_keeps_it_from_freezing() {
    let server = server();
    let alice = server.user("alice");
    let space = published(&alice);
    let mut tab = Tab::open(&space);
    for _ in 0..16 {
        assert_eq!(tab.says("hello"), b"hello");
        assert!(!is_frozen(&server, &space));
        std::thread::sleep(Duration::from_millis(400));
    }
}

#[test]
fn one_that_is_only_open_does_not_and_may_talk_again() {
    let server = server();
    let alice = server.user("alice");
    let space = published(&alice);
    let mut tab = Tab::open(&space);
    assert_eq!(tab.says("hello"), b"hello");
    for _ in 0..2 {
        eventually(Duration::from_secs(30), "it is frozen", || {
            is_frozen(&server, &space).then_some(())
        });
        assert_eq!(tab.says("again"), b"again");
    }
}

#[test]
fn pings_are_no_talk() {
    let server = server();
    let alice = server.user("alice");
    let space = published(&alice);
    let mut tab = Tab::open(&space);
    let mut pings = 0;
    eventually(Duration::from_secs(30), "it is frozen", || {
        if is_frozen(&server, &space) {
            return Some(());
        }
        tab.send(9, "?");
        pings += 1;
        std::thread::sleep(Duration::from_millis(300));
        None
    });
    assert!(pings > 2, "{pings}");
}

#[test]
fn events_are_use_and_heartbeats_are_not() {
    let server = server();
    let alice = server.user("alice");
    let space = published(&alice);
    let mut news = space.open("/news");
    for _ in 0..20 {
        news.piece().unwrap().unwrap();
        assert!(!is_frozen(&server, &space));
    }
    drop(news);
    let mut alive = space.open("/alive");
    alive.piece().unwrap().unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            // Until the freeze stops them, or there was none.
            alive.set_patience(Duration::from_secs(3));
            let begin = Instant::now();
            while alive.piece().is_ok_and(|piece| piece.is_some())
                && begin.elapsed() < Duration::from_secs(40)
            {}
        });
        eventually(Duration::from_secs(30), "it is frozen", || {
            is_frozen(&server, &space).then_some(())
        });
        reading.join().unwrap();
    });
    assert_eq!(space.visit("/").expect(200).text(), "ok");
}

/// Frameworks open the socket of a page again and again.
#[test]
fn the_socket_of_a_forgotten_page_does_not_wake_it() {
    let server = server();
    let alice = server.user("alice");
    let space = published(&alice);
    let host = space.host();
    let upgrade = |origin: &str| {
        let request = Request::get("/socket")
            .header("host", &host)
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.open(server.address).unwrap().status
    };
    let own = format!("http://{host}");
    assert_eq!(upgrade(&own), 101);
    space
        .post("/sleeptime", &serde_json::json!({"seconds": 1}))
        .expect(200);
    eventually(Duration::from_secs(30), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
    let font = Request::get("/font")
        .header("host", &host)
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-dest", "font");
    for _ in 0..3 {
        assert_eq!(upgrade(&own), 503);
        assert_eq!(space.send(&font).status, 503);
    }
    assert_eq!(space.stage(), "SLEEPING");
    space
        .post("/sleeptime", &serde_json::json!({"seconds": -1}))
        .expect(200);
    // A page elsewhere, which nobody has woken it for.
    assert_eq!(upgrade("http://elsewhere.example"), 101);
}
