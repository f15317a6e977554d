//! `hf repos`.

use crate::support::{Server, static_site};

#[test]
fn create_and_delete() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    let create = [
        "repos",
        "create",
        "alice/demo",
        "--type",
        "space",
        "--sdk",
        "static",
    ];
    let made = hf.json(&create);
    assert_eq!(made["repo_id"], "alice/demo");
    let twice = hf.run(&create).failure();
    assert!(twice.contains("409"), "{twice}");
    let mut exist_ok = create.to_vec();
    exist_ok.push("--exist-ok");
    hf.run(&exist_ok).success();
    hf.run(&["repos", "delete", "alice/demo", "--type", "space", "--yes"])
        .success();
    assert_eq!(alice.space("demo").api("").status, 404);
}

#[test]
fn create_with_secrets_and_size() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    hf.run(&[
        "repos",
        "create",
        "alice/demo",
        "--type",
        "space",
        "--sdk",
        "static",
        "--private",
        "--flavor",
        "cpu-upgrade",
        "--sleep-time",
        "300",
        "--secrets",
        "KEY=value",
        "--env",
        "MODE=fast",
    ])
    .success();
    let space = alice.space("demo");
    let runtime = space.runtime();
    assert_eq!(runtime["hardware"]["requested"], "cpu-upgrade");
    assert_eq!(runtime["gcTimeout"], 300);
    assert_eq!(space.info()["private"], true);
    assert!(space.api("/secrets").json()["KEY"].is_object());
    assert_eq!(space.api("/variables").json()["MODE"]["value"], "fast");
}

#[test]
fn files_are_deleted() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    server
        .hf(&alice.token)
        .run(&[
            "repos",
            "delete-files",
            "alice/demo",
            "index.html",
            "--type",
            "space",
        ])
        .success();
    let info = space.info();
    let names: Vec<_> = info["siblings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["rfilename"])
        .collect();
    assert!(
        names.contains(&&"README.md".into()) && !names.contains(&&"index.html".into()),
        "{names:?}"
    );
}
