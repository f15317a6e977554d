//! `delete_repo`.

use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn a_deleted_space_is_gone_and_its_name_is_free() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    space.wait_for("RUNNING");
    let output = server.python(&alice.token).run(
        r#"
        api.delete_repo("alice/demo", repo_type="space")
        gone = raised(lambda: api.space_info("alice/demo"))
        twice = raised(lambda: api.delete_repo("alice/demo", repo_type="space"))
        api.delete_repo("alice/demo", repo_type="space", missing_ok=True)
        say({"gone": gone["type"], "twice": twice["type"], "list": [s.id for s in api.list_spaces()]})
        "#,
    );
    assert_eq!(
        output,
        json!({"gone": "RepositoryNotFoundError", "twice": "RepositoryNotFoundError", "list": []})
    );
    assert_eq!(space.visit("/").status, 404);
    let again = alice.create("demo");
    assert_eq!(again.info()["siblings"].as_array().unwrap().len(), 2);
    again.commit(&static_site("two"));
    again.wait_for("RUNNING");
    assert_eq!(again.visit("/").expect(200).text(), "two");
}

#[test]
fn only_the_owner_deletes() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let output = server
        .python(&bob.token)
        .run(r#"say(raised(lambda: api.delete_repo("alice/demo", repo_type="space")))"#);
    assert!(output["text"].as_str().unwrap().contains("403"), "{output}");
    space.api("").expect(200);
}
