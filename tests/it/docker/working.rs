//! Work is use: what computes, or owes somebody an answer, neither stands still nor goes to sleep.

use crate::support::docker::{app, python};
use crate::support::{DockerServer, Space, eventually};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Idle for that long, it is frozen.
const SHORT: (&str, &str) = ("DOCKER__FREEZE_AFTER", "1s");

/// Much longer.
const LONG: Duration = Duration::from_secs(8);

/// Answers `/job` as a WebSocket, and `/stream` as an event stream, after ten seconds in which it `works`.
fn jobs(works: &str) -> String {
    format!(
        r#"
import base64, hashlib, http.server, time

def work():
    end = time.time() + 10
    while time.time() < end: {works}

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.path == "/job":
            key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("upgrade", "websocket")
            self.send_header("connection", "upgrade")
            self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
            self.end_headers()
            self.close_connection = True
            head = self.rfile.read(2)
            self.rfile.read(4 + (head[1] & 127))
            work()
            self.connection.sendall(b"\x81\x04done")
            time.sleep(60)
        elif self.path == "/stream":
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(b": begun\n\n")
            work()
            self.wfile.write(b"data: done\n\n")
        else:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Handler).serve_forever()
"#
    )
}

fn status(server: &DockerServer, space: &Space<'_>) -> String {
    let container = server.container(space);
    container["State"]["Status"].as_str().unwrap().to_owned()
}

#[track_caller]
fn freezes(server: &DockerServer, space: &Space<'_>) {
    eventually(Duration::from_secs(30), "it is frozen", || {
        (status(server, space) == "paused").then_some(())
    });
}

/// It goes on for much longer than it may be idle.
#[track_caller]
fn stays_awake(server: &DockerServer, space: &Space<'_>) {
    let began = Instant::now();
    while began.elapsed() < LONG {
        assert_eq!(
            status(server, space),
            "running",
            "after {:?}",
            began.elapsed()
        );
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Opens a WebSocket at `/job` and says one thing.
fn asks(space: &Space<'_>) -> TcpStream {
    let mut socket = space.open_websocket("/job", Duration::from_secs(40));
    socket.write_all(b"\x81\x82\0\0\0\0go").unwrap();
    socket
}

#[test]
fn a_background_job_is_use_until_it_is_done() {
    let server = DockerServer::with(&[SHORT]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    space.exec(
        r#"
        def spin():
            end = time.time() + 12
            while time.time() < end: pass
        threading.Thread(target=spin, daemon=True).start()
        "#,
    );
    stays_awake(&server, &space);
    freezes(&server, &space);
    // An event loop that ticks is no job.
    space.exec(
        r#"
        def tick():
            while True: time.sleep(0.05)
        threading.Thread(target=tick, daemon=True).start()
        "#,
    );
    freezes(&server, &space);
}

#[test]
fn what_computes_does_not_go_to_sleep() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    space.exec(
        r#"
        def spin():
            end = time.time() + 12
            while time.time() < end: pass
        threading.Thread(target=spin, daemon=True).start()
        "#,
    );
    stays_awake(&server, &space);
    eventually(Duration::from_secs(30), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
}

#[test]
fn a_socket_that_waits_for_an_answer_is_use_and_one_that_has_it_is_not() {
    let server = DockerServer::with(&[SHORT]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &python(&jobs("time.sleep(0.1)"), ""));
    let mut socket = asks(&space);
    let mut answer = [0; 6];
    std::thread::scope(|scope| {
        scope.spawn(|| socket.read_exact(&mut answer).unwrap());
        stays_awake(&server, &space);
    });
    assert_eq!(&answer, b"\x81\x04done");
    freezes(&server, &space);
}

#[test]
fn nobody_waits_for_ever() {
    let server = DockerServer::with(&[
        SHORT,
        ("GATEWAY__IDLE_TIMEOUT", "3s"),
        ("WASM__MAX_REQUEST_TIMEOUT", "3s"),
        ("WASM__REQUEST_TIMEOUT", "3s"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &python(&jobs("time.sleep(0.1)"), ""));
    let mut socket = asks(&space);
    // It lives, and says nothing.
    let mut pings = socket.try_clone().unwrap();
    let _pinging = std::thread::spawn(move || {
        while pings.write_all(b"\x89\x80\0\0\0\0").is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    freezes(&server, &space);
    let _ = socket.shutdown(std::net::Shutdown::Both);
    let _ = socket.read(&mut [0]);
}

#[test]
fn a_stream_is_use_while_the_container_computes() {
    let server = DockerServer::with(&[SHORT]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &python(&jobs("pass"), ""));
    let mut stream = space.open("/stream");
    stream.piece().unwrap().unwrap();
    stream.set_patience(Duration::from_secs(40));
    let reading = std::thread::scope(|scope| {
        let reading = scope.spawn(move || stream.finish());
        stays_awake(&server, &space);
        reading.join().unwrap()
    });
    assert!(reading.text().contains("data: done"), "{reading:?}");
}

/// Nothing is computed; but somebody asked, and the answer has not ended.
#[test]
fn a_stream_that_answers_a_question_is_use_until_it_ends() {
    let server = DockerServer::with(&[SHORT]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &python(&jobs("time.sleep(0.1)"), ""));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let request = space.request("POST", "/stream").body("go");
            request.open(server.address).unwrap().finish()
        });
        stays_awake(&server, &space);
        let answer = asked.join().unwrap();
        assert!(answer.text().contains("data: done"), "{answer:?}");
    });
    // The same stream, subscribed to by a page, is not.
    let page = space.open("/stream");
    freezes(&server, &space);
    drop(page);
}

#[test]
fn never_means_never() {
    let server = DockerServer::with(&[SHORT]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    freezes(&server, &space);
    space
        .post("/sleeptime", &json!({"seconds": -1}))
        .expect(200);
    space.visit("/").expect(200);
    stays_awake(&server, &space);
    // And back.
    space
        .post("/sleeptime", &json!({"seconds": 3600}))
        .expect(200);
    freezes(&server, &space);
}
