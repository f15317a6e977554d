//! Whatever is sent to the routes that `/api/openapi.json` names, and however wrong, the answer is no failure of ours.

use std::fs;

use crate::support::{Op, Server, static_site};

/// `501` is what the Hub offers and Glasshouse does not, said so. What comes after a repository's name is tried on one
/// that is there.
const SETTINGS: &str = r#"
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[parameters]
owner = "admin"
name = "demo"
revision = "main"
"#;

/// Streams without an end, and bodies that are no JSON: those have tests of their own.
const LEFT_OUT: &str = "/logs/|/git-|/v1/|/commit/|^/lfs/";

/// Runs schemathesis on all operations but [`LEFT_OUT`].
pub(super) fn schemathesis(server: &Server, settings: &str, token: &str, arguments: &[&str]) {
    let folder = server.scratch("fuzz");
    let file = folder.join("schemathesis.toml");
    fs::write(&file, settings).unwrap();
    let python = server.python(token).of("test-venv-fuzz");
    let mut command = python.command("schemathesis");
    command
        // Where it remembers what failed.
        .current_dir(&folder)
        .arg("--config-file")
        .arg(&file)
        .arg("run")
        .arg(format!("{}/api/openapi.json", server.url()))
        .args(arguments)
        .args(["--exclude-path-regex", LEFT_OUT])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(["--request-timeout", "30", "--continue-on-failure"]);
    if !token.is_empty() {
        command
            .arg("--header")
            .arg(format!("Authorization: Bearer {token}"));
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", server.log());
    let tested = text.split("Tested: ").nth(1).unwrap_or_default();
    let tested: usize = tested.split_whitespace().next().unwrap().parse().unwrap();
    assert!(tested > 130, "{text}");
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    server.anonymous().get("/healthz").expect(200);
}

fn fuzz(server: &Server, settings: &str, token: &str, phases: &str) {
    let checks = ["--checks", "not_a_server_error", "--max-examples", "10"];
    let arguments = [&checks[..], &["--phases", phases]].concat();
    schemathesis(server, settings, token, &arguments);
}

#[test]
fn an_operators_nonsense_is_no_failure_of_ours() {
    let server = Server::start();
    let admin = server.admin();
    admin.publish("demo", &static_site("one"));
    for kind in ["model", "dataset"] {
        let made = serde_json::json!({ "type": kind });
        admin.create_with("demo", made).expect(200);
    }
    admin.space("demo").commit(&[Op::file("more.txt", "more")]);
    fuzz(&server, SETTINGS, &server.admin_token(), "coverage,fuzzing");
}

#[test]
fn a_strangers_nonsense_is_no_failure_of_ours() {
    let server = Server::start();
    let settings = SETTINGS.split("[parameters]").next().unwrap();
    // What is looked at before a token is: no edge of a schema is that.
    fuzz(&server, settings, "", "fuzzing");
}
