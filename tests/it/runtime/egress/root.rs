//! In networks of this test's own, whose addresses beside the loopback are private ones.

use super::{Inside, inside, publish};
use crate::support::Server;
use rustix::thread::{UnshareFlags, gettid};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

/// Of the machine the server is on.
const ADDRESS: &str = "10.203.7.1";
/// Of another one in the same network.
const OTHER: &str = "10.203.7.2";

fn ip(arguments: &str) {
    let arguments = arguments.split(' ');
    assert!(
        Command::new("ip")
            .args(arguments)
            .status()
            .unwrap()
            .success()
    );
}

/// Moves this thread, and what it starts from here on, to a network without any other host.
#[expect(
    deprecated,
    reason = "its successor is unsafe for a flag that is not used here"
)]
fn own_network() {
    rustix::thread::unshare(UnshareFlags::NEWNET)
        .expect("root; GLASSHOUSE_TEST_SKIP=root leaves this out");
    ip("link set lo up");
}

/// Starts something on another host, joined to this one by a cable.
fn on_another_host(listeners: usize) -> Vec<Inside> {
    let (tell, told) = mpsc::channel();
    let (plug, plugged) = mpsc::channel();
    let host = std::thread::spawn(move || {
        own_network();
        tell.send(gettid().as_raw_nonzero()).unwrap();
        plugged.recv().unwrap();
        ip(&format!("address add {OTHER}/24 dev far"));
        ip("link set far up");
        (0..listeners).map(|_| inside(OTHER)).collect()
    });
    let other = told.recv().unwrap();
    ip(&format!(
        "link add near type veth peer name far netns {other}"
    ));
    ip(&format!("address add {ADDRESS}/24 dev near"));
    ip("link set near up");
    plug.send(()).unwrap();
    host.join().unwrap()
}

#[test]
fn what_is_listed_is_reached_and_nothing_beside_it() {
    own_network();
    let [listed, unlisted] = on_another_host(2).try_into().ok().unwrap();
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let port = listed.address.port();
    let space = publish(&server, &format!("egress: [\"{OTHER}:{port}\"]"));
    let answer = space.visit(&format!("/get?url=http://{}/x?y=z", listed.address));
    assert_eq!(answer.expect(200).text(), "inside");
    for url in [
        format!("http://{}/", unlisted.address),
        format!("http://127.0.0.1:{port}/"),
        format!("http://{OTHER}:{port}@{}/", unlisted.address),
        format!("http://{OTHER}/"),
        format!("ftp://{OTHER}:{port}/"),
    ] {
        let answer = space.visit(&format!("/get?url={url}"));
        assert_eq!(answer.status, 502, "{url}: {answer:?}");
    }
    assert_eq!(unlisted.visits.load(Ordering::SeqCst), 0);
    assert_eq!(listed.visits.load(Ordering::SeqCst), 1);
}

#[test]
fn this_machine_is_not_reached_by_the_address_others_know_it_by() {
    own_network();
    ip(&format!("address add {ADDRESS}/32 dev lo"));
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let inside = inside(ADDRESS);
    let port = inside.address.port();
    let space = publish(&server, &format!("egress: [\"{ADDRESS}:{port}\"]"));
    let answer = space.visit(&format!("/get?url=http://{}/", inside.address));
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(!answer.text().contains("inside"), "{answer:?}");
}

#[test]
fn private_networks_are_out_of_reach_unless_the_operator_says_otherwise() {
    own_network();
    ip(&format!("address add {ADDRESS}/32 dev lo"));
    let server = Server::start();
    let inside = inside(ADDRESS);
    let port = inside.address.port();
    let space = publish(&server, &format!("egress: [\"{ADDRESS}:{port}\"]"));
    let answer = space.visit(&format!("/get?url=http://{}/", inside.address));
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
}
