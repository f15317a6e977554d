//! The Hub's protocol by hand: what a client would send, without a client's manners.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::http::Stream;
use super::{Answer, Request, Server, eventually};

/// An account's view of a server.
#[derive(Clone)]
pub struct Hub<'a> {
    pub server: &'a Server,
    pub name: String,
    pub token: String,
}

/// A Space of an account.
#[derive(Clone)]
pub struct Space<'a> {
    pub hub: Hub<'a>,
    /// `owner/name`.
    pub id: String,
}

/// One line of a commit.
#[derive(Debug, Clone)]
pub enum Op {
    File(String, Vec<u8>),
    DeleteFile(String),
    DeleteFolder(String),
    /// A line as it stands.
    Raw(Value),
}

// === impl Op ===

impl Op {
    pub fn file(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::File(path.to_owned(), content.into())
    }

    fn line(&self) -> Value {
        match self {
            Self::File(path, content) => {
                let content = base64::engine::general_purpose::STANDARD.encode(content);
                json!({"key": "file", "value": {"content": content, "path": path, "encoding": "base64"}})
            }
            Self::DeleteFile(path) => json!({"key": "deletedFile", "value": {"path": path}}),
            Self::DeleteFolder(path) => json!({"key": "deletedFolder", "value": {"path": path}}),
            Self::Raw(line) => line.clone(),
        }
    }
}

/// The body of a commit.
pub fn commit_body(parent: Option<&str>, operations: &[Op]) -> String {
    let mut header = json!({"summary": "a commit", "description": ""});
    if let Some(parent) = parent {
        header["parentCommit"] = parent.into();
    }
    let mut body = json!({"key": "header", "value": header}).to_string() + "\n";
    for operation in operations {
        body += &operation.line().to_string();
        body += "\n";
    }
    body
}

// === impl Hub ===

impl<'a> Hub<'a> {
    pub fn new(server: &'a Server, name: &str, token: &str) -> Self {
        Self {
            server,
            name: name.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Sends a request as this account.
    #[track_caller]
    pub fn send(&self, request: Request) -> Answer {
        let request = if self.token.is_empty() {
            request
        } else {
            request.bearer(&self.token)
        };
        request.send(self.server.address)
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.send(Request::get(target))
    }

    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.send(Request::post(target).json(body))
    }

    /// Asks for a new Space, with more fields than its name if need be.
    #[track_caller]
    pub fn create_with(&self, name: &str, more: Value) -> Answer {
        let mut body =
            json!({"name": name, "organization": null, "type": "space", "sdk": "static"});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        self.post("/api/repos/create", &body)
    }

    /// Creates a Space.
    #[track_caller]
    pub fn create(&self, name: &str) -> Space<'a> {
        self.create_with(name, json!({})).expect(200);
        self.space(name)
    }

    /// A Space of this account that is already there.
    pub fn space(&self, name: &str) -> Space<'a> {
        Space {
            hub: self.clone(),
            id: format!("{}/{name}", self.name),
        }
    }

    /// The same Space, seen by this account.
    pub fn view(&self, space: &Space<'_>) -> Space<'a> {
        Space {
            hub: self.clone(),
            id: space.id.clone(),
        }
    }

    /// Creates a Space, commits the files and waits until it runs.
    #[track_caller]
    pub fn publish(&self, name: &str, files: &[Op]) -> Space<'a> {
        let space = self.create(name);
        space.commit(files);
        space.wait_for("RUNNING");
        space
    }
}

// === impl Space ===

impl<'a> Space<'a> {
    #[track_caller]
    pub fn try_commit(&self, parent: Option<&str>, operations: &[Op]) -> Answer {
        let request = Request::post(format!("/api/spaces/{}/commit/main", self.id))
            .header("content-type", "application/x-ndjson")
            .body(commit_body(parent, operations));
        self.hub.send(request)
    }

