//! Large files through `huggingface_hub`: in chunks, as it does by itself, and by the batch API.

use crate::support::Server;
use serde_json::json;

const UPLOAD: &str = r#"
    import hashlib
    content = os.urandom(70_000_000) + b"the same again" * 400_000
    Path("big.bin").write_bytes(content)
    api.create_repo("alice/tiny", exist_ok=True)
    api.upload_file(path_or_fileobj="big.bin", path_in_repo="sub/big.bin", repo_id="alice/tiny")
    # Changed a little, most of it need not be sent again.
    Path("big.bin").write_bytes(content[:9_000_000] + b"new" + content[9_000_000:])
    api.upload_file(path_or_fileobj="big.bin", path_in_repo="big2.bin", repo_id="alice/tiny")
    # Not changed at all, there is no commit.
    before = api.model_info("alice/tiny").sha
    same = api.upload_file(path_or_fileobj="big.bin", path_in_repo="big2.bin", repo_id="alice/tiny").oid
    sha = lambda path: hashlib.sha256(Path(path).read_bytes()).hexdigest()
    one = sha(hf_hub_download("alice/tiny", "sub/big.bin")) == hashlib.sha256(content).hexdigest()
    two = sha(hf_hub_download("alice/tiny", "big2.bin")) == sha("big.bin")
    info = api.get_paths_info("alice/tiny", ["sub/big.bin"])[0]
    say({"one": one, "two": two, "same": same == before, "lfs": info.lfs.sha256 == hashlib.sha256(content).hexdigest(),
         "size": info.size == len(content)})
"#;

#[test]
fn in_chunks() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(UPLOAD);
    let all = json!({"one": true, "two": true, "same": true, "lfs": true, "size": true});
    assert_eq!(output, all);
    let xorbs = server.data().join("repos/xorbs");
    assert!(xorbs.exists(), "it went another way");
}

#[test]
fn by_the_batch_api() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server
        .python(&alice.token)
        .setting("HF_HUB_DISABLE_XET", "1")
        .run(UPLOAD);
    let all = json!({"one": true, "two": true, "same": true, "lfs": true, "size": true});
    assert_eq!(output, all);
    assert!(!server.data().join("repos/xorbs").exists());
}

#[test]
fn a_large_file_is_copied_and_moved_by_a_commit() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        content = os.urandom(11_000_000)
        api.create_repo("alice/tiny")
        api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id="alice/tiny")
        api.create_commit("alice/tiny", operations=[CommitOperationCopy("a.bin", "b.bin"), CommitOperationDelete("a.bin")],
                          commit_message="Rename")
        say({"files": sorted(api.list_repo_files("alice/tiny")),
             "same": Path(hf_hub_download("alice/tiny", "b.bin")).read_bytes() == content})
        "#,
    );
    assert_eq!(
        output,
        json!({"files": [".gitattributes", "b.bin"], "same": true})
    );
}
