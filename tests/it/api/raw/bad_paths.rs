//! Commits whose paths are tricks: refused whole, with the path named, and nothing moved.

use crate::support::{Op, Server, static_site};
use serde_json::json;

#[test]
fn each_is_refused_and_nothing_changes() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    for path in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "./a",
        "a/.",
        "a//b",
        "a/",
        ".git",
        ".git/config",
        "a/.git/hooks/post-checkout",
        ".GIT/config",
        ".Git/x",
        "git~1/x",
        "GIT~1",
        ".git./x",
        ".git /x",
        ".g\u{200c}it/x",
        ".git::$INDEX_ALLOCATION/x",
        "a\\b",
        "..\\x",
        "a\u{0}b",
        "a\nb",
        "a\u{7f}b",
        "a\u{1b}[31m",
        &"x/".repeat(600),
    ] {
        for operation in [
            Op::file(path, "x"),
            Op::DeleteFile(path.to_owned()),
            Op::DeleteFolder(path.to_owned()),
        ] {
            let innocent = Op::file("innocent.txt", "x");
            let answer = space.try_commit(None, &[innocent, operation.clone()]);
            assert!(
                (400..500).contains(&answer.status),
                "{operation:?}: {answer:?}"
            );
            assert!(answer.json()["error"].is_string(), "{answer:?}");
        }
    }
    assert_eq!(space.info()["sha"], json!(head));
}

#[test]
fn a_file_is_not_also_a_folder() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&[Op::file("a", "file"), Op::file("d/e", "folder")]);
    for operations in [
        vec![Op::file("a/b", "x")],
        vec![Op::file("d", "x")],
        vec![Op::file("n", "x"), Op::file("n/m", "x")],
    ] {
        let answer = space.try_commit(None, &operations);
        assert!(
            (400..500).contains(&answer.status),
            "{operations:?}: {answer:?}"
        );
    }
    assert_eq!(space.info()["sha"], json!(head));
    // Unless the one goes in the same commit in which the other comes.
    space.commit(&[Op::DeleteFile("a".into()), Op::file("a/b", "x")]);
}

#[test]
fn large_files_are_called_by_the_pointer_nobody_offered() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let line = json!({"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": "0".repeat(64), "size": 3}});
    let answer = space.try_commit(None, &[Op::Raw(line)]);
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert!(answer.json()["error"].is_string());
}

#[test]
fn odd_but_honest_paths_are_kept() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let paths = [
        "a b.txt",
        "ä/ö/日本.txt",
        "%2e%2e/x",
        ".hidden",
        "...",
        "a..b",
        ".github/x.yml",
        "git/x",
        "-x",
        "~",
    ];
    let files: Vec<_> = paths.iter().map(|path| Op::file(path, *path)).collect();
    space.commit(&files);
    let tree = space.api("/tree/main?recursive=true").expect(200).json();
    let names: Vec<_> = tree
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["path"].as_str().unwrap())
        .collect();
    for path in paths {
        assert!(names.contains(&path), "{path} in {names:?}");
    }
}
