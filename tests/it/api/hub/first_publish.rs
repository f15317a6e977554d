//! The first lines that a newcomer types.

use crate::support::{Git, Server};
use serde_json::json;

/// A folder to be published.
fn folder(server: &Server, files: &[(&str, &[u8])]) -> String {
    let folder = server.scratch("my-folder");
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_folder_with_a_page_alone_is_shown() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, &[("index.html", b"<h1>hello</h1>")]);
    let hf = server.hf(&alice.token);
    hf.run(&["upload", "alice/demo", &folder, ".", "--type", "space"])
        .success();
    let space = alice.space("demo");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "<h1>hello</h1>");
    assert_eq!(space.info()["sdk"], "static");
    // It says what has decided.
    let log = space.log("build").join("\n");
    assert!(log.contains("the Space has `index.html`"), "{log}");
}

#[test]
fn a_card_of_the_folders_own_is_kept() {
    let server = Server::start();
    let alice = server.user("alice");
    let card = b"---\ntitle: Mine\nsdk: static\napp_file: page.html\n---\n";
    let folder = folder(&server, &[("README.md", card), ("page.html", b"mine")]);
    let hf = server.hf(&alice.token);
    hf.run(&["upload", "alice/demo", &folder, ".", "--type", "space"])
        .success();
    let space = alice.space("demo");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "mine");
    assert_eq!(space.info()["cardData"]["title"], "Mine");
}

#[test]
fn what_was_only_created_is_empty_and_says_no_more() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("demo", json!({"sdk": "gradio"}))
        .expect(200);
    let space = alice.space("demo");
    let runtime = space.runtime();
    assert_eq!(runtime["stage"], "NO_APP_FILE");
    assert!(runtime["errorMessage"].is_null(), "{runtime}");
    let unknown = alice.create_with("other", json!({"sdk": "quantum"}));
    assert!(unknown.expect(400).text().contains("`static`"));
}

#[test]
fn a_repository_of_ones_own_is_pushed_to_a_new_space() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let git = Git::init(&server, "work");
    git.commit(&[("index.html", b"mine")]);
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    git.run(&["push", &address, "main"]).success();
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "mine");
    assert_eq!(space.info()["sha"], git.say(&["rev-parse", "HEAD"]));

    // From here on it has a history, which nobody replaces without force.
    let other = Git::init(&server, "other");
    other.commit(&[("index.html", b"theirs")]);
    let output = other.run(&["push", &address, "main"]).failure();
    assert!(output.contains("rejected"), "{output}");
}

#[test]
fn what_a_space_was_made_as_counts_where_its_card_is_gone() {
    let server = Server::with(&[("DOCKER__ENABLED", "false")]);
    let alice = server.user("alice");
    alice
        .create_with("demo", json!({"sdk": "gradio"}))
        .expect(200);
    let space = alice.space("demo");
    let git = Git::init(&server, "work");
    git.commit(&[("app.py", b"import gradio")]);
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    git.run(&["push", &address, "main"]).success();
    space.wait_for("CONFIG_ERROR");
    // It is read as what it is; here it may not run.
    let message = space.error_message();
    assert!(
        message.contains("`sdk: gradio` needs containers"),
        "{message}"
    );
}

#[test]
fn a_clone_of_a_new_space_is_pushed_back() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let git = Git::clone(&server, &address, "work");
    git.commit(&[("index.html", b"cloned")]);
    git.run(&["push"]).success();
    space.wait_for("RUNNING");
    assert_eq!(git.say(&["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(space.visit("/").expect(200).text(), "cloned");
}
