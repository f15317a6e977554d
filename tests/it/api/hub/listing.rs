//! `list_repo_tree`, `get_paths_info`, `list_repo_refs`, `list_spaces`.

use crate::support::{Op, Server, static_site};
use serde_json::json;

#[test]
fn trees_list_files_and_folders() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[
        Op::file("a.txt", "12345"),
        Op::file("b/c.txt", "1"),
        Op::file("b/d/e.txt", "2"),
    ]);
    let output = server.python(&alice.token).run(
        r#"
        def tree(path=None, **more):
            found = api.list_repo_tree("alice/demo", path, repo_type="space", **more)
            return {e.path: getattr(e, "size", None) for e in found if e.path not in (".gitattributes", "README.md")}
        expanded = {e.path: e.last_commit.title for e in
                    api.list_repo_tree("alice/demo", repo_type="space", expand=True) if e.path == "a.txt"}
        info = api.get_paths_info("alice/demo", ["a.txt", "b", "never"], repo_type="space")
        say({"top": tree(), "all": tree(recursive=True), "b/d": tree("b/d"), "expanded": expanded,
             "info": {e.path: type(e).__name__ for e in info},
             "missing": raised(lambda: tree("never"))["type"]})
        "#,
    );
    assert_eq!(output["top"], json!({"a.txt": 5, "b": null}));
    assert_eq!(
        output["all"],
        json!({"a.txt": 5, "b": null, "b/c.txt": 1, "b/d": null, "b/d/e.txt": 1})
    );
    assert_eq!(output["b/d"], json!({"b/d/e.txt": 1}));
    assert_eq!(output["expanded"], json!({"a.txt": "a commit"}));
    assert_eq!(
        output["info"],
        json!({"a.txt": "RepoFile", "b": "RepoFolder"})
    );
    assert_eq!(output["missing"], "RemoteEntryNotFoundError");
}

#[test]
fn a_tree_of_many_pages_is_read_to_its_end() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let files: Vec<_> = (0..2345)
        .map(|n| Op::file(&format!("f/{n:04}"), "x"))
        .collect();
    space.commit(&files);
    let output = server.python(&alice.token).run(
        r#"
        plain = [e.path for e in api.list_repo_tree("alice/demo", "f", repo_type="space", recursive=True)]
        first = [e.path for e in api.list_repo_tree("alice/demo", "f", repo_type="space", expand=True)][:120]
        say({"count": len(plain), "distinct": len(set(plain)), "expanded": first == plain[:120]})
        "#,
    );
    assert_eq!(
        output,
        json!({"count": 2345, "distinct": 2345, "expanded": true})
    );
}

#[test]
fn branches_and_commits_are_listed() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let head = space.commit(&[Op::file("index.html", "two")]);
    let output = server.python(&alice.token).run(
        r#"
        refs = api.list_repo_refs("alice/demo", repo_type="space")
        commits = api.list_repo_commits("alice/demo", repo_type="space")
        say({"branches": {b.name: b.target_commit for b in refs.branches}, "newest": commits[0].commit_id,
             "authors": commits[0].authors, "created": commits[0].created_at.year > 2000})
        "#,
    );
    assert_eq!(output["branches"], json!({"main": head}));
    assert_eq!(output["newest"], json!(head));
    assert_eq!(output["authors"], json!(["alice"]));
    assert_eq!(output["created"], true);
}

#[test]
fn spaces_are_listed_to_those_who_may_see_them() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("one");
    alice.create("two");
    bob.create("three");
    alice
        .create_with("hidden", json!({"visibility": "private"}))
        .expect(200);
    let list = r#"
        names = lambda **more: sorted(s.id for s in api.list_spaces(**more))
        say({"all": names(), "alice": names(author="alice"), "search": names(search="thre"), "limit": len(names(limit=2))})
    "#;
    let theirs = server.python(&bob.token).run(list);
    assert_eq!(
        theirs["all"],
        json!(["alice/one", "alice/two", "bob/three"])
    );
    assert_eq!(theirs["alice"], json!(["alice/one", "alice/two"]));
    assert_eq!(theirs["search"], json!(["bob/three"]));
    assert_eq!(theirs["limit"], 2);
    let own = server.python(&alice.token).run(list);
    assert_eq!(
        own["alice"],
        json!(["alice/hidden", "alice/one", "alice/two"])
    );
    let nobody = server.python("").run(list);
    assert_eq!(nobody["all"], theirs["all"]);
}
