//! Outgoing HTTP reaches only what the card lists, checked again after the name is resolved.

mod root;

use crate::support::guests::wasi;
use crate::support::{Server, Space};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Something on this machine that must not be reached; it counts who comes.
struct Inside {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

fn inside(address: &str) -> Inside {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let inside = Inside {
        address: listener.local_addr().unwrap(),
        visits: Arc::default(),
    };
    let visits = Arc::clone(&inside.visits);
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            visits.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer);
            let _ = socket.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\ninside",
            );
        }
    });
    inside
}

fn publish<'a>(server: &'a Server, egress: &str) -> Space<'a> {
    let alice = server.user("alice");
    let space = alice.create_on("hostile", "cpu-basic");
    space.commit(&wasi("hostile", &format!("request_timeout: 10s\n{egress}")));
    space.wait_for("RUNNING");
    space
}

#[test]
fn nothing_is_reached_by_default() {
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let inside = inside("127.0.0.1");
    let space = publish(&server, "");
    for url in [
        format!("http://{}/", inside.address),
        "http://example.org/".into(),
        "https://example.org/".into(),
    ] {
        let answer = space.visit(&format!("/get?url={url}")).expect(502);
        assert!(
            answer.text().to_lowercase().contains("denied"),
            "{url}: {answer:?}"
        );
    }
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
    let log = space.log("run").join("\n");
    assert!(
        log.contains("example.org") && log.contains("egress"),
        "the author learns why: {log}"
    );
}

#[test]
fn this_machine_is_not_reached_even_when_listed() {
    let server = Server::start();
    let inside = inside("127.0.0.1");
    let port = inside.address.port();
    let space = publish(
        &server,
        &format!(
            "egress: [\"127.0.0.1:{port}\", \"localhost:{port}\", \"0.0.0.0:{port}\", \"2130706433:{port}\"]"
        ),
    );
    for host in [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let answer = space.visit(&format!("/get?url=http://{host}:{port}/"));
        assert_eq!(answer.status, 502, "{host}: {answer:?}");
        assert!(!answer.text().contains("inside"), "{host}");
    }
    // Nor the server itself, as its own hub.
    let hub = space.visit(&format!("/get?url=http://{}/api/spaces", server.address));
    assert_eq!(hub.status, 502, "{hub:?}");
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
}
