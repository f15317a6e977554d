//! What a guest can reach of the host: nothing.

use crate::support::Server;
use std::net::TcpListener;

#[test]
fn no_files() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let text = space.visit("/dir").expect(200).text();
    assert!(text.is_empty() || text.starts_with("error:"), "{text}");
}

#[test]
fn no_sockets_and_no_names() {
    let server = Server::start();
    let alice = server.user("alice");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    // Listing a host allows HTTP to it, and nothing else.
    let space = alice.publish_hostile(&format!("egress: [\"{address}\", localhost]"));
    for target in [
        format!("/connect?addr={address}"),
        "/connect?addr=localhost:80".into(),
        "/connect?addr=[::1]:80".into(),
    ] {
        let text = space.visit(&target).expect(200).text();
        assert!(text.starts_with("error:"), "{target}: {text}");
    }
    assert!(listener.accept().is_err(), "a connection came");
}

#[test]
fn no_arguments() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let text = space.visit("/args").expect(200).text();
    assert!(!text.contains('/'), "{text}");
}
