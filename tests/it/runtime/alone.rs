//! Measurements, which want the machine to themselves.

use crate::support::guests::wasi;
use crate::support::server::cpu_seconds;
use crate::support::{Hub, Server, Space, eventually};
use std::time::{Duration, Instant};

fn spinner<'a>(alice: &Hub<'a>, name: &str, hardware: &str) -> Space<'a> {
    let space = alice.create_on(name, hardware);
    space.commit(&wasi("hostile", "request_timeout: 60s"));
    space.wait_for("RUNNING");
    space
}

#[test]
fn a_quarter_of_a_cpu_is_a_quarter() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = spinner(&alice, "nano", "cpu-nano");
    let visits: Vec<_> = (0..8).map(|_| space_socket(&space)).collect();
    // The burst is spent first.
    std::thread::sleep(Duration::from_millis(2500));
    let (begin, before, process) = (
        Instant::now(),
        space.usage().cpu_seconds,
        cpu_seconds(server.process()),
    );
    std::thread::sleep(Duration::from_secs(4));
    let (charged, whole) = (
        space.usage().cpu_seconds - before,
        cpu_seconds(server.process()) - process,
    );
    let took = begin.elapsed().as_secs_f64();
    let share = charged / took;
    assert!(
        (0.15..0.325).contains(&share),
        "{share:.3} of a CPU over {took:.1} s"
    );
    assert!(
        whole / took < 0.6,
        "the process took {:.3} of a CPU",
        whole / took
    );
    drop(visits);
}

#[test]
fn two_spaces_are_served_by_their_shares() {
    let server = Server::start();
    let alice = server.user("alice");
    let (small, large) = (
        spinner(&alice, "nano", "cpu-nano"),
        spinner(&alice, "basic", "cpu-basic"),
    );
    let visits: Vec<_> = [&small, &large]
        .iter()
        .flat_map(|space| (0..3).map(|_| space_socket(space)))
        .collect();
    let begun = Instant::now();
    // Until the saved second is spent: from then on there is only what comes in.
    eventually(Duration::from_secs(30), "the saved credit is spent", || {
        let earned = 1.0 + 0.25 * begun.elapsed().as_secs_f64();
        (small.usage().cpu_seconds >= earned - 0.1).then_some(())
    });
    let (before_small, before_large) = (small.usage().cpu_seconds, large.usage().cpu_seconds);
    std::thread::sleep(Duration::from_secs(4));
    let used_small = (small.usage().cpu_seconds - before_small) / 4.0;
    let used_large = (large.usage().cpu_seconds - before_large) / 4.0;
    assert!((0.1..0.35).contains(&used_small), "{used_small}");
    // Of two CPUs both have theirs; of fewer the larger share is still the larger.
    assert!(
        used_large < 1.15 && used_large > 1.5 * used_small,
        "{used_large} beside {used_small}"
    );
    drop(visits);
}

#[test]
fn a_visitor_of_an_idle_space_is_quick_while_sixteen_spin() {
    let server = Server::start();
    let alice = server.user("alice");
    let victim = alice.create("victim");
    victim.commit(&wasi("hello", ""));
    victim.wait_for("RUNNING");
    let noisy: Vec<_> = (0..4)
        .map(|n| spinner(&alice, &format!("noisy{n}"), "cpu-basic"))
        .collect();
    let p90 = || {
        let mut times: Vec<_> = (0..60)
            .map(|_| {
                let begin = Instant::now();
                victim.visit("/").expect(200);
                std::thread::sleep(Duration::from_millis(10));
                begin.elapsed()
            })
            .collect();
        times.sort();
        times[53]
    };
    let calm = p90();
    let visits: Vec<_> = noisy
        .iter()
        .flat_map(|space| (0..4).map(move |_| space_socket(space)))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let loaded = p90();
    assert!(
        loaded < Duration::from_millis(150).max(calm * 6),
        "calm {calm:?}, loaded {loaded:?}"
    );
    drop(visits);
}

#[test]
fn use_is_counted() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = spinner(&alice, "basic", "cpu-basic");
    let before = space.usage();
    space.visit("/busy?ms=500").expect(200);
    space.visit("/sleep?ms=500").expect(200);
    let after = space.usage();
    assert!(
        (after.requests - before.requests - 2.0).abs() < f64::EPSILON,
        "{before:?} {after:?}"
    );
    let cpu = after.cpu_seconds - before.cpu_seconds;
    assert!(
        (0.2..0.95).contains(&cpu),
        "half a second of work, half a second of sleep, {cpu} charged"
    );
}

/// A visit to `/spin` that lasts as long as the socket.
fn space_socket(space: &Space<'_>) -> std::net::TcpStream {
    use std::io::Write;
    let mut socket = std::net::TcpStream::connect(space.hub.server.address).unwrap();
    let head = space
        .request("GET", "/spin")
        .head(space.hub.server.address, None);
    socket.write_all(head.as_bytes()).unwrap();
    socket
}
