//! What operators do to others is written down, and a disabled Space does nothing until it is enabled.

use serde_json::{Value, json};

use crate::support::cli::glasshouse;
use crate::support::{Request, Server, static_site};

#[test]
fn a_disabled_space_says_why_and_comes_back() {
    let server = Server::start();
    let alice = server.user("alice");
    let demo = alice.publish("demo", &static_site("hello"));
    let admin = server.admin_token();
    let line = ["disable", "alice/demo", "--reason", "mines coins"];
    glasshouse(&server, &admin, &line).success();
    let runtime = demo.wait_for("PAUSED");
    let error = runtime["errorMessage"].as_str().unwrap();
    assert!(error.contains("mines coins"), "{error}");
    let answer = demo.visit("/").expect(503);
    assert!(
        !answer.text().contains("coins"),
        "the reason is the owner's"
    );
    let refused = demo.post("/restart", &json!({})).expect(403).json();
    assert!(refused["error"].as_str().unwrap().contains("mines coins"));
    // What is published meanwhile does not run either.
    demo.commit(&static_site("again"));
    demo.wait_for("PAUSED");
    demo.visit("/").expect(503);

    glasshouse(&server, &admin, &["enable", "alice/demo"]).success();
    demo.wait_for("RUNNING");
    assert!(demo.visit("/").expect(200).text().contains("again"));
}

#[test]
fn the_trail_names_who_did_what() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("demo", &static_site("hello"));
    let admin = server.admin();
    let lab = json!({"name": "lab", "admin": "alice"});
    admin.post("/api/admin/organizations", &lab).expect(201);
    let set = Request::new("PUT", "/api/admin/quotas/alice").json(&json!({"spaces": 5}));
    admin.send(set).expect(200);
    let path = "/api/admin/spaces/alice/demo/disable";
    admin.post(path, &json!({"reason": "a test"})).expect(200);
    for bad in ["", " ", "two\nlines", &"x".repeat(501)] {
        admin.post(path, &json!({"reason": bad})).expect(400);
    }
    let trail = admin.get("/api/admin/audit?limit=10").expect(200).json();
    let seen: Vec<_> = trail.as_array().unwrap().iter().map(words).collect();
    assert_eq!(
        seen,
        [
            "admin space.disable alice/demo: a test",
            "admin quota.set alice: defaults -> spaces=5",
            "admin account.create lab, an organisation of alice",
            "admin account.create alice",
            " account.create admin",
        ]
    );
    let shown = glasshouse(&server, &server.admin_token(), &["audit"])
        .success()
        .stdout;
    assert!(shown.contains("quota.set"), "{shown}");
    admin.get("/api/admin/audit?limit=0").expect(400);
}

fn words(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", text("actor"), text("action"), text("detail"))
}
