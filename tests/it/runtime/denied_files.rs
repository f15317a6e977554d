//! Private models that a card names although whoever named them may not read them.

use std::time::Duration;

use serde_json::json;

use crate::support::guests::wasi;
use crate::support::hub::commit_body;
use crate::support::{Git, Hub, Op, Request, Server, Space, eventually};

fn model(hub: &Hub<'_>, name: &str, visibility: &str) {
    hub.create_with(name, json!({"type": "model", "visibility": visibility}))
        .expect(200);
    let body = commit_body(None, &[Op::file("weights.txt", "secret")]);
    let target = format!("/api/models/{}/{name}/commit/main", hub.name);
    hub.send(Request::post(target).body(body)).expect(200);
}

/// An account's token for one of its Spaces alone.
fn narrow<'a>(hub: &Hub<'a>, space: &str) -> Hub<'a> {
    let grants = json!([{"type": "space", "repo": format!("{}/{space}", hub.name), "write": true}]);
    let body = json!({"name": "ci", "scope": "fineGrained", "grants": grants});
    let made = hub.post("/api/tokens", &body).expect(201).json();
    Hub::new(hub.server, &hub.name, made["token"].as_str().unwrap())
}

/// Whether the Space reads a model.
fn reads(space: &Space<'_>, model: &str) -> bool {
    let target = format!("/read?path=/models/alice/{model}/weights.txt");
    let answer = space.visit(&target);
    answer.status == 200 && answer.text() == "secret"
}

fn card(more: &str, version: u32) -> Vec<Op> {
    let mut files = wasi("hostile", more);
    files.push(Op::file("version.txt", version.to_string()));
    files
}

/// Commits and waits until that is what runs.
#[track_caller]
fn publish(by: &Hub<'_>, space: &Space<'_>, files: &[Op]) {
    let head = by.view(space).commit(files);
    eventually(Duration::from_secs(30), "it runs", || {
        (space.runtime()["sha"] == head && space.stage() == "RUNNING").then_some(())
    });
}

#[test]
fn a_token_for_one_space_mounts_no_private_model() {
    let server = Server::start();
    let alice = server.user("alice");
    for (name, visibility) in [
        ("named", "private"),
        ("private", "private"),
        ("public", "public"),
    ] {
        model(&alice, name, visibility);
    }
    let space = alice.create_on("hostile", "cpu-basic");
    publish(&alice, &space, &card("models: [alice/named]", 1));
    assert!(reads(&space, "named"));

    // What was there stays there, and nothing private comes with it, however it is written.
    let robot = narrow(&alice, "hostile");
    let all = "models: [alice/named, ALICE/Private, alice/later, alice/public]\npreload_from_hub: [alice/private weights.txt]";
    publish(&robot, &space, &card(all, 2));
    assert!(reads(&space, "named"));
    assert!(reads(&space, "public"));
    assert!(!reads(&space, "private"));
    let log = space.log("run").join("\n");
    assert!(
        log.contains("alice/private, which is not on this server, or which the person who added it may not read"),
        "{log}"
    );

    // A second commit of the same, one by git, and what is made or hidden later change nothing.
    model(&alice, "later", "private");
    let visibility = json!({"visibility": "private"});
    let target = "/api/models/alice/public/settings";
    alice
        .send(Request::new("PUT", target).json(&visibility))
        .expect(200);
    publish(&robot, &space, &card(all, 3));
    let address = Git::address(&server, "alice", &robot.token, "spaces/alice/hostile");
    let clone = Git::clone(&server, &address, "robot");
    clone.commit(&[("version.txt", b"4")]);
    let pushed = clone.say(&["rev-parse", "HEAD"]);
    clone.say(&["push", "origin", "HEAD:main"]);
    eventually(Duration::from_secs(30), "it runs", || {
        (space.runtime()["sha"] == pushed.trim() && space.stage() == "RUNNING").then_some(())
    });
    space.post("/restart", &json!({})).expect(200);
    space.wait_for("RUNNING");
    assert!(reads(&space, "named"));
    for hidden in ["private", "later", "public"] {
        assert!(!reads(&space, hidden), "{hidden}");
    }

    // Nor does what names nothing and is never built, so that the version before it runs on.
    let mut broken = card("", 5);
    broken.retain(|op| !matches!(op, Op::File(path, _) if path.ends_with(".wasm")));
    broken.push(Op::DeleteFile("app.wasm".to_owned()));
    robot.view(&space).commit(&broken);
    space.wait_for("NO_APP_FILE");
    let variable = json!({"key": "A", "value": "b"});
    robot.view(&space).post("/variables", &variable).expect(200);
    for hidden in ["private", "later", "public"] {
        assert!(!reads(&space, hidden), "{hidden}");
    }

    // Nor does a commit of the owner's, to whatever, or a copy; naming them anew does.
    publish(&robot, &space, &card(all, 5));
    publish(&alice, &space, &card(all, 6));
    assert!(!reads(&space, "private"));
    let copied = json!({"repository": "alice/copy"});
    space.post("/duplicate", &copied).expect(200);
    let copy = alice.space("copy");
    copy.wait_for("RUNNING");
    for hidden in ["private", "later", "public"] {
        assert!(!reads(&copy, hidden), "{hidden}");
    }
    publish(&alice, &space, &card(&format!("{all}\npinned: true"), 7));
    assert!(!reads(&space, "private"));
    publish(&alice, &space, &card("", 8));
    publish(&alice, &space, &card(all, 9));
    for seen in ["named", "private", "later", "public"] {
        let log = || space.log("run").join("\n");
        assert!(reads(&space, seen), "{seen}: {}", log());
    }
}

