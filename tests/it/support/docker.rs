//! A server with containers on the real Docker engine, and a look at them from outside.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Answer, Hub, Op, Request, Server, Space, card, eventually};

/// Debian with Python: `tests/run` makes it.
pub const PYTHON_IMAGE: &str = "glasshouse-test-python:1";
/// The same with Gradio and Streamlit.
pub const GRADIO_IMAGE: &str = "glasshouse-test-gradio:1";

/// A server whose containers, networks and images go when it is dropped, also after a panic.
pub struct DockerServer(Server);

/// What the app of [`app`] is: it answers GET with what it was built to say, and runs the Python that is POSTed to it.
const APP: &str = r#"
import contextlib, http.server, io, json, os, socket, subprocess, sys, threading, time, traceback

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(SAYS.encode())
    def do_POST(self):
        code = self.rfile.read(int(self.headers["content-length"]))
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                exec(code, globals())
            except BaseException:
                traceback.print_exc(file=out)
        self.answer(out.getvalue().encode())

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

Server(("0.0.0.0", 7860), Handler).serve_forever()
"#;

// === impl DockerServer ===

impl DockerServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings as [`Server::with`]; Gradio and Streamlit stand ready in the image they are built on.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(settings, |_| {})
    }

    /// The same on a data folder, as [`Server::on`].
    pub fn on(settings: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        for image in [PYTHON_IMAGE, GRADIO_IMAGE] {
            assert!(
                docker(&["image", "inspect", image]).is_ok(),
                "there is no image {image}: tests/run makes it, or GLASSHOUSE_TEST_SKIP=docker leaves these tests out"
            );
        }
        let mut all = vec![
            ("BUILD__IMAGES", r#"["glasshouse-test-*"]"#),
            ("RUNTIMES__GRADIO__BASE_IMAGE", GRADIO_IMAGE),
            ("RUNTIMES__STREAMLIT__BASE_IMAGE", GRADIO_IMAGE),
            ("DOCKER__STOP_GRACE", "1s"),
            ("DOCKER__MEASURE_EVERY", "500ms"),
        ];
        all.extend(settings);
        Self(Server::on(&all, prepare))
    }

    /// One that is started and ended in another way ([`Server::started_by`]).
    pub fn started_by(start: impl FnOnce(&Path) -> SocketAddr) -> Self {
        Self(Server::started_by(start))
    }

    /// The name of its data folder in labels.
    pub fn data_id(&self) -> String {
        let key = fs::read(self.data().join("keys/engine")).unwrap();
        key[..8].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Everything of one kind that bears its label: `container`, `network` or `image`.
    pub fn ids(&self, kind: &str) -> Vec<String> {
        list(kind, &format!("label=glasshouse.data={}", self.data_id()))
    }

    /// The containers of a Space as `docker inspect` shows them.
    pub fn containers(&self, space: &Space<'_>) -> Vec<Value> {
        let ids = list("container", &format!("label=glasshouse.space={}", space.id));
        let own = self.ids("container");
        ids.iter()
            .filter(|id| own.contains(id))
            .filter_map(|id| docker(&["inspect", id]).ok())
            .map(|text| serde_json::from_str::<Value>(&text).unwrap()[0].clone())
            .collect()
    }

    /// The only container of a Space.
    #[track_caller]
    pub fn container(&self, space: &Space<'_>) -> Value {
        let mut all = self.containers(space);
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    fn clean_up(&self) {
        // Nothing is left to claim.
        let claim = format!("glasshouse-claim-{}", self.data_id());
        let _ = docker(&["volume", "rm", "--force", &claim]);
        for kind in ["container", "network", "image"] {
            let ids = self.ids(kind);
            // Images of one Space are made of each other, so an order that works is found by trying.
            for _ in 0..3 {
                let mut command = vec![kind, "rm"];
                if kind != "network" {
                    command.push("--force");
                }
                command.extend(ids.iter().map(String::as_str));
                if ids.is_empty() || docker(&command).is_ok() {
                    break;
                }
            }
        }
    }
}

impl Deref for DockerServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for DockerServer {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

impl Drop for DockerServer {
    fn drop(&mut self) {
        // First, so that it makes nothing while everything is removed.
        self.0.kill();
        if self.data().join("keys/engine").exists() {
            self.clean_up();
        }
    }
}

/// Runs the real `docker` command; what it printed, or what it complained about.
pub fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

fn list(kind: &str, filter: &str) -> Vec<String> {
    let mut arguments = vec![kind, "ls", "--quiet", "--no-trunc", "--filter", filter];
    // Also what has ended, and what has no name.
    if kind != "network" {
        arguments.push("--all");
    }
    let listed = docker(&arguments).unwrap_or_default();
    let mut ids: Vec<_> = listed.lines().map(str::to_owned).collect();
    ids.dedup();
    ids
}

// === what is published ===

/// A Space of a Dockerfile; more lines for its card.
pub fn dockerfile(text: &str, more: &str) -> Vec<Op> {
    vec![
        card(&format!("sdk: docker\n{more}")),
        Op::file("Dockerfile", text),
    ]
}

/// A Space that runs this Python.
pub fn python(code: &str, more: &str) -> Vec<Op> {
    let text =
        format!("FROM {PYTHON_IMAGE}\nCOPY app.py /app.py\nCMD [\"python\", \"-u\", \"/app.py\"]");
    let mut files = dockerfile(&text, more);
    files.push(Op::file("app.py", code));
    files
}

/// A Space that says `says`, and runs the Python that is POSTed to it: see [`Space::exec`].
pub fn app(says: &str, more: &str) -> Vec<Op> {
    python(&format!("SAYS = {says:?}\n{APP}"), more)
}

impl<'a> Hub<'a> {
    /// A Space in a container, once it runs. Building takes its time.
    #[track_caller]
    pub fn publish_container(&self, name: &str, files: &[Op]) -> Space<'a> {
        let space = self.create(name);
        space.commit(files);
        space.settles();
        let runtime = space.runtime();
        assert_eq!(
            runtime["stage"],
            "RUNNING",
            "{runtime:#}\n--- build log\n{}\n--- run log\n{}",
            space.log("build").join("\n"),
            space.log("run").join("\n")
        );
        space
    }
}

impl Space<'_> {
    /// Waits until neither a build nor a start is under way; the stage then.
    #[track_caller]
    pub fn settles(&self) -> String {
        let mut last = String::new();
        eventually(
            Duration::from_secs(240),
            &format!("{} is built and started", self.id),
            || {
                last = self.stage();
                let under_way = [
                    "BUILDING",
                    "RUNNING_BUILDING",
                    "APP_STARTING",
                    "RUNNING_APP_STARTING",
                ];
                (!under_way.contains(&last.as_str())).then_some(())
            },
        );
        last
    }

    /// Commits, and waits until it has failed; what its author is told.
    #[track_caller]
    pub fn fails(&self, files: &[Op], stage: &str) -> String {
        self.commit(files);
        let mut last = Value::Null;
        eventually(
            Duration::from_secs(240),
            &format!("{} is {stage}", self.id),
            || {
                last = self.runtime();
                (last["stage"] == stage).then_some(())
            },
        );
        last["errorMessage"]
            .as_str()
            .unwrap_or_else(|| panic!("no errorMessage: {last:#}"))
            .to_owned()
    }

    /// Runs Python in the container of an [`app`]; what it printed.
    #[track_caller]
    pub fn exec(&self, code: &str) -> String {
        self.try_exec(code).expect_whole(200).text()
    }

    /// The same, whatever the answer.
    #[track_caller]
    pub fn try_exec(&self, code: &str) -> Answer {
        let request = Request::post("/")
            .header("host", self.host())
            .body(super::clients::dedent(code));
        self.send(&request)
    }
}
