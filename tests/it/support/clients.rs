//! The real clients, unmodified: `huggingface_hub` in Python and the `hf` command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Server;
use super::cli::Said;

/// Runs Python with `huggingface_hub` against a server.
pub struct Python<'a> {
    server: &'a Server,
    token: String,
    home: PathBuf,
    environment: &'static str,
    settings: Vec<(String, String)>,
}

/// Runs `hf` against a server.
pub struct Hf<'a>(Python<'a>);

/// What every snippet may use beside `api`: `say` prints the answer; `raised` is the name of the exception a call ends
/// in, with its text.
const PRELUDE: &str = r#"
import dataclasses, json, os, sys, time
from pathlib import Path
from huggingface_hub import *
from huggingface_hub.errors import *

api = HfApi()

def say(answer):
    print("\n" + json.dumps(answer, default=str))

def raised(call):
    try:
        call()
    except Exception as error:
        return {"type": type(error).__name__, "text": str(error)}
    return None
"#;

// === impl Python ===

impl<'a> Python<'a> {
    pub(super) fn new(server: &'a Server, token: &str) -> Self {
        Self {
            server,
            token: token.to_owned(),
            home: server.scratch("hf-home"),
            environment: "test-venv",
            settings: Vec::new(),
        }
    }

    /// Of another `huggingface_hub`: an environment that `tests/run` makes beside its usual one.
    pub fn of(mut self, environment: &'static str) -> Self {
        self.environment = environment;
        self
    }

    /// With one more environment variable.
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Runs a snippet that ends in `say(…)`; what it said.
    #[track_caller]
    pub fn run(&self, snippet: &str) -> Value {
        let output = Said::of(
            self.command("python")
                .arg("-c")
                .arg(format!("{PRELUDE}\n{}", dedent(snippet))),
        );
        let output = output.success();
        let last = output.stdout.lines().rfind(|line| !line.trim().is_empty());
        let last = last.unwrap_or_else(|| panic!("it said nothing: {output:?}"));
        serde_json::from_str(last).unwrap_or_else(|_| panic!("not JSON: {output:?}"))
    }

    /// A program of the environment with the server as its Hub, and nothing else from outside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(environment(self.environment).join("bin").join(program));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("HF_HOME", &self.home)
            .env("HF_ENDPOINT", self.server.url())
            .env("HF_HUB_DISABLE_UPDATE_CHECK", "1")
            .env("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            .env("NO_COLOR", "1")
            .envs(self.settings.iter().cloned())
            .current_dir(&self.home)
            .stdin(Stdio::null());
        if !self.token.is_empty() {
            command.env("HF_TOKEN", &self.token);
        }
        command
    }
}

// === impl Hf ===

impl<'a> Hf<'a> {
    pub(super) fn new(server: &'a Server, token: &str) -> Self {
        Self(Python::new(server, token))
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.0.command("hf").args(arguments))
    }

    /// Runs a command that must succeed, with `--json`; what it printed.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = Said::of(self.0.command("hf").args(arguments).arg("--json")).success();
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("not JSON: {output:?}"))
    }
}

/// An environment that `tests/run` makes.
fn environment(name: &str) -> PathBuf {
    let environment = cache().join(name);
    assert!(
        environment.join("packages").exists(),
        "there is no {}: tests/run makes it, or GLASSHOUSE_TEST_SKIP=clients leaves these tests out",
        environment.display()
    );
    environment
}

/// Where `tests/run` keeps what it installs for the tests alone.
pub fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache"),
        PathBuf::from,
    );
    cache.join("glasshouse")
}

/// Takes away what every line is indented by.
pub fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    let lines = text.lines().map(|line| line.get(common..).unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}
