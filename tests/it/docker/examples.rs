//! `serve --examples` with an engine: those in containers are published too.

use crate::support::docker::{PYTHON_IMAGE, docker};
use crate::support::{DockerServer, Hub, eventually};
use std::time::Duration;

/// The image that a Dockerfile of an example begins with, without any registry; it goes with this value.
struct Tag(Option<&'static str>);

impl Tag {
    fn on(name: &'static str) -> Self {
        if docker(&["image", "inspect", name]).is_ok() {
            return Self(None);
        }
        docker(&["tag", PYTHON_IMAGE, name]).unwrap();
        Self(Some(name))
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        if let Some(name) = self.0 {
            let _ = docker(&["image", "rm", name]);
        }
    }
}

#[test]
fn they_are_published_and_answer() {
    let _image = Tag::on("python:3.11-slim");
    let server = DockerServer::with(&[
        ("EXAMPLES", "true"),
        // It bears the name of a public one, but came from no registry.
        ("BUILD__IMAGES", r#"["python:3.11-slim"]"#),
        ("DOCKER__DEFAULT_HARDWARE", "cpu-basic"),
    ]);
    let anonymous = server.anonymous();
    let owner = Hub {
        name: "examples".into(),
        ..anonymous
    };
    for (name, text) in [
        ("descent", "Streamlit"),
        ("life", "Life, together"),
        ("seams", "gradio"),
    ] {
        let space = owner.space(name);
        eventually(Duration::from_secs(400), &format!("{name} runs"), || {
            let answer = owner.get(&format!("/api/spaces/{}/runtime", space.id));
            (answer.status == 200 && answer.json()["stage"] == "RUNNING").then_some(())
        });
        let page = space.visit("/").expect_whole(200).text();
        assert!(page.contains(text), "{name}: {page}");
    }
}
