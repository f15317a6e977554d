//! Git itself, unmodified, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Server;
use super::cli::Said;

/// A clone, or what is to become one.
pub struct Git {
    pub folder: PathBuf,
    home: PathBuf,
}

// === impl Git ===

impl Git {
    /// The address of a repository, with a user's name and token in it.
    pub fn address(server: &Server, user: &str, token: &str, path: &str) -> String {
        let host = server.address;
        if token.is_empty() {
            return format!("http://{host}/{path}");
        }
        format!("http://{user}:{token}@{host}/{path}")
    }

    /// An empty repository beside the server's data.
    #[track_caller]
    pub fn init(server: &Server, name: &str) -> Self {
        let git = Self {
            folder: server.scratch(name),
            home: server.scratch("git-home"),
        };
        git.run(&["init", "-q", "-b", "main"]).success();
        git
    }

    /// A clone of an address.
    #[track_caller]
    pub fn clone(server: &Server, address: &str, name: &str) -> Self {
        let git = Self {
            folder: server.scratch(name),
            home: server.scratch("git-home"),
        };
        git.run(&["clone", "-q", address, "."]).success();
        git
    }

    /// The command before its arguments: no configuration but what is given, and nobody to ask.
    pub fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Ann")
            .env("GIT_AUTHOR_EMAIL", "ann@example.org")
            .env("GIT_COMMITTER_NAME", "Ann")
            .env("GIT_COMMITTER_EMAIL", "ann@example.org")
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command().args(arguments))
    }

    /// What a command that must succeed printed, without the line's end.
    #[track_caller]
    pub fn say(&self, arguments: &[&str]) -> String {
        self.run(arguments).success().stdout.trim_end().to_owned()
    }

    /// Writes files and commits them.
    #[track_caller]
    pub fn commit(&self, files: &[(&str, &[u8])]) {
        for (path, content) in files {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.run(&["add", "-A"]).success();
        self.run(&["commit", "-q", "-m", "a commit"]).success();
    }

    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.folder.join(path)).unwrap()
    }
}
