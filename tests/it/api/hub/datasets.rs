//! Datasets.

use crate::support::Server;
use serde_json::json;

#[test]
fn a_dataset_goes_up_and_comes_down() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        url = api.create_repo("alice/rows", repo_type="dataset")
        api.upload_file(path_or_fileobj=b"a,b\n1,2\n", path_in_repo="data/train.csv", repo_id="alice/rows", repo_type="dataset")
        api.upload_file(path_or_fileobj=b"---\nlanguage: [en]\nlicense: mit\n---\n", path_in_repo="README.md",
                        repo_id="alice/rows", repo_type="dataset")
        info = api.dataset_info("alice/rows")
        path = hf_hub_download("alice/rows", "data/train.csv", repo_type="dataset")
        tree = [e.path for e in api.list_repo_tree("alice/rows", repo_type="dataset", recursive=True)]
        say({"url": str(url), "text": Path(path).read_text(), "tags": sorted(info.tags), "tree": sorted(tree),
             "listed": [d.id for d in api.list_datasets(filter="language:en")]})
        "#,
    );
    assert_eq!(
        output["url"],
        format!("{}/datasets/alice/rows", server.url())
    );
    assert_eq!(output["text"], "a,b\n1,2\n");
    assert_eq!(output["tags"], json!(["language:en", "license:mit"]));
    assert_eq!(
        output["tree"],
        json!([".gitattributes", "README.md", "data", "data/train.csv"])
    );
    assert_eq!(output["listed"], json!(["alice/rows"]));
}
