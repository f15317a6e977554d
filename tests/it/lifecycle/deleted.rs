//! Deleting takes everything along.

use crate::support::guests::wasi;
use crate::support::{Request, Server, eventually};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

#[test]
fn nothing_of_it_is_left_on_disk() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&wasi("hostile", ""));
    space.wait_for("RUNNING");
    space.visit("/print?n=3").expect(200);
    space
        .post("/secrets", &json!({"key": "A", "value": "b"}))
        .expect(200);
    let stream = space.open("/stream?n=1000&ms=100");
    let request =
        Request::new("DELETE", "/api/repos/delete").json(&json!({"name": "demo", "type": "space"}));
    alice.send(request).expect(200);
    assert_eq!(space.visit("/").status, 404, "its address is gone at once");
    let cut = stream.finish();
    assert!(!cut.text().contains("line 999"));
    eventually(Duration::from_secs(30), "its files are gone", || {
        let repos = count(&server.data().join("repos"), "HEAD");
        let logs =
            count(&server.data().join("logs"), "") + count(&server.data().join("journal"), "");
        (repos + logs == 0).then_some(())
    });
}

/// Files under a folder whose name contains that.
fn count(folder: &Path, name: &str) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                count(&path, name)
            } else {
                usize::from(path.to_string_lossy().contains(name))
            }
        })
        .sum()
}

#[test]
fn deleting_while_building_is_no_matter() {
    let server = Server::start();
    let alice = server.user("alice");
    for round in 0..4_u64 {
        let space = alice.create("demo");
        space.commit(&wasi("hostile", ""));
        std::thread::sleep(Duration::from_millis(80 * round));
        let request = Request::new("DELETE", "/api/repos/delete")
            .json(&json!({"name": "demo", "type": "space"}));
        alice.send(request).expect(200);
        assert_eq!(space.api("").status, 404);
    }
    alice.publish("demo", &crate::support::static_site("at last"));
}
