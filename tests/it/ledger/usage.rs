//! What Spaces use is counted for every kind of them, kept by the hour, and survives the server.

use std::time::Duration;

use serde_json::Value;

use crate::support::cli::glasshouse_json;
use crate::support::guests::wasi;
use crate::support::{Hub, Request, Server, eventually, static_site};

fn rows(hub: &Hub<'_>, query: &str) -> Vec<Value> {
    let answer = hub.get(&format!("/api/usage?{query}")).expect(200).json();
    answer["rows"].as_array().unwrap().clone()
}

fn row(hub: &Hub<'_>, space: &str) -> Value {
    let found = rows(hub, "sum=true")
        .into_iter()
        .find(|row| row["space"] == space);
    found.unwrap_or_else(|| panic!("nothing was booked for {space}"))
}

#[test]
fn requests_and_bytes_are_counted_once_for_every_kind() {
    let server = Server::start();
    let alice = server.user("alice");
    let site = alice.publish("site", &static_site("hello"));
    let guest = alice.publish("guest", &wasi("hostile", ""));
    let page = site.visit("/").expect(200).body.len() as u64;
    site.visit("/missing").expect(404);
    let echo = guest.request("POST", "/echo").body("12345");
    assert_eq!(guest.send(&echo).expect(200).body, b"12345");
    guest.visit("/trap").expect(502);

    let booked = row(&alice, "alice/site");
    assert_eq!(
        (&booked["requests2xx"], &booked["requests4xx"]),
        (&1.into(), &1.into())
    );
    assert!(booked["bytesOut"].as_u64().unwrap() >= page);
    assert_eq!(booked["cpuMicros"], 0);
    let booked = row(&alice, "alice/guest");
    assert_eq!(
        (&booked["requests2xx"], &booked["requests5xx"]),
        (&1.into(), &1.into())
    );
    assert_eq!(booked["bytesIn"], 5);
    assert!(booked["cpuMicros"].as_u64().unwrap() > 0);
    assert_eq!(booked["builds"], 1);
    let live = guest.usage();
    assert!((live.requests - 2.0).abs() < f64::EPSILON);
}

#[test]
fn what_was_booked_survives_a_kill_and_adds_up() {
    let mut server = Server::start();
    {
        let alice = server.user("alice");
        let site = alice.publish("site", &static_site("hello"));
        for _ in 0..3 {
            site.visit("/").expect(200);
        }
        // Written without anybody asking: within ten seconds.
        let database = server.data().join("glasshouse.db");
        assert!(database.exists());
        std::thread::sleep(Duration::from_secs(8));
    }
    let token = server.admin_token();
    server.kill();
    server.launch();
    let admin = Hub::new(&server, "admin", &token);
    assert_eq!(row(&admin, "alice/site")["requests2xx"], 3);
    let site = Hub::new(&server, "alice", "").space("site");
    eventually(Duration::from_secs(20), "it answers again", || {
        (site.visit("/").status == 200).then_some(())
    });
    assert!(row(&admin, "alice/site")["requests2xx"].as_u64().unwrap() >= 4);
}

#[test]
fn everybody_sees_their_own_and_operators_all() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice
        .publish("site", &static_site("a"))
        .visit("/")
        .expect(200);
    bob.publish("site", &static_site("b"))
        .visit("/")
        .expect(200);
    let names = |hub: &Hub<'_>, query: &str| {
        let mut names: Vec<_> = rows(hub, query)
            .iter()
            .map(|row| row["space"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&alice, "sum=true"), ["alice/site"]);
    assert_eq!(
        names(&server.admin(), "sum=true"),
        ["alice/site", "bob/site"]
    );
    assert_eq!(names(&server.admin(), "sum=true&owner=bob"), ["bob/site"]);
    alice.get("/api/usage?owner=bob").expect(403);
    for bad in [
        "hours=0",
        "hours=x",
        "hours=9999999",
        "format=xml",
        "limit=0",
        "limit=99999999",
        "cursor=1.2.3",
        "sum=true&cursor=1.2.x.y",
    ] {
        alice.get(&format!("/api/usage?{bad}")).expect(400);
    }
    let csv = alice.get("/api/usage?format=csv").expect(200).text();
    let mut lines = csv.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("hour,space,owner,cpu_micros,")
    );
    assert!(lines.next().unwrap().contains(",alice/site,alice,"));
    let answer = Request::get("/api/usage").send(server.address);
    answer.expect(401);
}

#[test]
fn a_space_that_is_gone_is_remembered() {
    let server = Server::start();
    let alice = server.user("alice");
    let site = alice.publish("site", &static_site("a"));
    site.visit("/").expect(200);
    let body = serde_json::json!({"type": "space", "name": "site", "organization": "alice"});
    alice
        .send(Request::new("DELETE", "/api/repos/delete").json(&body))
        .expect(200);
    assert_eq!(row(&alice, "alice/site")["requests2xx"], 1);
}

#[test]
fn wakes_are_counted_with_their_wait() {
    let server = Server::start();
    let alice = server.user("alice");
    let files = wasi("hello", "");
    let space = alice.publish("demo", &files);
    space
        .post("/sleeptime", &serde_json::json!({"seconds": 1}))
        .expect(200);
    eventually(Duration::from_secs(20), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
    space.visit("/").expect(200);
    let booked = row(&alice, "alice/demo");
    assert_eq!(booked["wakes"], 1);
    assert!(booked["wakeMicros"].as_u64().unwrap() > 0);
    assert!(booked["starts"].as_u64().unwrap() >= 2);
}

#[test]
fn it_comes_in_pages_and_the_command_line_follows_them() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in ["one", "two", "three"] {
        let site = alice.publish(name, &static_site(name));
        site.visit("/").expect(200);
    }
    for sum in ["", "&sum=true"] {
        let mut seen = Vec::new();
        let mut next = Some(format!("/api/usage?limit=1{sum}"));
        while let Some(path) = next.take() {
            let answer = alice.get(&path).expect(200);
            next = answer.header("link").map(|link| {
                let (url, _) = link[1..].split_once('>').unwrap();
                url[url.find("/api/").unwrap()..].to_owned()
            });
            let page = answer.json();
            assert_eq!(page["complete"], next.is_none(), "{page}");
            let rows = page["rows"].as_array().unwrap();
            assert!(rows.len() <= 1, "{page}");
            seen.extend(rows.iter().map(|row| row["space"].to_string()));
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["\"alice/one\"", "\"alice/three\"", "\"alice/two\""]);
    }
    let output = glasshouse_json(&server, &alice.token, &["usage"]);
    assert_eq!(output["rows"].as_array().unwrap().len(), 3, "{output}");
}
