//! Models and datasets in the files of a guest: those of its card and its volumes, to be read and nothing else.

use std::time::Duration;

use serde_json::json;

use crate::support::hub::commit_body;
use crate::support::{Hub, Op, Request, Server, Space, eventually, guests};

/// A repository with `weights.txt` and `sub/more.txt`.
fn fill(hub: &Hub<'_>, kind: &str, name: &str, weights: &str) {
    hub.create_with(name, json!({"type": kind})).expect(200);
    commit(hub, kind, name, weights);
}

fn commit(hub: &Hub<'_>, kind: &str, name: &str, weights: &str) {
    let body = commit_body(
        None,
        &[
            Op::file("weights.txt", weights),
            Op::file("sub/more.txt", "more"),
        ],
    );
    let target = format!("/api/{kind}s/{}/{name}/commit/main", hub.name);
    hub.send(Request::post(target).body(body)).expect(200);
}

fn asked(space: &Space<'_>, target: &str) -> String {
    space.visit(target).expect(200).text()
}

#[test]
fn what_the_card_names_is_there_to_be_read() {
    let server = Server::start();
    let alice = server.user("alice");
    fill(&alice, "model", "tiny", "first");
    fill(&alice, "dataset", "rows", "the rows");
    let card = "models: [alice/tiny, google/not-here]\ndatasets: [alice/rows]";
    let space = alice.publish_hostile(card);
    let weights = "/read?path=/models/alice/tiny/weights.txt";
    assert_eq!(asked(&space, weights), "first");
    assert_eq!(
        asked(&space, "/read?path=/datasets/alice/rows/sub/more.txt"),
        "more"
    );
    let mut names: Vec<_> = asked(&space, "/dir?path=/models/alice/tiny")
        .lines()
        .map(str::to_owned)
        .collect();
    names.sort();
    assert_eq!(names, [".gitattributes", "sub", "weights.txt"]);
    let log = space.log("run").join("\n");
    assert!(
        log.contains("alice/tiny at ") && log.contains("/models/alice/tiny, read-only"),
        "{log}"
    );
    assert!(
        log.contains("google/not-here, which is not on this server"),
        "{log}"
    );

    // What is mounted is a commit; the next start sees the next one.
    commit(&alice, "model", "tiny", "second");
    assert_eq!(asked(&space, weights), "first");
    space.post("/restart", &json!({})).expect(200);
    eventually(Duration::from_secs(20), "the second", || {
        (asked(&space, weights) == "second").then_some(())
    });
}

#[test]
fn nothing_else_of_the_host_is_there_and_nothing_can_be_changed() {
    let server = Server::start();
    let alice = server.user("alice");
    fill(&alice, "model", "tiny", "first");
    let space = alice.publish_hostile("models: [alice/tiny]");
    for path in [
        "/etc/passwd",
        "/models/alice/tiny/../../../etc/passwd",
        "/models/alice/tiny/../weights.txt",
        "/models/alice/tiny/sub/../../x",
        "/proc/self/environ",
        "/models",
        "weights.txt",
    ] {
        let output = asked(&space, &format!("/read?path={path}"));
        assert!(output.starts_with("error:"), "{path}: {output}");
    }
    assert_eq!(
        asked(&space, "/write?path=/models/alice/tiny/weights.txt"),
        "[]\n"
    );
    assert_eq!(
        asked(&space, "/read?path=/models/alice/tiny/weights.txt"),
        "first"
    );
}

#[test]
fn few_files_are_open_at_once() {
    let server = Server::start();
    let alice = server.user("alice");
    fill(&alice, "model", "tiny", "first");
    let space = alice.publish_hostile("models: [alice/tiny]");
    let answer = space.visit("/open?path=/models/alice/tiny/weights.txt&n=100000");
    // The engine refuses one more resource by an error or by ending the guest.
    if answer.status == 200 {
        let opened: usize = answer.text().trim().parse().unwrap();
        assert!((16..128).contains(&opened), "{opened}");
    }
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.process()));
    assert!(descriptors.unwrap().count() < 200);
    assert_eq!(
        asked(&space, "/read?path=/models/alice/tiny/weights.txt"),
        "first"
    );
}

