//! Quotas: shown, set, and held even when many ask at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::{glasshouse, glasshouse_json};
use crate::support::guests::wasi;
use crate::support::{Hub, Op, Request, Server, eventually, static_site};

fn set(server: &Server, owner: &str, body: Value) -> Value {
    let request = Request::new("PUT", format!("/api/admin/quotas/{owner}")).json(&body);
    server.admin().send(request).expect(200).json()
}

fn quota(hub: &Hub<'_>) -> Value {
    hub.get("/api/quota").expect(200).json()["quotas"].clone()
}

#[test]
fn of_a_hundred_creations_at_once_as_many_succeed_as_there_is_room_for() {
    let server = Server::start();
    let alice = server.user("alice");
    set(&server, "alice", json!({"spaces": 3}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let alice = &alice;
        let create = |number: usize| {
            scope.spawn(move || {
                alice
                    .create_with(&format!("demo-{number}"), json!({}))
                    .status
            })
        };
        let asking: Vec<_> = (0..100).map(create).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(403)), (3, 97), "{statuses:?}");
    assert_eq!(quota(&alice)["spaces"]["used"], 3);
}

#[test]
fn of_many_moves_at_once_as_many_succeed_as_there_is_room_for() {
    let server = Server::start();
    let alice = server.user("alice");
    let lab = json!({"name": "lab", "admin": "alice"});
    let made = server.admin().post("/api/admin/organizations", &lab);
    made.expect(201);
    set(&server, "lab", json!({"spaces": 1, "models": 1}));
    for kind in ["space", "model"] {
        for number in 0..8 {
            let kind = json!({"type": kind});
            alice
                .create_with(&format!("demo-{number}"), kind)
                .expect(200);
        }
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let alice = &alice;
            let moves = (0..8).map(|number| {
                let names = json!({
                    "fromRepo": format!("alice/demo-{number}"), "toRepo": format!("lab/demo-{number}"), "type": kind,
                });
                scope.spawn(move || alice.post("/api/repos/move", &names).status)
            });
            let moves: Vec<_> = moves.collect();
            moves.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((count(200), count(403)), (1, 7), "{kind}: {statuses:?}");
    }
}

#[test]
fn a_refusal_names_the_quota_what_is_used_and_what_is_left() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("one");
    set(
        &server,
        "alice",
        json!({"spaces": 1, "cpu": 500, "memory": 1 << 30, "disk": 400_000}),
    );
    let refused = alice.create_with("two", json!({})).expect(403).json();
    let text = refused["error"].as_str().unwrap();
    assert!(
        text.contains("exceed the quota of Spaces: 1 of 1 in use, 0 left"),
        "{text}"
    );

    // Models and datasets are counted each by themselves.
    set(&server, "alice", json!({"models": 1}));
    let model = |name: &str| alice.create_with(name, json!({"type": "model"}));
    model("tiny").expect(200);
    let text = model("more").expect(403).text();
    assert!(
        text.contains("exceed the quota of models: 1 of 1 in use, 0 left"),
        "{text}"
    );
    alice
        .create_with("rows", json!({"type": "dataset"}))
        .expect(200);
    assert_eq!(quota(&alice)["models"]["used"], 1);
    assert_eq!(quota(&alice)["datasets"]["limit"], 1000);

    let answer = alice
        .space("one")
        .post("/hardware", &json!({"flavor": "cpu-basic"}));
    let text = answer.expect(403).json()["error"].to_string();
    assert!(
        text.contains("quota of CPU") && text.contains("0.5 CPU"),
        "{text}"
    );

    let big = Op::file("index.html", vec![b'x'; 300_000]);
    let answer = alice.space("one").try_commit(None, &[big]);
    let text = answer.expect(403).json()["error"].to_string();
    assert!(text.contains("quota of disk"), "{text}");
    alice.space("one").commit(&static_site("small"));
}

#[test]
fn a_quota_below_use_takes_nothing_away() {
    let server = Server::start();
    let alice = server.user("alice");
    let one = alice.publish("one", &static_site("one"));
    alice.publish("two", &static_site("two"));
    let shown = set(&server, "alice", json!({"spaces": 1}));
    assert_eq!(shown["quotas"]["spaces"]["text"], "2 of 1");
    assert_eq!(shown["quotas"]["spaces"]["left"], 0);
    one.visit("/").expect(200);
    one.commit(&static_site("changed"));
    alice.create_with("three", json!({})).expect(403);
    // `null` goes back to the server's default.
    let shown = set(&server, "alice", json!({"spaces": null}));
    assert_eq!(shown["quotas"]["spaces"]["set"], false);
    alice.create("three");
}

#[test]
fn bad_quotas_are_refused() {
    let server = Server::start();
    server.user("alice");
    let admin = server.admin();
    for bad in [
        json!({"spaces": -1}),
        json!({"spaces": "many"}),
        json!({"spaces": u64::MAX}),
        json!({"wings": 2}),
        json!([]),
    ] {
        let request = Request::new("PUT", "/api/admin/quotas/alice").json(&bad);
        let answer = admin.send(request);
        assert!(matches!(answer.status, 400 | 422), "{bad}: {answer:?}");
    }
    let nobody = Request::new("PUT", "/api/admin/quotas/nobody").json(&json!({"spaces": 1}));
    admin.send(nobody).expect(404);
    assert!(quota(&admin)["spaces"]["set"] == false);
}

