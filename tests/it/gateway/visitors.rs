//! Visitors share a Space: nobody has all of it, those who wait take turns, and who asks too often is told so.

use std::time::{Duration, Instant};

use crate::support::{Answer, Server, Space};

const BEHIND_A_PROXY: (&str, &str) = ("SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]");

fn visit(space: &Space<'_>, address: &str, target: &str) -> Answer {
    let request = space.request("GET", target);
    space.send(&request.header("x-forwarded-for", address))
}

#[test]
fn a_greedy_visitor_does_not_keep_another_waiting() {
    let server = Server::with(&[BEHIND_A_PROXY, ("GATEWAY__CONCURRENCY_PER_SPACE", "1")]);
    let alice = server.user("alice");
    let space = &alice.publish_hostile("");
    std::thread::scope(|scope| {
        let greedy: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| visit(space, "192.0.2.1", "/sleep?ms=500")))
            .collect();
        std::thread::sleep(Duration::from_millis(200));
        let began = Instant::now();
        visit(space, "192.0.2.2", "/echo").expect(200);
        // Ahead of it is what was under way, and one turn of the other at most; behind the others it would be 4.5 s.
        let waited = began.elapsed();
        assert!(waited < Duration::from_millis(2500), "{waited:?}");
        for answer in greedy {
            answer.join().unwrap().expect(200);
        }
    });
}

#[test]
fn one_visitor_leaves_places_for_others() {
    let server = Server::with(&[
        BEHIND_A_PROXY,
        ("GATEWAY__CONCURRENCY_PER_SPACE", "3"),
        ("GATEWAY__CONCURRENCY_PER_VISITOR", "2"),
        ("GATEWAY__QUEUE_PER_SPACE", "1"),
    ]);
    let alice = server.user("alice");
    let space = &alice.publish_hostile("");
    std::thread::scope(|scope| {
        let greedy: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| visit(space, "2001:db8::1", "/sleep?ms=2000")))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        // Of the same household, and its share and the queue are taken.
        let refused = visit(space, "2001:db8::2", "/echo").expect(429);
        assert!(refused.text().contains("in progress"), "{refused:?}");
        assert_eq!(refused.header("retry-after"), Some("1"));
        let began = Instant::now();
        visit(space, "2001:db8:0:1::1", "/echo").expect(200);
        let waited = began.elapsed();
        assert!(waited < Duration::from_millis(1400), "{waited:?}");
        for answer in greedy {
            answer.join().unwrap().expect(200);
        }
    });
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back() {
    let server = Server::with(&[BEHIND_A_PROXY, ("GATEWAY__RATE_PER_VISITOR", "0.5")]);
    let alice = server.user("alice");
    let space = alice.publish("site", &crate::support::static_site("fine"));
    for _ in 0..5 {
        visit(&space, "192.0.2.1", "/").expect(200);
    }
    let refused = visit(&space, "192.0.2.1", "/").expect(429);
    assert!(refused.text().contains("too fast"), "{refused:?}");
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&after), "{after}");
    visit(&space, "192.0.2.2", "/").expect(200);
    let other = alice.publish("other", &crate::support::static_site("fine"));
    visit(&other, "192.0.2.1", "/").expect(200);
    std::thread::sleep(Duration::from_secs(after));
    visit(&space, "192.0.2.1", "/").expect(200);
    let usage = alice.get("/api/usage?sum=true").expect(200).json();
    let mut rows = usage["rows"].as_array().into_iter().flatten();
    let row = rows.find(|row| row["space"] == "alice/site");
    let row = row.expect("its usage");
    assert_eq!(
        (&row["turnedAway"], &row["requests2xx"]),
        (&1.into(), &7.into())
    );
}

#[test]
fn a_whole_space_has_a_rate_too() {
    let server = Server::with(&[BEHIND_A_PROXY, ("GATEWAY__RATE_PER_SPACE", "0.2")]);
    let alice = server.user("alice");
    let space = alice.publish("site", &crate::support::static_site("fine"));
    visit(&space, "192.0.2.1", "/").expect(200);
    visit(&space, "192.0.2.2", "/").expect(200);
    visit(&space, "192.0.2.3", "/").expect(503);
}

#[test]
fn nobody_is_another_visitor_by_saying_so() {
    let server = Server::with(&[("GATEWAY__RATE_PER_VISITOR", "0.1")]);
    let alice = server.user("alice");
    let space = alice.publish("site", &crate::support::static_site("fine"));
    visit(&space, "192.0.2.1", "/").expect(200);
    visit(&space, "192.0.2.2", "/").expect(429);
}

#[test]
fn an_account_is_one_visitor_wherever_it_comes_from() {
    let server = Server::with(&[BEHIND_A_PROXY, ("GATEWAY__RATE_PER_VISITOR", "0.1")]);
    let alice = server.user("alice");
    alice
        .create_with("secret", serde_json::json!({ "private": true }))
        .expect(200);
    let space = alice.space("secret");
    space.commit(&crate::support::static_site("fine"));
    space.wait_for("RUNNING");
    let from = |address: &str| {
        let request = space.request("GET", "/").bearer(&alice.token);
        space.send(&request.header("x-forwarded-for", address))
    };
    from("192.0.2.1").expect(200);
    from("192.0.2.2").expect(429);
}
