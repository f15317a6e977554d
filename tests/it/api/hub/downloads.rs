//! `hf_hub_download` and `snapshot_download`.

use crate::support::proxy::CuttingProxy;
use crate::support::{Op, Server, static_site};
use serde_json::json;

#[test]
fn files_are_read_at_any_revision() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let first = space.commit(&static_site("one"));
    space.commit(&[
        Op::file("index.html", "two"),
        Op::file("a dir/b%c.txt", "odd"),
    ]);
    let output = server.python("").run(&format!(
        r#"
        read = lambda name, **more: Path(api.hf_hub_download("alice/demo", name, repo_type="space", **more)).read_text()
        cached = read("index.html")
        say([read("index.html", revision="{first}"), cached, read("index.html"), read("a dir/b%c.txt"),
             api.file_exists("alice/demo", "index.html", repo_type="space"),
             api.file_exists("alice/demo", "never.html", repo_type="space")])
        "#
    ));
    assert_eq!(output, json!(["one", "two", "two", "odd", true, false]));
}

#[test]
fn a_snapshot_is_the_whole_folder() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let mut files = static_site("one");
    files.extend((0..30).map(|n| Op::file(&format!("data/{n}.txt"), n.to_string())));
    space.commit(&files);
    let output = server.python("").run(
        r#"
        folder = Path(api.snapshot_download("alice/demo", repo_type="space"))
        some = Path(api.snapshot_download("alice/demo", repo_type="space", local_dir="some", allow_patterns="data/1*"))
        say({"page": (folder / "index.html").read_text(),
             "data": sorted(int(p.read_text()) for p in folder.glob("data/*")) == list(range(30)),
             "some": len(list(some.glob("data/*")))})
        "#,
    );
    assert_eq!(output, json!({"page": "one", "data": true, "some": 11}));
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let content: Vec<u8> = (0..8_000_000_u32)
        .flat_map(|n| (n as u16).to_le_bytes())
        .collect();
    space.commit(&[Op::file("big.bin", content.clone())]);
    // The client hands on what it reads in pieces of ten megabytes.
    let proxy = CuttingProxy::start(server.address, 13_000_000);
    let mut command = server.python("").command("python");
    command.env("HF_ENDPOINT", format!("http://{}", proxy.address)).args([
        "-c",
        "from huggingface_hub import hf_hub_download as d; print(d('alice/demo', 'big.bin', repo_type='space'))",
    ]);
    let output = crate::support::cli::Said::of(&mut command).success();
    let path = output.stdout.lines().last().unwrap();
    assert!(std::fs::read(path).unwrap() == content, "the bytes differ");
    let ranges = proxy.requests_with("range: bytes=");
    assert_eq!(
        ranges, 1,
        "it was asked for once more, from where it broke off"
    );
}
