//! Refusals that come before the request's body has.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::Server;

#[test]
fn a_refused_request_leaves_its_connection_usable() {
    let server = Server::start();
    let mut connection = TcpStream::connect(server.address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let host = server.address;
    let body = "{\"summary\": 1}";
    let head = format!(
        "POST /api/models/nobody/none/commit/main HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // Long after anybody could know that this is refused.
    std::thread::sleep(Duration::from_millis(300));
    let next = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection
        .write_all(format!("{body}{next}").as_bytes())
        .unwrap();
    let mut output = String::new();
    connection.read_to_string(&mut output).unwrap();
    assert!(output.starts_with("HTTP/1.1 4"), "{output}");
    assert!(output.contains("HTTP/1.1 200"), "{output}");
}
