//! In networks of this test's own: the server's, and one of a neighbour with a private address.

use super::{Inside, inside, publish};
use crate::support::Server;
use crate::support::guests::wasi;
use rustix::thread::UnshareFlags;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

const OWN: &str = "10.203.7.1";
const NEIGHBOUR: &str = "10.203.7.2";

/// Moves this thread, and what it starts from here on, to a network without any host.
#[expect(
    deprecated,
    reason = "its successor is unsafe for a flag that is not used here"
)]
fn new_network() {
    rustix::thread::unshare(UnshareFlags::NEWNET)
        .expect("root; GLASSHOUSE_TEST_SKIP=root leaves this out");
    ip("link set lo up");
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

/// Moves this thread to a network with one other host, which listens on two ports.
fn network_with_neighbour() -> [Inside; 2] {
    new_network();
    let (say_thread, thread) = channel();
    let (say_plugged, plugged) = channel::<()>();
    let (say_listening, listening) = channel();
    std::thread::spawn(move || {
        new_network();
        say_thread.send(rustix::thread::gettid()).unwrap();
        plugged.recv().unwrap();
        ip(&format!("address add {NEIGHBOUR}/30 dev there"));
        ip("link set there up");
        let listeners = [inside(NEIGHBOUR), inside(NEIGHBOUR)];
        say_listening.send(listeners).unwrap();
    });
    let thread = thread.recv().unwrap().as_raw_nonzero();
    ip(&format!(
        "link add here type veth peer name there netns {thread}"
    ));
    ip(&format!("address add {OWN}/30 dev here"));
    ip("link set here up");
    say_plugged.send(()).unwrap();
    listening.recv().unwrap()
}

#[test]
fn what_is_listed_is_reached_and_nothing_beside_it() {
    let [listed, unlisted] = network_with_neighbour();
    let own = inside(OWN);
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let (port, own_port) = (listed.address.port(), own.address.port());
    let space = publish(
        &server,
        &format!("egress: [\"{NEIGHBOUR}:{port}\", \"{OWN}:{own_port}\"]"),
    );
    let answer = space.visit(&format!("/get?url=http://{}/x?y=z", listed.address));
    assert_eq!(answer.expect(200).text(), "inside");
    for url in [
        format!("http://{}/", unlisted.address),
        format!("http://127.0.0.1:{port}/"),
        format!("http://{NEIGHBOUR}:{port}@{}/", unlisted.address),
        format!("http://{NEIGHBOUR}/"),
        format!("ftp://{NEIGHBOUR}:{port}/"),
        // This machine, listed or not.
        format!("http://{}/", own.address),
    ] {
        let answer = space.visit(&format!("/get?url={url}"));
        assert_eq!(answer.status, 502, "{url}: {answer:?}");
        assert!(!answer.text().contains("inside"), "{url}: {answer:?}");
    }
    assert_eq!(unlisted.visits.load(Ordering::SeqCst), 0);
    assert_eq!(listed.visits.load(Ordering::SeqCst), 1);
}

#[test]
fn a_card_may_ask_for_all_of_the_internet_and_an_operator_may_refuse_that() {
    let [one, other] = network_with_neighbour();
    let own = inside(OWN);
    let server = Server::with(&[("WASM__EGRESS_PRIVATE", "true")]);
    let space = publish(&server, "egress: internet");
    for there in [&one, &other] {
        let answer = space.visit(&format!("/get?url=http://{}/", there.address));
        assert_eq!(answer.expect(200).text(), "inside");
    }
    let answer = space.visit(&format!("/get?url=http://{}/", own.address));
    assert_eq!(answer.status, 502, "{answer:?}");
    drop(server);
    let server = Server::with(&[("WASM__EGRESS", "\"listed\"")]);
    let refused = server.user("alice").create("refused");
    refused.commit(&wasi("hostile", "egress: internet"));
    refused.settles();
    assert_eq!(refused.stage(), "CONFIG_ERROR");
    assert!(refused.error_message().contains("a list of hosts"));
}

#[test]
fn private_networks_are_out_of_reach_unless_the_operator_says_otherwise() {
    let [listed, _] = network_with_neighbour();
    let server = Server::start();
    let egress = format!("egress: [\"{}\"]", listed.address);
    let space = publish(&server, &egress);
    let answer = space.visit(&format!("/get?url=http://{}/", listed.address));
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(listed.visits.load(Ordering::SeqCst), 0);
}
