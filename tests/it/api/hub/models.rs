//! Models.

use crate::support::Server;
use serde_json::json;

#[test]
fn a_model_goes_up_and_comes_down() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r##"
        url = api.create_repo("alice/tiny")
        again = api.create_repo("alice/tiny", exist_ok=True)
        Path("m/sub").mkdir(parents=True)
        Path("m/README.md").write_text("---\nlicense: mit\nlibrary_name: transformers\npipeline_tag: text-generation\ntags: [tiny]\n---\n# Tiny\n")
        Path("m/config.json").write_text("{}")
        Path("m/sub/weights.bin").write_bytes(bytes(range(256)) * 100)
        commit = api.upload_folder(folder_path="m", repo_id="alice/tiny", commit_message="First")
        down = Path(snapshot_download("alice/tiny"))
        one = Path(hf_hub_download("alice/tiny", "config.json", revision=commit.oid))
        info = api.model_info("alice/tiny", files_metadata=True)
        say({"url": str(url), "again": again.repo_id, "commit": commit.commit_url,
             "same": (down / "sub/weights.bin").read_bytes() == bytes(range(256)) * 100, "one": one.read_text(),
             "info": [info.id, info.sha == commit.oid, info.pipeline_tag, info.library_name, info.private, info.likes],
             "tags": sorted(info.tags), "size": {s.rfilename: s.size for s in info.siblings}["config.json"],
             "license": info.card_data["license"], "exists": api.file_exists("alice/tiny", "config.json"),
             "as a space": api.repo_exists("alice/tiny", repo_type="space")})
        "##,
    );
    let url = server.url();
    assert_eq!(output["url"], format!("{url}/alice/tiny"));
    assert_eq!(output["again"], "alice/tiny");
    let commit = output["commit"].as_str().unwrap();
    assert!(
        commit.starts_with(&format!("{url}/alice/tiny/commit/")),
        "{commit}"
    );
    assert_eq!(output["same"], true);
    assert_eq!(output["one"], "{}");
    let facts = json!([
        "alice/tiny",
        true,
        "text-generation",
        "transformers",
        false,
        0
    ]);
    assert_eq!(output["info"], facts);
    let tags = json!(["license:mit", "text-generation", "tiny", "transformers"]);
    assert_eq!(output["tags"], tags);
    assert_eq!(output["size"], 2);
    assert_eq!(output["license"], "mit");
    assert_eq!(output["exists"], true);
    assert_eq!(output["as a space"], false);
}

#[test]
fn models_are_listed_searched_and_sorted() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let output = server.python(&alice.token).run(
        r#"
        for name, tag in [("bert-a", "x"), ("bert-b", "y"), ("gpt", "x")]:
            api.create_repo("alice/" + name)
            api.upload_file(path_or_fileobj=f"---\ntags: [{tag}]\n---\n".encode(), path_in_repo="README.md", repo_id="alice/" + name)
        api.create_repo("alice/secret", private=True)
        api.create_repo("alice/bert-a", repo_type="dataset")
        ids = lambda **k: [m.id.split("/")[1] for m in api.list_models(**k)]
        say({"mine": sorted(ids(author="alice")), "search": ids(search="bert"), "tag": ids(filter="x"),
             "oldest": ids(sort="created_at", author="alice")[-1], "pages": len(ids(limit=None, author="alice")),
             "card": [m.card_data for m in api.list_models(search="gpt", cardData=True)][0]["tags"],
             "nobody": ids(author="nobody"), "strangers": [m.id for m in HfApi(token=False).list_models()]})
        "#,
    );
    assert_eq!(output["mine"], json!(["bert-a", "bert-b", "gpt", "secret"]));
    assert_eq!(output["search"], json!(["bert-b", "bert-a"]));
    assert_eq!(output["tag"], json!(["gpt", "bert-a"]));
    assert_eq!(output["oldest"], "bert-a");
    assert_eq!(output["pages"], 4);
    assert_eq!(output["card"], json!(["x"]));
    assert_eq!(output["nobody"], json!([]));
    assert!(
        !output["strangers"].to_string().contains("secret"),
        "{output}"
    );
    let bobs = server.python(&bob.token).run(
        r#"say([raised(lambda: api.model_info("alice/secret"))["type"],
                raised(lambda: api.create_repo("alice/other"))["type"],
                raised(lambda: api.delete_repo("alice/gpt"))["type"]])"#,
    );
    let refused = json!([
        "RepositoryNotFoundError",
        "HfHubHTTPError",
        "HfHubHTTPError"
    ]);
    assert_eq!(bobs, refused);
}

#[test]
fn a_model_is_hidden_shown_and_deleted() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/tiny")
        seen = lambda: HfApi(token="").repo_exists("alice/tiny") if False else raised(lambda: HfApi(token=False).model_info("alice/tiny"))
        before = seen()
        api.update_repo_settings("alice/tiny", visibility="private")
        hidden = seen()["type"]
        protected = raised(lambda: api.update_repo_settings("alice/tiny", visibility="protected"))
        api.delete_repo("alice/tiny")
        say({"before": before, "hidden": hidden, "protected": protected["text"], "gone": api.repo_exists("alice/tiny")})
        "#,
    );
    assert_eq!(output["before"], json!(null));
    assert_eq!(output["hidden"], "RepositoryNotFoundError");
    assert!(
        output["protected"]
            .as_str()
            .unwrap()
            .contains("Only Spaces"),
        "{output}"
    );
    assert_eq!(output["gone"], false);
}

#[test]
fn what_only_spaces_have_is_refused_in_words() {
    let server = Server::start();
    let alice = server.user("alice");
    let body = json!({"type": "model", "secrets": [{"key": "A", "value": "b"}]});
    let refused = alice.create_with("tiny", body).expect(400);
    assert!(refused.text().contains("Only a Space"), "{refused:?}");
    let refused = alice
        .create_with("tiny", json!({"type": "bucket"}))
        .expect(400);
    assert!(refused.text().contains("bucket"), "{refused:?}");
}

#[test]
fn a_killed_server_keeps_what_it_said_it_had() {
    let mut server = Server::start();
    let token = server.user("alice").token;
    let made = server.python(&token).run(
        r#"
        api.create_repo("alice/tiny")
        say(api.upload_file(path_or_fileobj=b"one", path_in_repo="a", repo_id="alice/tiny").oid)
        "#,
    );
    server.kill();
    server.launch();
    let output = server
        .python(&token)
        .run(r#"say(api.model_info("alice/tiny").sha)"#);
    assert_eq!(output, made);
}