fn set_volume(by: &Hub<'_>, space: &Space<'_>, kind: &str, source: &str) {
    let volume = json!({"type": kind, "source": source, "mountPath": "/volume"});
    let target = format!("/api/spaces/{}/volumes", space.id);
    let request = Request::new("PUT", target).json(&json!({"volumes": [volume]}));
    by.send(request).expect(200);
}

fn set_visibility(by: &Hub<'_>, what: &str, visibility: &str) {
    let target = format!("/api/{what}/settings");
    let request = Request::new("PUT", target).json(&json!({"visibility": visibility}));
    by.send(request).expect(200);
}

/// Waits until a file of the Space's holds that, or until it does not.
#[track_caller]
fn wait_for_file(space: &Space<'_>, path: &str, text: &str, holds: bool) {
    eventually(Duration::from_secs(20), path, || {
        let answer = space.visit(&format!("/read?path={path}"));
        (answer.status == 200 && answer.text().contains(text) == holds).then_some(())
    });
}

#[test]
fn what_becomes_private_is_unmounted_elsewhere() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    for name in ["tiny", "volume"] {
        model(&alice, name, "public");
    }
    let of_alice = alice.publish_hostile("models: [alice/tiny]");
    let of_bob = bob.publish_hostile("models: [alice/tiny]");
    assert!(reads(&of_alice, "tiny") && reads(&of_bob, "tiny"));
    set_visibility(&alice, "models/alice/tiny", "private");
    let path = "/models/alice/tiny/weights.txt";
    wait_for_file(&of_bob, path, "secret", false);
    assert!(reads(&of_alice, "tiny"));

    // A volume as well, also one that was set by a token that could not have read it while it was private.
    set_volume(&bob, &of_bob, "model", "alice/volume");
    let robot = narrow(&alice, "hostile");
    set_volume(&robot, &of_alice, "model", "alice/volume");
    for space in [&of_alice, &of_bob] {
        wait_for_file(space, "/volume/weights.txt", "secret", true);
    }
    set_visibility(&alice, "models/alice/volume", "private");
    for space in [&of_alice, &of_bob] {
        wait_for_file(space, "/volume/weights.txt", "secret", false);
    }
    set_volume(&alice, &of_alice, "model", "alice/volume");
    wait_for_file(&of_alice, "/volume/weights.txt", "secret", true);

    // And the source of a Space that only its page shows.
    set_volume(&bob, &of_bob, "space", "alice/hostile");
    wait_for_file(&of_bob, "/volume/README.md", "sdk:", true);
    set_visibility(&alice, "spaces/alice/hostile", "protected");
    wait_for_file(&of_bob, "/volume/README.md", "sdk:", false);
}

#[test]
fn two_that_mount_each_other_become_private_at_once() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let of_alice = alice.publish_hostile("");
    let of_bob = bob.publish_hostile("");
    set_volume(&alice, &of_alice, "space", &of_bob.id);
    set_volume(&bob, &of_bob, "space", &of_alice.id);
    for space in [&of_alice, &of_bob] {
        wait_for_file(space, "/volume/README.md", "sdk:", true);
    }
    for _ in 0..5 {
        std::thread::scope(|scope| {
            for (hub, space) in [(&alice, &of_alice), (&bob, &of_bob)] {
                scope.spawn(move || {
                    let what = format!("spaces/{}", space.id);
                    set_visibility(hub, &what, "private");
                    set_visibility(hub, &what, "public");
                });
            }
        });
    }
}
