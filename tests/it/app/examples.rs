//! `serve --examples`.

use crate::support::{Hub, Server, eventually};
use std::path::Path;
use std::time::Duration;

#[test]
fn every_example_is_published_and_its_address_printed() {
    let mut server = Server::with(&[("EXAMPLES", "true"), ("DOCKER__ENABLED", "false")]);
    let (containers, names): (Vec<_>, Vec<_>) =
        examples().into_iter().partition(|name| in_container(name));
    assert!(
        names.len() >= 3 && containers.len() >= 3,
        "{names:?} {containers:?}"
    );
    let first = published(&server, &names);
    let says = |server: &Server| {
        let output = server.printed();
        output.iter().any(|line| line.starts_with("publishing "))
    };
    assert!(says(&server), "{:?}", server.printed());
    // Another start publishes nothing anew, and says nothing of the kind.
    server.stop();
    server.launch();
    assert_eq!(published(&server, &names), first);
    assert!(!says(&server), "{:?}", server.printed());
    for name in containers {
        let start = format!("examples/{name}: not published");
        assert!(
            server.printed().iter().any(|line| line.starts_with(&start)),
            "{:?}",
            server.printed()
        );
    }
}

/// Waits for the address of each, visits it, and tells its commit.
fn published(server: &Server, names: &[String]) -> Vec<String> {
    let port = server.address.port();
    let anonymous = server.anonymous();
    let owner = Hub {
        name: "examples".into(),
        ..anonymous
    };
    names
        .iter()
        .map(|name| {
            let space = owner.space(name);
            let address = format!("http://{}/", space.host());
            eventually(
                Duration::from_secs(180),
                &format!("the address of {name}"),
                || {
                    server
                        .printed()
                        .iter()
                        .any(|line| line.contains(&address))
                        .then_some(())
                },
            );
            assert_eq!(space.stage(), "RUNNING", "{name} on port {port}");
            let page = space.visit("/").expect_whole(200);
            assert!(
                page.header("content-type")
                    .unwrap_or_default()
                    .starts_with("text/html"),
                "{name}: {page:?}"
            );
            space.info()["sha"].as_str().unwrap().to_owned()
        })
        .collect()
}

/// Whether an example needs a container; `docker::examples` is where those are published.
fn in_container(name: &str) -> bool {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
        .join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    ["gradio", "streamlit", "docker"]
        .iter()
        .any(|sdk| readme.contains(&format!("\nsdk: {sdk}\n")))
}

/// Folders of `examples/` that are Spaces.
fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let spaces = entries.filter(|entry| entry.path().join("README.md").exists());
    let mut names: Vec<_> = spaces
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