#[test]
fn a_volume_and_a_private_model() {
    let server = Server::start();
    let alice = server.user("alice");
    let bob = server.user("bob");
    fill(&alice, "model", "tiny", "first");
    bob.create_with("secret", json!({"type": "model", "private": true}))
        .expect(200);
    commit(&bob, "model", "secret", "bob's");
    let space = alice.publish_hostile("models: [bob/secret]");
    let output = asked(&space, "/read?path=/models/bob/secret/weights.txt");
    assert!(output.starts_with("error:"), "{output}");
    let volume =
        json!({"type": "model", "source": "alice/tiny", "mountPath": "/weights", "path": "sub"});
    let request = Request::new("PUT", "/api/spaces/alice/hostile/volumes")
        .json(&json!({"volumes": [volume]}));
    alice.send(request).expect(200);
    eventually(Duration::from_secs(20), "the volume", || {
        (asked(&space, "/read?path=/weights/more.txt") == "more").then_some(())
    });
    let output = asked(&space, "/read?path=/weights/weights.txt");
    assert!(output.starts_with("error:"), "{output}");
}

#[test]
fn who_leaves_an_organization_has_its_files_no_longer() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    let made = server.admin().post("/api/admin/organizations", &lab);
    made.expect(201);
    let member = Request::new("PUT", "/api/organizations/lab/members/bob");
    alice
        .send(member.json(&json!({"role": "read"})))
        .expect(200);
    let body = json!({"type": "model", "private": true, "organization": "lab"});
    alice.create_with("secret", body).expect(200);
    let weights = [Op::file("weights.txt", "the lab's")];
    let target = "/api/models/lab/secret/commit/main";
    let commit = Request::post(target).body(commit_body(None, &weights));
    alice.send(commit).expect(200);
    let space = bob.publish_hostile("models: [lab/secret]");
    let path = "/read?path=/models/lab/secret/weights.txt";
    assert_eq!(asked(&space, path), "the lab's");
    let leave = Request::new("DELETE", "/api/organizations/lab/members/bob");
    alice.send(leave).expect(200);
    eventually(Duration::from_secs(20), "it is gone", || {
        asked(&space, path).starts_with("error:").then_some(())
    });
}

#[test]
fn a_laid_out_file_that_no_repository_has_any_more_counts() {
    const MIB: u64 = 1 << 20;
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let sent = server
        .python(&alice.token)
        .setting("HF_HUB_DISABLE_XET", "1");
    sent.run(
        r#"
        import os
        api.upload_file(path_or_fileobj=os.urandom(12 << 20), path_in_repo="big.bin", repo_id="alice/tiny")
        say(True)
        "#,
    );
    let space = alice.publish_hostile("models: [alice/tiny]");
    asked(&space, "/read?path=/models/alice/tiny/big.bin");
    let used = || {
        let quota = alice.get("/api/quota").expect(200).json();
        quota["quotas"]["disk"]["used"].as_u64().unwrap()
    };
    // The repository's, once.
    assert!((12 * MIB..16 * MIB).contains(&used()), "{}", used());
    let body = json!({"name": "tiny", "type": "model"});
    let delete = Request::new("DELETE", "/api/repos/delete").json(&body);
    alice.send(delete).expect(200);
    assert!((12 * MIB..16 * MIB).contains(&used()), "{}", used());
}

#[test]
fn a_command_is_told_that_it_has_none() {
    let server = Server::start();
    let alice = server.user("alice");
    fill(&alice, "model", "tiny", "first");
    let space = alice.publish("demo", &guests::wasi("command", "models: [alice/tiny]"));
    space.visit("/").expect(200);
    let log = space.log("run").join("\n");
    assert!(log.contains("Build the app as a component"), "{log}");
}
