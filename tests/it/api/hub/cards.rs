//! What is said of a card before it is committed.

use crate::support::{Op, Server};

/// `publish` uploads a card: what the client raised, what it warned of, and whether there is a commit.
const PUBLISH: &str = r##"
import warnings
api.create_repo("alice/demo", repo_type="space", space_sdk="static")

def publish(lines):
    card = f"---\n{lines}\n---\n# Text\n".encode()
    head = lambda: api.space_info("alice/demo").sha
    before = head()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        error = raised(lambda: api.upload_file(
            path_or_fileobj=card, path_in_repo="README.md", repo_id="alice/demo", repo_type="space"))
    return {"lines": lines, "error": error, "landed": head() != before,
            "warnings": "\n".join(str(one.message) for one in seen)}
"##;

#[test]
fn one_that_no_build_would_take_is_never_committed() {
    let server = Server::with(&[("DOCKER__ENABLED", "false")]);
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(&format!(
        "{PUBLISH}\n{}",
        r##"
cards = {
    "title: x\nsdk: docker": ["README.md:3: ", "needs containers"],
    "title: x\nsdk: [static": ["README.md:", "not valid YAML"],
    "title: x\nSDK: static": ["README.md:3: ", "must be written `sdk`"],
    "title: x\nsdk: wasi\nrequest_timeout: soon": ["README.md:4: ", "1h30m"],
    "title: x\nsdk: wasi\nstorage: 1GiB": ["README.md:4: ", "containers"],
    "title: x\nsdk: quantum\napp_file: ../x": ["README.md:3: ", "README.md:4: "],
}
say([publish(lines) | {"words": words} for lines, words in cards.items()])
"##
    ));
    for card in output.as_array().unwrap() {
        assert_eq!(card["error"]["type"], "ValueError", "{card}");
        assert_eq!(card["landed"], false, "{card}");
        let text = card["error"]["text"].as_str().unwrap();
        for word in card["words"].as_array().unwrap() {
            assert!(text.contains(word.as_str().unwrap()), "{word}: {text}");
        }
        assert!(!text.contains(" at line "), "{text}");
    }
}

#[test]
fn what_is_read_otherwise_than_written_is_said_then_and_in_the_build_log() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(&format!(
        "{PUBLISH}\n{}",
        r##"
cards = {
    "title: x\nsdk: Static": "README.md:3: `sdk: Static` is read as `sdk: static`",
    "title: x\nsdk: wasi\nrequest_timeout: 1h30m": "README.md:4: `request_timeout` is cut to 10m",
    "title: x\nsdk: wasi\nrequest_timeout: 3600": "README.md:4: `request_timeout` is cut to 10m",
    "title: x\nsdk: static\npython-version: 3.11": "README.md:4: `python-version` is not a field",
    "title: x\nsdk: static\nApp_File: a.html": "`app_file` meant",
    "title: x\nsdk: static\ntitle: y": "README.md:4: `title` is given twice",
    "title: x\nsdk: static\nsuggested_hardware: t4-small": "README.md:4: `suggested_hardware: t4-small`",
    "title: x\nsdk: static\nheader: mini": "README.md:4: `header` has no effect here",
    "title: x\nsdk: Static\ntags: a b, c": "README.md:4: `tags: a b, c` must be a list",
}
say([publish(lines) | {"word": word} for lines, word in cards.items()])
"##
    ));
    for card in output.as_array().unwrap() {
        assert!(card["error"].is_null() && card["landed"] == true, "{card}");
        let text = card["warnings"].as_str().unwrap();
        assert!(text.contains(card["word"].as_str().unwrap()), "{card}");
    }
    let space = alice.space("demo");
    space.commit(&[Op::file("index.html", "hello")]);
    space.wait_for("RUNNING");
    let log = space.log("build").join("\n");
    let note = "Note: README.md:4: `tags: a b, c` must be a list";
    assert!(log.contains(note), "{log}");
    let note = "Note: README.md:3: `sdk: Static` is read as `sdk: static`";
    assert!(log.contains(note), "{log}");
    let tags = space.info()["tags"].clone();
    assert_eq!(tags, serde_json::json!(["static", "a b", "c"]));
}
