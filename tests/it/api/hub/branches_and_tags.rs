//! Branches, tags and squashed histories.

use crate::support::Server;
use serde_json::json;

#[test]
fn branches_are_made_committed_to_and_removed() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/tiny")
        put = lambda text, **k: api.upload_file(path_or_fileobj=text, path_in_repo="a", repo_id="alice/tiny", **k).oid
        first = put(b"one"); put(b"two")
        api.create_branch("alice/tiny", branch="dev/x", revision=first)
        taken = raised(lambda: api.create_branch("alice/tiny", branch="dev/x"))["type"]
        api.create_branch("alice/tiny", branch="dev/x", exist_ok=True)
        beside = raised(lambda: api.create_branch("alice/tiny", branch="dev"))["type"]
        bad = raised(lambda: api.create_branch("alice/tiny", branch="a..b"))["type"]
        nowhere = raised(lambda: api.create_branch("alice/tiny", branch="b", revision="never"))["type"]
        put(b"three", revision="dev/x")
        read = lambda revision: Path(hf_hub_download("alice/tiny", "a", revision=revision)).read_text()
        refs = api.list_repo_refs("alice/tiny")
        texts = [read("main"), read("dev/x")]
        api.delete_branch("alice/tiny", branch="dev/x")
        main = raised(lambda: api.delete_branch("alice/tiny", branch="main"))["type"]
        say({"taken": taken, "beside": beside, "bad": bad, "nowhere": nowhere, "texts": texts, "main": main,
             "before": sorted(b.name for b in refs.branches),
             "after": [b.name for b in api.list_repo_refs("alice/tiny").branches]})
        "#,
    );
    assert_eq!(output["taken"], "HfHubHTTPError");
    assert_eq!(output["beside"], "HfHubHTTPError");
    assert_eq!(output["bad"], "BadRequestError");
    assert_eq!(output["nowhere"], "RevisionNotFoundError");
    assert_eq!(output["texts"], json!(["two", "three"]));
    assert_eq!(output["main"], "BadRequestError");
    assert_eq!(output["before"], json!(["dev/x", "main"]));
    assert_eq!(output["after"], json!(["main"]));
}

#[test]
fn tags_hold_a_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/tiny")
        put = lambda text: api.upload_file(path_or_fileobj=text, path_in_repo="a", repo_id="alice/tiny").oid
        first = put(b"one")
        api.create_tag("alice/tiny", tag="v1", tag_message="the first")
        put(b"two")
        api.create_tag("alice/tiny", tag="v0", revision=first)
        taken = raised(lambda: api.create_tag("alice/tiny", tag="v1"))["type"]
        refs = {t.name: t.target_commit == first for t in api.list_repo_refs("alice/tiny").tags}
        text = Path(hf_hub_download("alice/tiny", "a", revision="v1")).read_text()
        api.delete_tag("alice/tiny", tag="v1")
        gone = raised(lambda: api.model_info("alice/tiny", revision="v1"))["type"]
        say({"taken": taken, "refs": refs, "text": text, "gone": gone})
        "#,
    );
    assert_eq!(
        output,
        json!({"taken": "HfHubHTTPError", "refs": {"v0": true, "v1": true}, "text": "one", "gone": "RevisionNotFoundError"})
    );
}

#[test]
fn a_squashed_history_has_the_same_files() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        for n in range(3):
            api.upload_file(path_or_fileobj=f"{n}".encode(), path_in_repo="index.html", repo_id="alice/demo", repo_type="space")
        api.super_squash_history("alice/demo", repo_type="space", commit_message="All of it")
        commits = [c.title for c in api.list_repo_commits("alice/demo", repo_type="space")]
        path = hf_hub_download("alice/demo", "index.html", repo_type="space")
        say({"commits": commits, "text": Path(path).read_text()})
        "#,
    );
    assert_eq!(output, json!({"commits": ["All of it"], "text": "2"}));
}
