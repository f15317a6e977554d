//! A repository that has lost its commits, as a failing disk may have it, is left as it is for whoever restores it: it is
//! not begun anew, and keeps nothing else from coming up.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::{Hub, Server, eventually, static_site};

#[test]
fn lost_commits_are_told_of_and_nothing_takes_their_place() {
    let mut server = Server::start();
    let (token, whole) = {
        let alice = server.user("alice");
        alice.publish("other", &static_site("whole"));
        alice.create("demo").commit(&static_site("lost"));
        let model = json!({"type": "model"});
        alice.create_with("demo", model).expect(200);
        let heads = ["spaces", "models"].map(|kind| {
            let info = alice.get(&format!("/api/{kind}/alice/demo"));
            info.expect(200).json()
        });
        (alice.token.clone(), heads)
    };
    server.stop();
    let branches = whole.clone().map(|info| {
        let id = info["_id"].as_str().unwrap().replace('-', "");
        let folder = server.data().join("repos").join(&id[id.len() - 2..]);
        folder.join(format!("{id}.git/refs/heads/main"))
    });
    let kept = branches.clone().map(|branch| fs::read(branch).unwrap());
    for branch in &branches {
        fs::remove_file(branch).unwrap();
    }
    server.launch();
    let patience = Duration::from_secs(20);
    eventually(patience, "both are told of", || {
        let told = server.log().matches("has lost its commits").count();
        (told == branches.len()).then_some(())
    });
    let alice = Hub::new(&server, "alice", &token);
    alice.space("other").wait_for("RUNNING");
    for branch in &branches {
        assert!(
            !branch.exists(),
            "something took the place of what was lost"
        );
    }
    server.stop();
    for (branch, kept) in branches.iter().zip(kept) {
        fs::write(branch, kept).unwrap();
    }
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    for (kind, whole) in ["spaces", "models"].iter().zip(whole) {
        let info = alice.get(&format!("/api/{kind}/alice/demo")).expect(200);
        assert_eq!(info.json()["sha"], whole["sha"]);
    }
}
