//! The right to be executed, of which clients say nothing.

use crate::support::{Git, Server};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_may_be_executed_stays_so_and_scripts_may() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let git = Git::init(&server, "work");
    git.commit(&[
        ("tool", b"\x7fELF\0\x01"),
        ("data", b"\0\x01"),
        ("plain.sh", b"#!/bin/sh\n"),
    ]);
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(git.folder.join("tool"), mode).unwrap();
    git.commit(&[]);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    git.run(&["push", "-q", &address, "main"]).success();
    server.python(&alice.token).run(
        r##"
        api.create_commit("alice/tiny", commit_message="new", operations=[
            CommitOperationCopy("tool", "bin/copied"), CommitOperationCopy("data", "bin/data"),
            CommitOperationAdd("run.sh", b"#!/bin/sh\necho 1\n"), CommitOperationAdd("notes", b"# !"),
            CommitOperationAdd("tool", b"\x7fELF\0\x02"), CommitOperationAdd("plain.sh", b"#!/bin/sh\necho 1\n"),
        ])
        api.upload_file(path_or_fileobj=b"#!/bin/sh\necho 2\n", path_in_repo="run.sh", repo_id="alice/tiny")
        say(True)
        "##,
    );
    let clone = Git::clone(&server, &address, "clone");
    assert_eq!(clone.read("tool"), b"\x7fELF\0\x02");
    let listed = clone.say(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]);
    let expected = [
        "100755 bin/copied",
        "100644 bin/data",
        "100644 data",
        "100644 notes",
        // As it was pushed.
        "100644 plain.sh",
        "100755 run.sh",
        "100755 tool",
    ];
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
}
