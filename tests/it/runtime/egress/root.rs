//! In a network of this test's own, whose one address beside the loopback is a private one.

use super::{inside, publish};
use crate::support::Server;
use rustix::thread::UnshareFlags;
use std::process::Command;
use std::sync::atomic::Ordering;

const ADDRESS: &str = "10.203.7.1";

/// Moves this thread, and what it starts from here on, to a network without any other host.
#[expect(
    deprecated,
    reason = "its successor is unsafe for a flag that is not used here"
)]
fn own_network() {
    rustix::thread::unshare(UnshareFlags::NEWNET)
        .expect("root; GLASSHOUSE_TEST_SKIP=root leaves this out");
    for arguments in [
        ["link", "set", "lo", "up"].as_slice(),
        &["address", "add", &format!("{ADDRESS}/32"), "dev", "lo"],
    ] {
        assert!(
            Command::new("ip")
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn what_is_listed_is_reached_and_nothing_beside_it() {
    own_network();
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let (listed, unlisted) = (inside(ADDRESS), inside(ADDRESS));
    let port = listed.address.port();
    let space = publish(&server, &format!("egress: [\"{ADDRESS}:{port}\"]"));
    let answer = space.visit(&format!("/get?url=http://{}/x?y=z", listed.address));
    assert_eq!(answer.expect(200).text(), "inside");
    for url in [
        format!("http://{}/", unlisted.address),
        format!("http://127.0.0.1:{port}/"),
        format!("http://{ADDRESS}:{port}@{}/", unlisted.address),
        format!("http://{ADDRESS}/"),
        format!("ftp://{ADDRESS}:{port}/"),
    ] {
        let answer = space.visit(&format!("/get?url={url}"));
        assert_eq!(answer.status, 502, "{url}: {answer:?}");
    }
    assert_eq!(unlisted.visits.load(Ordering::SeqCst), 0);
    assert_eq!(listed.visits.load(Ordering::SeqCst), 1);
}

#[test]
fn private_networks_are_out_of_reach_unless_the_operator_says_otherwise() {
    own_network();
    let server = Server::start();
    let inside = inside(ADDRESS);
    let port = inside.address.port();
    let space = publish(&server, &format!("egress: [\"{ADDRESS}:{port}\"]"));
    let answer = space.visit(&format!("/get?url=http://{}/", inside.address));
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(inside.visits.load(Ordering::SeqCst), 0);
}
