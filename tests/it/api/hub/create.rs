//! `create_repo`.

use crate::support::Server;
use serde_json::json;

#[test]
fn a_space_is_created_with_a_card_and_nothing_that_runs() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        url = api.create_repo("alice/Demo.One_x", repo_type="space", space_sdk="static")
        info = api.space_info("alice/Demo.One_x")
        say({"url": str(url), "id": url.repo_id, "exists": api.repo_exists("alice/Demo.One_x", repo_type="space"),
             "stage": info.runtime.stage, "sha": info.sha, "files": sorted(s.rfilename for s in info.siblings),
             "sdk": RepoCard.load("alice/Demo.One_x", repo_type="space").data.sdk, "private": info.private})
        "#,
    );
    assert_eq!(output["sha"].as_str().unwrap().len(), 40);
    assert_eq!(
        output,
        json!({"url": format!("{}/spaces/alice/Demo.One_x", server.url()), "id": "alice/Demo.One_x", "exists": true,
               "stage": "NO_APP_FILE", "sha": output["sha"], "files": [".gitattributes", "README.md"], "sdk": "static",
               "private": false})
    );
}

#[test]
fn without_a_namespace_it_is_the_callers() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server
        .python(&alice.token)
        .run(r#"say(api.create_repo("demo", repo_type="space", space_sdk="gradio").repo_id)"#);
    assert_eq!(output, "alice/demo");
}

#[test]
fn exist_ok_finds_the_one_that_is_there() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        create = lambda **more: api.create_repo("alice/demo", repo_type="space", space_sdk="static", **more)
        create()
        error = raised(create)
        # Another SDK is no reason to refuse what exists: `hf upload` always names one.
        again = api.create_repo("alice/demo", repo_type="space", space_sdk="docker", exist_ok=True)
        say({"error": error["type"], "again": again.repo_id})
        "#,
    );
    assert_eq!(
        output,
        json!({"error": "HfHubHTTPError", "again": "alice/demo"})
    );
}

#[test]
fn everything_said_at_creation_holds() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static", visibility="private",
            space_hardware="cpu-upgrade", space_sleep_time=600,
            space_secrets=[{"key": "PASSWORD", "value": "hush", "description": "quiet"}],
            space_variables=[{"key": "MODE", "value": "fast"}])
        runtime = api.get_space_runtime("alice/demo")
        say({"private": api.space_info("alice/demo").private, "hardware": runtime.requested_hardware,
             "sleep": runtime.sleep_time, "secrets": list(api.get_space_secrets("alice/demo")),
             "variables": {k: v.value for k, v in api.get_space_variables("alice/demo").items()}})
        "#,
    );
    assert_eq!(
        output,
        json!({"private": true, "hardware": "cpu-upgrade", "sleep": 600, "secrets": ["PASSWORD"],
               "variables": {"MODE": "fast"}})
    );
}

#[test]
fn nobody_creates_in_the_name_of_another() {
    let server = Server::start();
    let alice = server.user("alice");
    server.user("bob");
    let output = server.python(&alice.token).run(
        r#"say(raised(lambda: api.create_repo("bob/demo", repo_type="space", space_sdk="static")))"#,
    );
    assert_eq!(output["type"], "HfHubHTTPError");
    assert!(output["text"].as_str().unwrap().contains("403"), "{output}");
}
