//! Pushes of what a commit through the API could not hold: each is refused whole, with its reason, and leaves nothing.

use std::fs;

use crate::support::{Git, Hub, Request, Server};
use serde_json::json;

fn tiny<'a>(server: &'a Server, name: &str) -> (Hub<'a>, Git, String) {
    let alice = server.user("alice");
    alice
        .create_with(name, json!({"type": "model"}))
        .expect(200);
    let address = Git::address(server, "alice", &alice.token, &format!("alice/{name}"));
    let git = Git::init(server, "work");
    git.commit(&[("ok.txt", b"fine")]);
    (alice, git, address)
}

/// Pushes `main`, which must be refused; nothing of it may be seen.
#[track_caller]
fn refused(alice: &Hub<'_>, git: &Git, address: &str) -> String {
    let refs = || alice.get("/api/models/alice/tiny/refs").expect(200).json();
    let before = refs();
    let message = git.run(&["push", address, "main"]).failure();
    assert_eq!(refs(), before, "{message}");
    message
}

#[test]
fn links_submodules_and_names_of_git() {
    let server = Server::start();
    let (alice, git, address) = tiny(&server, "tiny");
    std::os::unix::fs::symlink("/etc/passwd", git.folder.join("link")).unwrap();
    git.commit(&[]);
    let message = refused(&alice, &git, &address);
    assert!(message.contains("`link` is a symbolic link"), "{message}");

    git.run(&["rm", "-q", "link"]).success();
    let head = git.say(&["rev-parse", "HEAD"]);
    let module = format!("160000,{head},sub");
    git.run(&["update-index", "--add", "--cacheinfo", &module])
        .success();
    git.run(&["commit", "-q", "-m", "a submodule"]).success();
    let message = refused(&alice, &git, &address);
    // The link is still in the history, and so is found first.
    assert!(
        message.contains("symbolic link") || message.contains("submodule"),
        "{message}"
    );
}

#[test]
fn trees_that_no_honest_git_writes() {
    let server = Server::start();
    let (alice, git, address) = tiny(&server, "tiny");
    let blob = git.say(&["hash-object", "-w", "ok.txt"]);
    let tree = |lines: String| {
        let listing = git.folder.join("listing");
        fs::write(&listing, lines).unwrap();
        let made = git
            .command()
            .args(["mktree", "--missing"])
            .stdin(fs::File::open(&listing).unwrap())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    };
    let file = |name: &str| tree(format!("100644 blob {blob}\t{name}\n"));
    let deep = (0..70).fold(file("leaf"), |inner, _| {
        tree(format!("040000 tree {inner}\td\n"))
    });
    for (tree, reason) in [
        (file(".git"), "git"),
        (file(".GIT"), "git"),
        (file("git~1"), "git"),
        (file(".."), ""),
        (file("a\\\\b"), "backslash"),
        (file(&"x".repeat(300)), "longer than 255"),
        (deep, "64 folders deep"),
        (
            tree(format!("160000 commit {}\tsub\n", "1".repeat(40))),
            "submodule",
        ),
        (tree(format!("120000 blob {blob}\tlink\n")), "symbolic link"),
    ] {
        let commit = git.say(&["commit-tree", &tree, "-m", "hostile"]);
        git.run(&["update-ref", "refs/heads/main", &commit])
            .success();
        let message = refused(&alice, &git, &address);
        assert!(
            message.contains("rejected") && message.contains(reason),
            "{reason}: {message}"
        );
    }
}

#[test]
fn names_that_are_no_branches() {
    let server = Server::start();
    let (alice, git, address) = tiny(&server, "tiny");
    for name in [
        "refs/notes/x",
        "refs/heads/main/x",
        "refs/pr/1",
        "refs/heads/refs/x",
    ] {
        let message = git
            .run(&["push", &address, &format!("main:{name}")])
            .failure();
        assert!(message.contains("rejected"), "{name}: {message}");
    }
    let refs = alice.get("/api/models/alice/tiny/refs").expect(200).json();
    assert_eq!(refs["branches"].as_array().unwrap().len(), 1, "{refs}");
}

#[test]
fn more_than_the_limits() {
    let server = Server::with(&[("REPO__FILE_BYTES", "64 KiB"), ("REPO__TREE_FILES", "10")]);
    let (alice, git, address) = tiny(&server, "tiny");
    let noise: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    git.commit(&[("sub/big.bin", &noise)]);
    let message = refused(&alice, &git, &address);
    assert!(
        message.contains("`sub/big.bin` is larger than the 64 KiB"),
        "{message}"
    );
    // Removed later, it is in the history all the same.
    git.run(&["rm", "-q", "sub/big.bin"]).success();
    git.commit(&[]);
    let message = refused(&alice, &git, &address);
    assert!(message.contains("larger than the 64 KiB"), "{message}");

    let many = Git::init(&server, "many");
    let files: Vec<_> = (0..11).map(|n| format!("f{n}")).collect();
    let files: Vec<_> = files
        .iter()
        .map(|name| (name.as_str(), &b"x"[..]))
        .collect();
    many.commit(&files);
    let message = refused(&alice, &many, &address);
    assert!(message.contains("at most 10 are allowed"), "{message}");
}

#[test]
fn what_is_not_gits_protocol() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let zero = "0".repeat(40);
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let one = "1".repeat(40);
    for (body, status) in [
        ("nonsense".to_owned(), 400),
        ("ffff".to_owned(), 400),
        (line("what is this"), 200),
        (
            line(&format!("{zero} {one} refs/heads/main\0 report-status")) + "0000",
            200,
        ),
        (
            line(&format!("{zero} {one} refs/heads/main\0 report-status"))
                + "0000PACK\0\0\0\x02\0\0\0\x01junk",
            200,
        ),
        (
            line(&format!("{one} {zero} refs/heads/other\0 report-status")) + "0000",
            200,
        ),
        ("0000".to_owned(), 200),
    ] {
        let request = Request::post("/alice/tiny/git-receive-pack")
            .header("content-type", "application/x-git-receive-pack-request")
            .body(body.clone());
        let answer = alice.send(request);
        assert_eq!(answer.status, status, "{body:?}: {answer:?}");
        assert!(
            !answer.text().contains("\nok ") && !answer.text().contains("000eok"),
            "{body:?}: {answer:?}"
        );
    }
    let nonsense = [
        ("/alice/tiny/info/refs?service=git-upload-pack%3Bls", ""),
        ("/alice/tiny/info/refs", ""),
        ("/alice/tiny/git-upload-pack", "0011want nothing0000"),
        ("/alice/tiny/git-upload-pack", "ffff"),
    ];
    // Git ends after its first words or before them, as it happens.
    for (target, body) in [nonsense; 5].concat() {
        let request = match body {
            "" => Request::get(target),
            body => Request::post(target).body(body),
        };
        let answer = alice.send(request);
        assert_eq!(answer.status, 400, "{target}: {answer:?}");
        assert!(!answer.text().is_empty(), "{target}");
    }
}