#[test]
fn cpu_time_for_the_day_can_be_used_up_and_given_again() {
    let server = Server::start();
    let alice = server.user("alice");
    let guest = alice.publish("guest", &wasi("hostile", ""));
    let site = alice.publish("site", &static_site("still here"));
    guest.visit("/busy?ms=1200").expect(200);
    set(&server, "alice", json!({"cpuSecondsPerDay": 1}));
    let refused = eventually(Duration::from_secs(10), "it is spent", || {
        let answer = guest.visit("/headers");
        (answer.status == 503).then_some(answer)
    });
    let text = refused.text();
    assert!(
        text.contains("CPU time per day") && text.contains("00:00 UTC"),
        "{text}"
    );
    assert!(
        guest.error_message().contains("resets at"),
        "{}",
        guest.error_message()
    );
    site.visit("/").expect(200);
    set(&server, "alice", json!({"cpuSecondsPerDay": 1000}));
    guest.visit("/headers").expect(200);
}

#[test]
fn what_is_sent_to_visitors_in_a_day_can_be_used_up_and_given_again_even_after_a_kill() {
    let mut server = Server::start();
    let alice = server.user("alice");
    let site = alice.publish("site", &static_site(&"x".repeat(100_000)));
    site.visit("/").expect(200);
    set(&server, "alice", json!({"egressBytesPerDay": 50_000}));
    let visit = |server: &Server| {
        let alice = Hub {
            name: "alice".into(),
            ..server.anonymous()
        };
        alice.space("site").visit("/")
    };
    let refused = |server: &Server| {
        eventually(Duration::from_secs(15), "it is spent", || {
            let answer = visit(server);
            let text = answer.text();
            text.contains("traffic to visitors per day").then_some(())
        })
    };
    refused(&server);
    // What was used is stored every few seconds, and read again.
    std::thread::sleep(Duration::from_secs(7));
    server.kill();
    server.launch();
    refused(&server);
    set(
        &server,
        "alice",
        json!({"egressBytesPerDay": 5_000_000_000u64}),
    );
    visit(&server).expect(200);
}

#[test]
fn builds_wait_for_the_next_day_when_their_time_is_used_up() {
    let server = Server::start();
    let alice = server.user("alice");
    set(&server, "alice", json!({"buildMinutesPerDay": 0}));
    let site = alice.create("site");
    site.commit(&static_site("at last"));
    eventually(Duration::from_secs(10), "its author is told", || {
        let log = site.log("build");
        log.iter()
            .any(|line| line.contains("build time per day") && line.contains("00:00 UTC"))
            .then_some(())
    });
    assert_eq!(site.stage(), "BUILDING");
    // Another owner builds meanwhile.
    let bob = server.user("bob");
    bob.publish("other", &static_site("hello"))
        .visit("/")
        .expect(200);
    set(&server, "alice", json!({"buildMinutesPerDay": 10}));
    site.wait_for("RUNNING");
    assert!(site.visit("/").expect(200).text().contains("at last"));
}

#[test]
fn an_owner_is_told_before_it_is_too_late() {
    let server = Server::start();
    let alice = server.user("alice");
    set(&server, "alice", json!({"spaces": 2}));
    alice.create("one");
    assert!(alice.get("/api/quota").header("x-hf-warning").is_none());
    let two = alice.create("two");
    let answer = two.try_commit(None, &static_site("hello")).expect(200);
    let warning = answer.header("x-hf-warning").unwrap_or_default().to_owned();
    assert!(
        warning.contains("2 of your quota of Spaces (2)"),
        "{warning}"
    );
}

#[test]
fn operators_set_quotas_on_the_command_line() {
    let server = Server::start();
    let alice = server.user("alice");
    let admin = server.admin_token();
    let line = [
        "quota", "set", "alice", "--memory", "2 GiB", "--cpu", "1.5", "--spaces", "7",
    ];
    let output = glasshouse(&server, &admin, &line).success().stdout;
    assert!(
        output.contains("1.5 CPU") && output.contains("of 7"),
        "{output}"
    );
    let own = glasshouse(&server, &alice.token, &["quota", "show"])
        .success()
        .stdout;
    assert!(own.contains("2 GiB"), "{own}");
    let refused = glasshouse(&server, &alice.token, &["quota", "show", "admin"]).failure();
    assert!(refused.contains("Only operators"), "{refused}");
    let capacity = glasshouse_json(&server, &admin, &["capacity"]);
    assert!(capacity["memoryBytes"]["limit"].as_u64().unwrap() > 0);
    glasshouse(&server, &admin, &["top", "--once", "--every", "0.2"]).success();
    glasshouse(&server, &admin, &["usage"]).success();
}
