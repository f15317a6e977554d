//! The product's own command line.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::Server;
use super::server::BINARY;

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Said {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

/// Runs `glasshouse` against a server, configured as `hf` is.
#[track_caller]
pub fn glasshouse(server: &Server, token: &str, arguments: &[&str]) -> Said {
    Said::of(command(server, token).args(arguments))
}

/// `glasshouse … --json`, which must succeed; what it printed.
#[track_caller]
pub fn glasshouse_json(server: &Server, token: &str, arguments: &[&str]) -> Value {
    let answer = Said::of(command(server, token).args(arguments).arg("--json")).success();
    serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("not JSON: {answer:?}"))
}

/// The command before its arguments.
pub fn command(server: &Server, token: &str) -> Command {
    let mut command = Command::new(BINARY);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", server.scratch("home"))
        .env("HF_ENDPOINT", server.url())
        .current_dir(server.scratch("home"))
        .stdin(Stdio::null());
    if !token.is_empty() {
        command.env("HF_TOKEN", token);
    }
    command
}

// === impl Said ===

impl Said {
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }

    #[track_caller]
    pub fn success(self) -> Self {
        assert!(
            self.code == Some(0),
            "exit code {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Fails unless it failed; what it said in failing.
    #[track_caller]
    pub fn failure(self) -> String {
        assert!(self.code != Some(0), "it succeeded: {self:?}");
        self.stdout + &self.stderr
    }
}