    /// Commits; the new commit's id.
    #[track_caller]
    pub fn commit(&self, operations: &[Op]) -> String {
        let answer = self.try_commit(None, operations).expect(200).json();
        answer["commitOid"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn info(&self) -> Value {
        self.api("").expect(200).json()
    }

    /// `GET /api/spaces/ID` and what follows it.
    #[track_caller]
    pub fn api(&self, rest: &str) -> Answer {
        self.hub.get(&format!("/api/spaces/{}{rest}", self.id))
    }

    /// `POST /api/spaces/ID` and what follows it.
    #[track_caller]
    pub fn post(&self, rest: &str, body: &Value) -> Answer {
        self.hub
            .post(&format!("/api/spaces/{}{rest}", self.id), body)
    }

    #[track_caller]
    pub fn runtime(&self) -> Value {
        self.api("/runtime").expect(200).json()
    }

    #[track_caller]
    pub fn stage(&self) -> String {
        self.runtime()["stage"].as_str().unwrap().to_owned()
    }

    /// Waits for a stage; fails at once when it ends in another that will not change by itself.
    #[track_caller]
    pub fn wait_for(&self, stage: &str) -> Value {
        eventually(
            Duration::from_secs(60),
            &format!("{} is {stage}", self.id),
            || {
                let runtime = self.runtime();
                let now = runtime["stage"].as_str().unwrap();
                let final_errors = ["CONFIG_ERROR", "BUILD_ERROR", "RUNTIME_ERROR"];
                assert!(
                    now == stage || !final_errors.contains(&now),
                    "wanted {stage}, got {runtime:#}"
                );
                (now == stage).then_some(runtime)
            },
        )
    }

    /// Why it does not run, in the author's words.
    #[track_caller]
    pub fn error_message(&self) -> String {
        let runtime = self.runtime();
        runtime["errorMessage"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The host that is its own origin.
    pub fn host(&self) -> String {
        let label = self.id.to_ascii_lowercase().replace(['/', '_', '.'], "-");
        format!("{label}.localhost:{}", self.hub.server.address.port())
    }

    /// A request to its own origin, without any token.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).header("host", self.host())
    }

    /// A WebSocket that is open; reading from it fails after so long.
    #[track_caller]
    pub fn open_websocket(&self, target: &str, patience: Duration) -> TcpStream {
        let mut socket = TcpStream::connect(self.hub.server.address).unwrap();
        socket.set_read_timeout(Some(patience)).unwrap();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.host()
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"));
        socket
    }

    /// Visits it.
    #[track_caller]
    pub fn visit(&self, target: &str) -> Answer {
        self.send(&self.request("GET", target))
    }

    #[track_caller]
    pub fn send(&self, request: &Request) -> Answer {
        request.send(self.hub.server.address)
    }

    /// Visits it and leaves the body to be read piece by piece.
    #[track_caller]
    pub fn open(&self, target: &str) -> Stream {
        let request = self.request("GET", target);
        request.open(self.hub.server.address).unwrap()
    }

    /// What its guests hold and have used, as the API says.
    #[track_caller]
    pub fn usage(&self) -> Usage {
        let runtime = self.runtime();
        let usage = &runtime["usage"];
        let number = |key: &str| {
            usage[key]
                .as_f64()
                .unwrap_or_else(|| panic!("usage has no {key}: {runtime:#}"))
        };
        Usage {
            cpu_seconds: number("cpuMs") / 1000.0,
            memory_bytes: number("memoryBytes"),
            requests: number("requests"),
        }
    }

    /// Waits until its guests hold no memory.
    #[track_caller]
    pub fn wait_for_no_memory(&self) {
        eventually(Duration::from_secs(15), "memory is given back", || {
            (self.usage().memory_bytes == 0.0).then_some(())
        });
    }

    /// The lines of its run or build log up to now.
    #[track_caller]
    pub fn log(&self, which: &str) -> Vec<String> {
        // Lines are written behind the back of whoever says them.
        std::thread::sleep(Duration::from_millis(300));
        let answer = self.api(&format!("/logs/{which}?follow=false"));
        let text = answer.expect_whole(200).text();
        let events = text.lines().filter_map(|line| line.strip_prefix("data: {"));
        events
            .map(|rest| {
                let event: Value = serde_json::from_str(&format!("{{{rest}")).unwrap();
                event["data"]
                    .as_str()
                    .unwrap()
                    .trim_end_matches('\n')
                    .to_owned()
            })
            .collect()
    }
}

/// What a Space's guests hold now and have used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub memory_bytes: f64,
    pub requests: f64,
}
