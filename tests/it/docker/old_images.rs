//! What earlier builds left on the engine goes, also when some of it has no name or cannot be removed.

use super::fake_engine::{FakeEngine, Instead};
use crate::support::docker::docker;
use crate::support::{DockerServer, eventually};
use std::process::{Command, Stdio};
use std::time::Duration;

/// An image without a name, as a build leaves it that is killed before it gives one, made long ago.
fn nameless(data: &str, text: &str) {
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2020-01-01T00:00:00Z",
        "config": {"Labels": {"glasshouse.data": data, "text": text}},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "LABEL", "empty_layer": true}],
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": null, "Layers": []}]);
    let mut loading = Command::new("docker")
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut archive = tar::Builder::new(loading.stdin.take().unwrap());
    for (name, content) in [("config.json", config), ("manifest.json", manifest)] {
        let content = content.to_string();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    drop(archive.into_inner().unwrap());
    assert!(loading.wait().unwrap().success());
}

#[test]
fn what_cannot_be_removed_keeps_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FakeEngine::listen(folder.path());
    let host = engine.host();
    let mut server = DockerServer::with(&[("DOCKER__HOST", &host)]);
    server.kill();
    let data = server.data_id();
    for text in ["one", "two", "three"] {
        nameless(&data, text);
    }
    let build = "0198c0de00007000800000000000c0de";
    let labels = [
        format!("glasshouse.data={data}"),
        format!("glasshouse.build={build}"),
    ];
    let network = format!("glasshouse-{data}-{build}-internet");
    docker(&[
        "network", "create", "--label", &labels[0], "--label", &labels[1], &network,
    ])
    .unwrap();
    assert_eq!(
        (server.ids("image").len(), server.ids("network").len()),
        (3, 1)
    );
    // One of them the engine will not remove.
    engine.does(
        "DELETE",
        "/images/",
        1,
        Instead::Answer(500, "a layer is in the way"),
    );
    server.launch();
    eventually(
        Duration::from_secs(60),
        "what can be removed is removed",
        || (server.ids("image").len() == 1 && server.ids("network").is_empty()).then_some(()),
    );
}
