//! `create_commit`: parents, deletions, many operations at once.

use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn a_stale_parent_is_a_conflict_and_changes_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let output = server.python(&alice.token).run(
        r#"
        commit = lambda text, parent: api.create_commit("alice/demo", repo_type="space", commit_message="m",
            operations=[CommitOperationAdd("index.html", text)], parent_commit=parent)
        first = api.space_info("alice/demo").sha
        second = commit(b"two", first).oid
        error = raised(lambda: commit(b"three", first))
        page = Path(api.hf_hub_download("alice/demo", "index.html", repo_type="space")).read_text()
        say({"error": error, "head": api.space_info("alice/demo").sha == second, "page": page})
        "#,
    );
    assert_eq!(output["head"], true);
    assert_eq!(output["page"], "two");
    let text = output["error"]["text"].as_str().unwrap();
    assert!(text.contains("412") || text.contains("409"), "{text}");
}

#[test]
fn files_and_folders_are_deleted() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        add = [CommitOperationAdd(path, b"x") for path in ["a.txt", "b/c.txt", "b/d/e.txt", "f.txt"]]
        api.create_commit("alice/demo", repo_type="space", operations=add, commit_message="add")
        api.delete_file("a.txt", "alice/demo", repo_type="space")
        api.delete_folder("b", "alice/demo", repo_type="space")
        missing = raised(lambda: api.delete_file("never.txt", "alice/demo", repo_type="space"))
        say({"files": api.list_repo_files("alice/demo", repo_type="space"), "missing": missing})
        "#,
    );
    let files = output["files"].as_array().unwrap();
    assert!(files.contains(&json!("f.txt")), "{output}");
    for gone in ["a.txt", "b/c.txt", "b/d/e.txt"] {
        assert!(!files.contains(&json!(gone)), "{output}");
    }
    assert_ne!(output["missing"], json!(null));
}

#[test]
fn a_commit_of_a_thousand_files_is_one_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        before = len(api.list_repo_commits("alice/demo", repo_type="space"))
        add = [CommitOperationAdd(f"data/{n % 10}/{n}.txt", str(n).encode()) for n in range(1000)]
        api.create_commit("alice/demo", repo_type="space", operations=add, commit_message="many")
        files = api.list_repo_files("alice/demo", repo_type="space")
        path = api.hf_hub_download("alice/demo", "data/7/997.txt", repo_type="space")
        say({"commits": len(api.list_repo_commits("alice/demo", repo_type="space")) - before,
             "files": len([f for f in files if f.startswith("data/")]), "text": Path(path).read_text()})
        "#,
    );
    assert_eq!(output, json!({"commits": 1, "files": 1000, "text": "997"}));
}

#[test]
fn of_two_commits_at_once_none_is_lost() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        from concurrent.futures import ThreadPoolExecutor
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        def commit(n):
            for _ in range(20):
                error = raised(lambda: api.create_commit("alice/demo", repo_type="space", commit_message=str(n),
                    operations=[CommitOperationAdd(f"{n}.txt", b"x")]))
                if error is None:
                    return True
            return error
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(commit, range(12)))
        files = api.list_repo_files("alice/demo", repo_type="space")
        say({"done": done, "missing": [n for n in range(12) if f"{n}.txt" not in files]})
        "#,
    );
    assert_eq!(output, json!({"done": vec![true; 12], "missing": []}));
}
