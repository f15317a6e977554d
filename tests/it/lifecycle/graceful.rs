//! Stopping in order.

use crate::support::{Hub, Server, static_site};

#[test]
fn a_stop_lets_visits_end_and_says_so_with_its_exit_code() {
    let mut server = Server::start();
    let token = {
        let alice = server.user("alice");
        alice.publish("site", &static_site("here"));
        alice.publish_hostile("");
        alice.token.clone()
    };
    let address = server.address;
    let visit = {
        let alice = Hub::new(&server, "alice", &token);
        alice.space("hostile").request("GET", "/stream?n=3&ms=500")
    };
    let stream = visit.open(address).unwrap();
    let reader = std::thread::spawn(move || stream.finish());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(server.stop(), Some(0));
    let answer = reader.join().unwrap();
    assert!(
        answer.whole && answer.text().contains("line 3"),
        "{answer:?}"
    );
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    let site = alice.space("site");
    site.wait_for("RUNNING");
    site.visit("/").expect(200);
}

#[test]
fn the_admin_token_is_written_once() {
    let mut server = Server::start();
    let token = server.admin_token();
    server.stop();
    server.launch();
    assert_eq!(server.admin_token(), token);
    server.admin().get("/api/whoami-v2").expect(200);
}

#[test]
fn health_and_readiness_are_told_apart() {
    let server = Server::start();
    server.anonymous().get("/healthz").expect(200);
    let ready = server.anonymous().get("/readyz").expect(200).text();
    for part in ["store", "static", "wasi"] {
        assert!(ready.contains(part), "{part} is named: {ready}");
    }
}
