//! `move_repo`.

use crate::support::{Server, eventually, static_site};
use serde_json::json;
use std::time::Duration;

#[test]
fn the_old_name_leads_to_the_new_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let said = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/old")
        api.upload_file(path_or_fileobj=b"one", path_in_repo="a", repo_id="alice/old")
        api.create_repo("alice/taken")
        taken = raised(lambda: api.move_repo("alice/old", "alice/taken"))["type"]
        other = raised(lambda: api.move_repo("alice/old", "bob/mine"))["type"]
        api.move_repo("alice/old", "alice/new")
        say({"taken": taken, "other": other, "new": api.model_info("alice/new").id, "old": api.model_info("alice/old").id,
             "text": Path(hf_hub_download("alice/old", "a")).read_text(),
             "commit": api.upload_file(path_or_fileobj=b"two", path_in_repo="b", repo_id="alice/old").oid != None,
             "files": sorted(api.list_repo_files("alice/new"))})
        "#,
    );
    let expected = json!({"taken": "HfHubHTTPError", "other": "HfHubHTTPError", "new": "alice/new", "old": "alice/new",
                          "text": "one", "commit": true, "files": ["a", "b"]});
    assert_eq!(said, expected);
    // A new one of the old name comes first.
    alice
        .create_with("old", json!({"type": "model"}))
        .expect(200);
    let info = alice.get("/api/models/alice/old").expect(200).json();
    assert_eq!(info["id"], "alice/old");
}

#[test]
fn a_space_answers_at_its_new_address() {
    let server = Server::start();
    let alice = server.user("alice");
    let old = alice.publish("old", &static_site("one"));
    server
        .python(&alice.token)
        .run(r#"api.move_repo("alice/old", "alice/new", repo_type="space"); say(1)"#);
    let new = alice.space("new");
    eventually(Duration::from_secs(20), "the new address answers", || {
        (new.visit("/").status == 200).then_some(())
    });
    assert_eq!(new.visit("/").text(), "one");
    assert_eq!(old.visit("/").status, 404);
    new.wait_for("RUNNING");
    let moved = alice.get("/api/spaces/alice/old/runtime").expect(307);
    assert_eq!(
        moved.header("location"),
        Some("/api/spaces/alice/new/runtime")
    );
    // Whoever may not see it does not learn where it is.
    alice
        .send(
            crate::support::Request::new("PUT", "/api/spaces/alice/new/settings")
                .json(&json!({"visibility": "private"})),
        )
        .expect(200);
    server.anonymous().get("/api/spaces/alice/old").expect(404);
}
