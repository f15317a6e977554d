//! Where a README's front matter is.

use crate::support::Server;

#[test]
fn it_is_where_the_client_itself_finds_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r##"
        from huggingface_hub.utils import get_session
        heads = [
            "---\na: 1\n---\n", "---\r\na: 1\r\n---\r\nx", "---\na: 1\n---", "---\na: 1\n--- \t\nx",
            "\n\n \t---\na: 1\n---\n", "   ---\na: 1\n---\n", "\x1c\x85\u3000\n---\na: 1\n---\n",
            "\ufeff---\na: 1\n---\n", "\ufeff\n---\na: 1\n---", "\n\ufeff---\na: 1\n---\n", "\u200b---\na: 1\n---\n",
            "--- \na: 1\n---\n", "----\na: 1\n---\n", "# T\n---\na: 1\n---\n", "---\na: 1\n",
            "---\na: 1\n---x\n", "---\na: 1\n---x\n---\n", "---\na: 1\n ---\n", "---\na: 1\n----\n---\n",
            "---\n---\n", "---\n---\na: 1\n---\n", "---\r\n---\r\nx", "---\n\n---\nx", "---\n# c\n---\n",
            "---\na: 1\r---\nb: 2\n---\n", "---\ra: 1\r---\n", "---\na: 1\n---\r", "---\n  a: 1\n  b: [c]\n---\n",
            "---\na: |\n  x\n  ---\n  y\n---\n", "---\na: 1\na: 2\n---\n", "---\n- a\n---\n", "---\na: [\n---\n",
        ]
        api.create_repo("alice/m")

        def theirs():
            try:
                return RepoCard.load("README.md").data.to_dict()
            except Exception:
                return {}

        def ours():
            api.upload_file(path_or_fileobj="README.md", path_in_repo="README.md", repo_id="alice/m")
            return get_session().get(f"{api.endpoint}/api/models/alice/m").json()["cardData"]

        def both(head):
            Path("README.md").write_bytes(head.encode())
            return {"head": head, "theirs": theirs(), "ours": ours()}

        say([both(head) for head in heads])
        "##,
    );
    let heads = output.as_array().unwrap();
    for head in heads {
        assert_eq!(head["ours"], head["theirs"], "{head}");
    }
    let found = heads
        .iter()
        .filter(|head| head["ours"] != serde_json::json!({}));
    assert!(found.count() >= 12, "{output}");
}
