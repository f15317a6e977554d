//! `upload_file` and `upload_folder`.

use crate::support::Server;
use serde_json::json;

#[test]
fn a_folder_is_published_and_runs() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r##"
        folder = Path("site/sub"); folder.mkdir(parents=True)
        Path("site/README.md").write_text("---\ntitle: Hi\nsdk: static\n---\n# Hi\n")
        Path("site/index.html").write_text("<h1>hello</h1>")
        (folder / "empty.txt").write_text("")
        (folder / "ä b+c%.txt").write_text("odd")
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        commit = api.upload_folder(folder_path="site", repo_id="alice/demo", repo_type="space", commit_message="First")
        runtime = api.wait_for_space("alice/demo", timeout=60)
        say({"oid": commit.oid, "title": commit.commit_message, "stage": runtime.stage,
             "sha": api.space_info("alice/demo").sha,
             "files": sorted(api.list_repo_files("alice/demo", repo_type="space")),
             "commits": [c.title for c in api.list_repo_commits("alice/demo", repo_type="space")]})
        "##,
    );
    assert_eq!(output["stage"], "RUNNING");
    assert_eq!(output["oid"], output["sha"]);
    let files = output["files"].as_array().unwrap();
    for file in ["README.md", "index.html", "sub/empty.txt", "sub/ä b+c%.txt"] {
        assert!(files.contains(&json!(file)), "{file} in {output}");
    }
    assert_eq!(output["commits"][0], "First");
    let page = alice.space("demo").visit("/").expect(200);
    assert_eq!(page.text(), "<h1>hello</h1>");
}

#[test]
fn an_unchanged_folder_makes_no_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        Path("site").mkdir()
        Path("site/README.md").write_text("---\nsdk: static\n---\n")
        Path("site/index.html").write_text("one")
        upload = lambda: api.upload_folder(folder_path="site", repo_id="alice/demo", repo_type="space").oid
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        first = upload(); second = upload()
        Path("site/index.html").write_text("two")
        third = upload()
        say([first, second, third])
        "#,
    );
    assert_eq!(output[0], output[1]);
    assert_ne!(output[1], output[2]);
    alice.space("demo").wait_for("RUNNING");
}

#[test]
fn a_folder_replaces_what_matches_delete_patterns() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        Path("site").mkdir()
        Path("site/README.md").write_text("---\nsdk: static\n---\n")
        Path("site/index.html").write_text("one")
        Path("site/old.js").write_text("old")
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        api.upload_folder(folder_path="site", repo_id="alice/demo", repo_type="space")
        Path("site/old.js").unlink(); Path("site/new.js").write_text("new")
        api.upload_folder(folder_path="site", repo_id="alice/demo", repo_type="space", delete_patterns="*.js")
        say(sorted(api.list_repo_files("alice/demo", repo_type="space")))
        "#,
    );
    let files: Vec<_> = output
        .as_array()
        .unwrap()
        .iter()
        .filter(|file| *file != ".gitattributes")
        .collect();
    assert_eq!(files, ["README.md", "index.html", "new.js"]);
}

#[test]
fn a_file_of_twelve_megabytes_comes_back_as_it_went() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        import hashlib
        content = os.urandom(12_000_000)
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        api.upload_file(path_or_fileobj=content, path_in_repo="big/model.safetensors", repo_id="alice/demo", repo_type="space")
        path = api.hf_hub_download("alice/demo", "big/model.safetensors", repo_type="space")
        say(hashlib.sha256(Path(path).read_bytes()).hexdigest() == hashlib.sha256(content).hexdigest())
        "#,
    );
    assert_eq!(output, true);
}

#[test]
fn ignored_files_stay_behind() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        Path("site").mkdir()
        Path("site/.gitignore").write_text("*.log\n")
        Path("site/index.html").write_text("one")
        Path("site/noise.log").write_text("noise")
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        api.upload_folder(folder_path="site", repo_id="alice/demo", repo_type="space")
        say(api.list_repo_files("alice/demo", repo_type="space"))
        "#,
    );
    let files = output.as_array().unwrap();
    assert!(files.contains(&json!("index.html")), "{output}");
    assert!(!files.contains(&json!("noise.log")), "{output}");
}

#[test]
fn a_card_that_cannot_be_is_refused_before_anything_is_sent() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/demo", repo_type="space", space_sdk="static")
        error = raised(lambda: api.upload_file(path_or_fileobj=b"---\ntitle: T\nsdk: quantum\n---\n",
            path_in_repo="README.md", repo_id="alice/demo", repo_type="space"))
        say({"error": error, "commits": len(api.list_repo_commits("alice/demo", repo_type="space"))})
        "#,
    );
    let text = output["error"]["text"].as_str().unwrap();
    assert!(
        text.contains("README.md:3") && text.contains("quantum") && text.contains("wasi"),
        "{text}"
    );
    assert_eq!(output["commits"], 1);
}
