//! `hf upload` and `hf download`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::cli::Said;
use crate::support::{Git, Server};

#[test]
fn a_folder_goes_up_runs_and_comes_down() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    let folder = server.scratch("site");
    fs::create_dir_all(folder.join("img")).unwrap();
    fs::write(folder.join("README.md"), "---\nsdk: static\n---\n").unwrap();
    fs::write(folder.join("index.html"), "from hf").unwrap();
    fs::write(folder.join("img/dot.png"), [137, 80, 78, 71, 0, 255]).unwrap();
    // `hf upload` creates the Space first, always as one of Gradio: the card decides.
    hf.run(&[
        "upload",
        "alice/demo",
        folder.to_str().unwrap(),
        ".",
        "--type",
        "space",
    ])
    .success();
    let space = alice.space("demo");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "from hf");
    // Once more, now that it exists.
    fs::write(folder.join("index.html"), "from hf again").unwrap();
    hf.run(&[
        "upload",
        "alice/demo",
        folder.to_str().unwrap(),
        ".",
        "--type",
        "space",
    ])
    .success();
    let down = server.scratch("down");
    hf.run(&[
        "download",
        "alice/demo",
        "--type",
        "space",
        "--local-dir",
        down.to_str().unwrap(),
    ])
    .success();
    assert_eq!(
        fs::read_to_string(down.join("index.html")).unwrap(),
        "from hf again"
    );
    assert_eq!(
        fs::read(down.join("img/dot.png")).unwrap(),
        [137, 80, 78, 71, 0, 255]
    );
}

#[test]
fn a_wasm_guest_is_published_with_two_commands() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    let folder = server.scratch("hello");
    fs::write(folder.join("README.md"), "---\nsdk: wasi\n---\n").unwrap();
    fs::write(
        folder.join("app.wasm"),
        crate::support::guests::guest("hello"),
    )
    .unwrap();
    hf.run(&[
        "upload",
        "alice/hello",
        folder.to_str().unwrap(),
        ".",
        "--type",
        "space",
    ])
    .success();
    hf.run(&["spaces", "wait", "alice/hello", "--timeout", "60s"])
        .success();
    assert_eq!(
        alice.space("hello").visit("/").expect(200).text(),
        "hello\n"
    );
}

#[test]
fn one_file_goes_up_and_down() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf(&alice.token);
    let folder = server.scratch("one");
    fs::write(folder.join("note.txt"), "a note").unwrap();
    let file = folder.join("note.txt");
    hf.run(&[
        "upload",
        "spaces/alice/demo",
        file.to_str().unwrap(),
        "notes/first.txt",
    ])
    .success();
    let output = hf.json(&["download", "spaces/alice/demo", "notes/first.txt"]);
    assert_eq!(
        fs::read_to_string(output["path"].as_str().unwrap()).unwrap(),
        "a note"
    );
    let missing = hf
        .run(&["download", "spaces/alice/demo", "never.txt"])
        .failure();
    assert!(missing.contains("never.txt"), "{missing}");
}

#[test]
fn git_lfs_sends_parts_by_the_agent_of_hf() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let git = Git::init(&server, "work");
    let hf = server.python(&alice.token).command("hf");
    let programs = Path::new(hf.get_program()).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let run = |mut command: Command, arguments: &[&str]| {
        // git-lfs tells in its trace which way a file goes.
        let command = command.env("PATH", &path).env("GIT_TRACE", "1");
        Said::of(command.current_dir(&git.folder).args(arguments)).success()
    };
    run(git.command(), &["lfs", "install", "--local"]);
    run(git.command(), &["lfs", "track", "*.bin"]);
    run(hf, &["lfs-enable-largefiles", "."]);
    let mut bytes = vec![5; 130 << 20];
    bytes[100 << 20] = 6;
    git.commit(&[("weights.bin", &bytes)]);
    let address = Git::address(&server, "alice", &alice.token, "alice/tiny");
    run(git.command(), &["remote", "add", "origin", &address]);
    let output = run(git.command(), &["push", "-q", "origin", "main"]);
    assert!(output.stderr.contains("multipart"), "{output:?}");
    let file = alice
        .get("/alice/tiny/resolve/main/weights.bin")
        .expect(200);
    assert!(file.body == bytes, "other bytes");
}
