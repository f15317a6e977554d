//! Likes.

use crate::support::{Request, Server};
use serde_json::json;

#[test]
fn likes_are_counted_listed_and_taken_back() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("demo");
    alice.create("other");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    for target in ["/api/spaces/alice/demo/like", "/api/models/alice/tiny/like"] {
        bob.post(target, &json!({})).expect(200);
        bob.post(target, &json!({})).expect(200);
    }
    let output = server.python(&bob.token).run(
        r#"
        likers = [u.username for u in api.list_repo_likers("alice/demo", repo_type="space")]
        liked = api.list_liked_repos("bob")
        by_likes = [s.id for s in api.list_spaces(sort="likes", author="alice")]
        count = api.space_info("alice/demo").likes
        api.unlike("alice/demo", repo_type="space")
        say({"likers": likers, "spaces": liked.spaces, "models": liked.models, "first": by_likes[0], "count": count,
             "after": api.space_info("alice/demo").likes})
        "#,
    );
    let expected = json!({"likers": ["bob"], "spaces": ["alice/demo"], "models": ["alice/tiny"], "first": "alice/demo",
                          "count": 1, "after": 0});
    assert_eq!(output, expected);
    assert_eq!(
        server
            .anonymous()
            .send(Request::post("/api/spaces/alice/demo/like"))
            .status,
        401
    );
}
