//! The start page lists the Spaces.

use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn it_lists_what_anybody_may_see() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("demo", &static_site("one"));
    alice
        .create_with("unlisted", json!({"visibility": "private"}))
        .expect(200);
    let page = server.anonymous().get("/").expect(200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let text = page.text();
    assert!(text.contains("href=\"/spaces/alice/demo\""), "{text}");
    assert!(!text.contains("unlisted"), "{text}");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("default-src") || policy.contains("script-src"),
        "{policy}"
    );
}

#[test]
fn what_authors_write_is_text() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[
        crate::support::Op::file(
            "README.md",
            "---\ntitle: \"<script>alert(1)</script>\"\nemoji: \"<img src=x>\"\nsdk: static\n---\n",
        ),
        crate::support::Op::file("index.html", "x"),
    ]);
    let page = server.anonymous().get("/").expect(200).text();
    assert!(
        !page.contains("<script>alert") && !page.contains("<img src=x"),
        "{page}"
    );
}
