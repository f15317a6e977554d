//! A build and what it makes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::stored_words;
use super::{BuildId, Millis, NamedRepository, OAuthApp, Revision};

/// Where a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildState {
    /// Waiting for its turn; also what a build returns to when the server died under it.
    Queued,
    /// Being made.
    Running,
    /// Its artifact stands.
    Succeeded,
    /// It will not succeed without a change.
    Failed,
    /// A newer publish made it pointless.
    Superseded,
}

stored_words!(BuildState {
    Queued = "queued",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Superseded = "superseded"
});

/// The world a WebAssembly artifact was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestAbi {
    /// A component that exports `wasi:http/incoming-handler@0.2`.
    Http,
    /// A core WASI preview 1 command, run once per request as CGI (RFC 3875).
    Command,
}

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is and where its bytes lie.
    pub kind: ArtifactKind,
    /// How the card asks for it to be run.
    pub settings: RunSettings,
}

/// The kinds of artifact, each naming its bytes by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A folder of files, named by the digest of its git tree.
    Site {
        /// Forty hexadecimal digits.
        digest: String,
        /// The file that answers `/`, relative to the folder.
        app_file: String,
    },
    /// Sealed native code compiled from WebAssembly.
    Component {
        /// Hexadecimal digest of the source module and of the engine's settings.
        digest: String,
        /// How it is called. Stored artifacts name it by its older word.
        #[serde(rename = "world")]
        abi: GuestAbi,
    },
    /// A container image.
    Image {
        /// The engine's content-addressed id, `sha256:` and 64 hexadecimal digits.
        id: String,
        /// The TCP port the app listens on.
        port: u16,
    },
}

/// How a card asks for its artifact to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Whether one instance may serve one request after another.
    pub instance_reuse: bool,
    /// Wall-clock time a request may take; `None` takes the server's default.
    pub request_timeout: Option<Duration>,
    /// Hosts (`name` or `name:port`) that outgoing HTTP may reach.
    pub egress: Vec<String>,
    /// Whether it may reach the internet as a whole, private networks excepted.
    #[serde(default)]
    pub internet: bool,
    /// Wall-clock time it may take until it answers; `None` takes the server's default.
    #[serde(default)]
    pub startup_timeout: Option<Duration>,
    /// Bytes of storage of its own under `/data` that outlives its instances.
    #[serde(default)]
    pub storage_bytes: Option<u64>,
    /// Models and datasets that it finds in its files.
    #[serde(default)]
    pub repositories: Vec<NamedRepository>,
    /// Headers of every answer.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// How it signs people in.
    #[serde(default)]
    pub oauth: Option<OAuthApp>,
}

/// Whose move it is after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// There is nothing to run at that revision: the app file is missing.
    NoAppFile,
    /// The author's card asks for what cannot be.
    Card,
    /// The author's files do not build.
    Author,
    /// Ours; worth another try.
    Server,
}

/// Why a build failed, in words for the author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct BuildError {
    /// Whose move it is.
    pub fault: Fault,
    /// What is wrong, where (file and line if known), and what to do.
    pub message: String,
}

impl BuildFacts {
    /// Whether the server was the cause of its end.
    pub fn failed_by_server(&self) -> bool {
        let error = self.error.as_ref();
        self.state == BuildState::Failed && error.is_some_and(|error| error.fault == Fault::Server)
    }
}

impl BuildError {
    /// An error the author can mend.
    pub fn author(message: impl Into<String>) -> Self {
        Self {
            fault: Fault::Author,
            message: message.into(),
        }
    }

    /// An error of ours; the author sees `message`, the log has the cause.
    pub fn server(message: impl Into<String>) -> Self {
        Self {
            fault: Fault::Server,
            message: message.into(),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// A stored build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFacts {
    /// Which attempt.
    pub id: BuildId,
    /// Of which commit.
    pub revision: Revision,
    /// Where it stands.
    pub state: BuildState,
    /// Whether earlier artifacts of the same source may be used.
    pub cached: bool,
    /// How often it failed so far.
    pub tries: i64,
    /// What it made, once it succeeded.
    pub artifact: Option<Artifact>,
    /// Why it failed, once it did.
    pub error: Option<BuildError>,
    /// When it was queued.
    pub created_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
}
