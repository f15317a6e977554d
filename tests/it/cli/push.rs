//! `glasshouse push`.

use crate::support::cli::{command, glasshouse, glasshouse_json};
use crate::support::{Server, guests};
use std::fs;
use std::path::PathBuf;

fn folder(server: &Server, readme: &str) -> PathBuf {
    let folder = server.scratch("folder");
    fs::write(folder.join("README.md"), readme).unwrap();
    fs::write(folder.join("index.html"), "pushed").unwrap();
    fs::write(folder.join("app.wasm"), guests::guest("hello")).unwrap();
    folder
}

#[test]
fn a_folder_is_published_and_its_address_printed() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: wasi\n---\n");
    let output = glasshouse(
        &server,
        &alice.token,
        &["push", folder.to_str().unwrap(), "alice/demo"],
    )
    .success();
    let space = alice.space("demo");
    let address = format!("http://alice-demo.localhost:{}", server.address.port());
    assert!(output.stdout.contains(&address), "{output:?}");
    assert_eq!(space.stage(), "RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "hello\n");
}

#[test]
fn without_a_folder_it_is_this_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: static\n---\n");
    fs::create_dir_all(folder.join(".git/objects")).unwrap();
    fs::write(folder.join(".git/config"), "[core]").unwrap();
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/page.html"), "page").unwrap();
    let mut push = command(&server, &alice.token);
    push.args(["push", "alice/demo", "--json"])
        .current_dir(&folder);
    let output = crate::support::cli::Said::of(&mut push).success();
    let json: serde_json::Value =
        serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(json["stage"], "RUNNING", "{json}");
    let space = alice.space("demo");
    assert_eq!(space.visit("/sub/page.html").expect(200).text(), "page");
    assert!(
        !space
            .api("/tree/main?recursive=true")
            .text()
            .contains(".git/config")
    );
}

#[test]
fn pushing_again_publishes_what_changed_and_what_went() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: static\n---\n");
    let path = folder.to_str().unwrap();
    glasshouse(&server, &alice.token, &["push", path, "alice/demo"]).success();
    let space = alice.space("demo");
    let first = space.info()["sha"].clone();
    glasshouse(&server, &alice.token, &["push", path, "alice/demo"]).success();
    assert_eq!(
        space.info()["sha"],
        first,
        "nothing changed, so nothing was committed"
    );
    fs::write(folder.join("index.html"), "changed").unwrap();
    fs::remove_file(folder.join("app.wasm")).unwrap();
    glasshouse(&server, &alice.token, &["push", path, "alice/demo"]).success();
    assert_eq!(space.visit("/").expect(200).text(), "changed");
    assert!(!space.api("/tree/main").text().contains("app.wasm"));
}

#[test]
fn a_build_that_fails_fails_the_push_with_its_reason() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: wasi\n---\n");
    fs::write(folder.join("app.wasm"), "no wasm").unwrap();
    let output = glasshouse(
        &server,
        &alice.token,
        &["push", folder.to_str().unwrap(), "alice/demo"],
    );
    let told = output.failure();
    assert!(
        told.contains("app.wasm") && told.contains("BUILD_ERROR"),
        "{told}"
    );
}

#[test]
fn a_card_that_cannot_be_is_told_with_its_line() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: quantum\n---\n");
    let output = glasshouse(
        &server,
        &alice.token,
        &["push", folder.to_str().unwrap(), "alice/demo"],
    );
    let told = output.failure();
    assert!(
        told.contains("README.md:2") && told.contains("quantum"),
        "{told}"
    );
}

#[test]
fn what_is_wrong_with_the_call_is_said() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = folder(&server, "---\nsdk: static\n---\n");
    let path = folder.to_str().unwrap();
    let missing = glasshouse(
        &server,
        &alice.token,
        &["push", "/never/there", "alice/demo"],
    )
    .failure();
    assert!(missing.contains("/never/there"), "{missing}");
    let name = glasshouse(&server, &alice.token, &["push", path, "alice"]).failure();
    assert!(name.contains("OWNER/NAME"), "{name}");
    let other = glasshouse(&server, &alice.token, &["push", path, "admin/demo"]).failure();
    assert!(other.contains("admin"), "{other}");
    let nobody = glasshouse(&server, "", &["push", path, "alice/demo"]).failure();
    assert!(nobody.contains("HF_TOKEN"), "{nobody}");
    let wrong = glasshouse(&server, "gls_nonsense", &["push", path, "alice/demo"]).failure();
    assert!(
        wrong.to_lowercase().contains("token") || wrong.to_lowercase().contains("credentials"),
        "{wrong}"
    );
    let mut elsewhere = command(&server, &alice.token);
    elsewhere
        .env("HF_ENDPOINT", "http://127.0.0.1:1")
        .args(["push", path, "alice/demo"]);
    let unreachable = crate::support::cli::Said::of(&mut elsewhere).failure();
    assert!(unreachable.contains("127.0.0.1:1"), "{unreachable}");
    drop(glasshouse_json(
        &server,
        &alice.token,
        &["push", path, "alice/demo"],
    ));
}
