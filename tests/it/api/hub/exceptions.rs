//! The exceptions that `huggingface_hub` turns our answers into.

use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn each_absence_has_its_own_exception() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let output = server.python(&alice.token).run(
        r#"
        get = lambda *a, **k: raised(lambda: api.hf_hub_download(*a, repo_type="space", **k))["type"]
        kind = lambda call: raised(call)["type"]
        say({
            "space": kind(lambda: api.space_info("alice/never")),
            "owner": kind(lambda: api.space_info("never/demo")),
            "runtime": kind(lambda: api.get_space_runtime("alice/never")),
            "restart": kind(lambda: api.restart_space("alice/never")),
            "commit": kind(lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="alice/never", repo_type="space")),
            "revision": kind(lambda: api.space_info("alice/demo", revision="never")),
            "sha": kind(lambda: api.space_info("alice/demo", revision="0" * 40)),
            "tree": kind(lambda: list(api.list_repo_tree("alice/demo", repo_type="space", revision="never"))),
            "file": get("alice/demo", "never.txt"),
            "folder": get("alice/demo", "sub/never.txt"),
            "file's space": get("alice/never", "index.html"),
            "file's revision": get("alice/demo", "index.html", revision="never"),
        })
        "#,
    );
    assert_eq!(
        output,
        json!({
            "space": "RepositoryNotFoundError",
            "owner": "RepositoryNotFoundError",
            "runtime": "RepositoryNotFoundError",
            "restart": "RepositoryNotFoundError",
            "commit": "RepositoryNotFoundError",
            "revision": "RevisionNotFoundError",
            "sha": "RevisionNotFoundError",
            "tree": "RevisionNotFoundError",
            "file": "RemoteEntryNotFoundError",
            "folder": "RemoteEntryNotFoundError",
            "file's space": "RepositoryNotFoundError",
            "file's revision": "RevisionNotFoundError",
        })
    );
}

#[test]
fn a_private_space_does_not_exist_for_others() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice
        .create_with("hidden", json!({"visibility": "private"}))
        .expect(200);
    alice.space("hidden").commit(&static_site("one"));
    for token in [&bob.token, ""] {
        let output = server.python(token).run(
            r#"
            kind = lambda call: raised(call)["type"]
            say([kind(lambda: api.space_info("alice/hidden")), kind(lambda: api.get_space_runtime("alice/hidden")),
                 kind(lambda: api.hf_hub_download("alice/hidden", "index.html", repo_type="space"))])
            "#,
        );
        for kind in output.as_array().unwrap() {
            assert!(kind == "RepositoryNotFoundError", "{output}");
        }
    }
    let own = server
        .python(&alice.token)
        .run(r#"say(api.space_info("alice/hidden").private)"#);
    assert_eq!(own, true);
}

#[test]
fn a_bad_token_is_called_a_bad_token() {
    let server = Server::start();
    for token in [
        "gls_0000000000000000000000000000000000000000",
        "hf_nonsense",
    ] {
        let output = server.python(token).run(r#"say(raised(api.whoami))"#);
        let text = output["text"].as_str().unwrap().to_lowercase();
        assert!(
            text.contains("invalid") && text.contains("token"),
            "{output}"
        );
    }
}

#[test]
fn whoami_says_who() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server
        .python(&alice.token)
        .run(r#"me = api.whoami(); say({k: me[k] for k in ["name", "type", "orgs"]})"#);
    assert_eq!(output, json!({"name": "alice", "type": "user", "orgs": []}));
}
