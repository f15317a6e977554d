//! Volumes: repositories that an owner mounts, by the real `hf` and `huggingface_hub`.

use crate::support::docker::app;
use crate::support::{DockerServer, eventually, static_site};
use serde_json::{Value, json};
use std::time::Duration;

const SEE: &str = r#"
import pathlib
def attempt(path):
    try:
        open(path, "w")
        return "written"
    except OSError as error:
        return type(error).__name__
seen = lambda root: sorted(str(path) for path in pathlib.Path(root).rglob("*.*"))
print(json.dumps([seen("/m"), seen("/part"), seen("/site"), attempt("/m/mine")]))
"#;

#[test]
fn they_are_set_seen_inside_listed_and_taken_away() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let bob = server.user("bob");
    alice.publish("site", &static_site("another"));
    let space = alice.publish_container("app", &app("here", ""));
    server.python(&alice.token).run(
        r#"
        api.create_repo("alice/tiny", repo_type="model", visibility="private")
        api.upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id="alice/tiny")
        api.create_tag("alice/tiny", tag="v1")
        api.upload_file(path_or_fileobj=b"x", path_in_repo="later.txt", repo_id="alice/tiny")
        api.create_repo("alice/words", repo_type="dataset")
        api.upload_file(path_or_fileobj=b"a", path_in_repo="en/a.txt", repo_id="alice/words", repo_type="dataset")
        api.upload_file(path_or_fileobj=b"b", path_in_repo="de/b.txt", repo_id="alice/words", repo_type="dataset")
        say(True)
        "#,
    );
    let hf = server.hf(&alice.token);
    let set = |volumes: &[&str]| {
        let mut command = vec!["spaces", "volumes", "set", "alice/app"];
        volumes
            .iter()
            .for_each(|volume| command.extend(["-v", volume]));
        hf.run(&command)
    };
    set(&[
        "hf://alice/tiny@v1:/m",
        "hf://datasets/alice/words/en:/part",
        "hf://spaces/alice/site:/site",
    ])
    .success();
    let look = |wanted: &Value| {
        eventually(
            Duration::from_secs(60),
            "the next container sees them",
            || {
                // The one before it may be gone just now.
                let output: Option<Value> = serde_json::from_str(&space.try_exec(SEE).text()).ok();
                (output.as_ref() == Some(wanted)).then_some(())
            },
        );
    };
    look(&json!([
        ["/m/.gitattributes", "/m/config.json"],
        ["/part/a.txt"],
        [
            "/site/.gitattributes",
            "/site/README.md",
            "/site/index.html"
        ],
        "OSError"
    ]));
    let listed = hf.json(&["spaces", "volumes", "ls", "alice/app"]);
    let paths: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["mount_path"])
        .collect();
    assert_eq!(paths, ["/m", "/part", "/site"], "{listed}");
    // Whoever may not see a source does not learn of it.
    let output = server.python(&bob.token).run(
        r#"say([volume.source for volume in api.get_space_runtime("alice/app").volumes or []])"#,
    );
    assert_eq!(output, json!(["alice/words", "alice/site"]));
    for (bad, why) in [
        ("hf://bob/never:/x", "This server has no model"),
        ("hf://buckets/alice/b:/x", "buckets"),
        ("hf://alice/tiny:/proc/x", "a volume cannot be mounted at"),
    ] {
        let output = set(&[bad]).failure();
        assert!(output.contains(why), "{bad}: {output}");
    }
    hf.run(&["spaces", "volumes", "delete", "alice/app", "--yes"])
        .success();
    look(&json!([[], [], [], "FileNotFoundError"]));
    assert_eq!(space.runtime()["volumes"], json!([]));
}
