//! The image and the compose file that operators install the server with.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::docker::{PYTHON_IMAGE, app};
use crate::support::server::BINARY;
use crate::support::{DockerServer, Request};

const IMAGE: &str = "glasshouse-test-base:1";

/// `deploy/compose.yaml` as one operator uses it. What it started ends with it.
struct Compose {
    project: String,
    /// With `more.yaml`, what this operator adds to the file.
    folder: TempDir,
    data: PathBuf,
    port: u16,
}

// === impl Compose ===

impl Compose {
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker-compose")
            .args(["--project-name", &self.project, "--file"])
            .arg(repository().join("deploy/compose.yaml"))
            .arg("--file")
            .arg(self.folder.path().join("more.yaml"))
            .args(arguments)
            .env("GLASSHOUSE_IMAGE", IMAGE)
            .env("GLASSHOUSE_DATA", &self.data)
            .env("GLASSHOUSE_LISTEN", format!("127.0.0.1:{}", self.port))
            .output()
            .expect("docker-compose is installed: tests/run does it");
        let answer = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {answer}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("=== the server's log ===\n{}\n===", self.run(&["logs"]));
        }
        self.run(&["down"]);
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of the image but the program, which would take long to build once more.
fn make_base_image() {
    let base = format!("BASE_IMAGE={PYTHON_IMAGE}");
    let output = Command::new("docker")
        .args(["build", "--quiet", "--target", "base", "--tag", IMAGE])
        .args(["--build-arg", &base, "--file", "deploy/Dockerfile", "."])
        .current_dir(repository())
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{answer}");
}

#[test]
fn a_server_in_a_container_runs_spaces_in_containers_beside_it() {
    make_base_image();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut compose = None;
    let server = DockerServer::started_by(|data| {
        fs::create_dir_all(data).unwrap();
        let folder = TempDir::new().unwrap();
        let images = r#"'["glasshouse-test-*"]'"#;
        fs::write(
            folder.path().join("more.yaml"),
            format!(
                "services: {{glasshouse: {{volumes: ['{BINARY}:/usr/local/bin/glasshouse:ro'], \
                 environment: {{GLASSHOUSE_BUILD__IMAGES: {images}, GLASSHOUSE_DOCKER__STOP_GRACE: 1s}}}}}}"
            ),
        )
        .unwrap();
        let composed = Compose {
            project: format!("glasshouse-test-{port}"),
            folder,
            data: data.to_owned(),
            port,
        };
        composed.run(&["up", "--detach"]);
        compose = Some(composed);
        ([127, 0, 0, 1], port).into()
    });
    let compose = compose.expect("started");

    let admin = server.admin();
    let space = admin.publish_container("app", &app("here", ""));
    assert_eq!(space.visit("/").text(), "here");
    let limits = space.runtime()["limits"].clone();
    let mut all = limits.as_array().unwrap().iter();
    let network = all.find(|limit| limit["name"] == "network").expect("said");
    assert_eq!(network["state"], "enforced", "{limits:#}");
    let doctor = compose.run(&["exec", "-T", "glasshouse", "glasshouse", "doctor"]);
    assert!(
        doctor.contains("it uses this host's folders and networks"),
        "{doctor}"
    );

    let before = server.container(&space)["Id"].clone();
    compose.run(&["down"]);
    compose.run(&["up", "--detach"]);
    server.wait_until_ready();
    assert_eq!(space.visit("/").text(), "here");
    assert_eq!(
        server.container(&space)["Id"],
        before,
        "it was left running"
    );
    drop(compose);
    assert!(Request::get("/readyz").open(server.address).is_err());
}
