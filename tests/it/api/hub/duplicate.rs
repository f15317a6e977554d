//! `duplicate_repo`.

use crate::support::{Op, Server, static_site};
use serde_json::json;

#[test]
fn a_copy_has_files_and_variables_and_no_secrets() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.publish("demo", &static_site("one"));
    space
        .post("/variables", &json!({"key": "MODE", "value": "fast"}))
        .expect(200);
    space
        .post("/secrets", &json!({"key": "KEY", "value": "alices"}))
        .expect(200);
    let output = server.python(&bob.token).run(
        r#"
        url = api.duplicate_repo("alice/demo", "bob/mine", repo_type="space", space_variables=[{"key": "MORE", "value": "x"}])
        again = raised(lambda: api.duplicate_repo("alice/demo", "bob/mine", repo_type="space"))["type"]
        runtime = api.wait_for_space("bob/mine", timeout=60)
        say({"url": str(url), "again": again, "stage": runtime.stage,
             "commits": len(api.list_repo_commits("bob/mine", repo_type="space")),
             "variables": sorted(api.get_space_variables("bob/mine")), "secrets": list(api.get_space_secrets("bob/mine"))})
        "#,
    );
    assert_eq!(output["url"], format!("{}/spaces/bob/mine", server.url()));
    assert_eq!(output["again"], "HfHubHTTPError");
    assert_eq!(output["stage"], "RUNNING");
    assert_eq!(output["commits"], 2);
    assert_eq!(output["variables"], json!(["MODE", "MORE"]));
    assert_eq!(output["secrets"], json!([]));
    let mine = bob.space("mine");
    let page = mine.visit("/").expect(200).text();
    assert!(
        page.contains(r#""MODE":"fast""#) && page.ends_with("one"),
        "{page}"
    );
    // Each goes its own way from then on.
    mine.commit(&[Op::file("index.html", "two")]);
    let original = alice.get("/spaces/alice/demo/resolve/main/index.html");
    assert_eq!(original.text(), "one");
}

#[test]
fn what_cannot_be_seen_cannot_be_copied() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let hidden = json!({"type": "dataset", "visibility": "private"});
    alice.create_with("rows", hidden).expect(200);
    let target = "/api/datasets/alice/rows/duplicate";
    let body = json!({"repository": "bob/rows"});
    assert_eq!(bob.post(target, &body).status, 404);
    assert_eq!(server.anonymous().post(target, &body).status, 401);
    let copy = alice
        .post(target, &json!({"repository": "alice/copy"}))
        .expect(200);
    let url = copy.json()["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/datasets/alice/copy"), "{url}");
    // As private as what it is a copy of.
    let info = alice.get("/api/datasets/alice/copy").expect(200).json();
    assert_eq!(info["private"], true);
}
