//! A running copy of an artifact.

use super::{BuildId, InstanceId, Millis};

/// Why an instance ended or would not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// It was stopped because it was asked to be.
    Stopped,
    /// It went past its memory.
    OutOfMemory,
    /// It wrote more than its disk holds.
    OutOfDisk {
        /// What it may write, in bytes.
        limit: u64,
    },
    /// Its durable storage grew while its owner's quota of this was used up.
    OverQuota(super::Resource),
    /// It ended by itself.
    Exited {
        /// What it said in ending.
        code: i32,
    },
    /// It could not be started; the text is for the author.
    NotStarted(String),
    /// The server failed to start it, or to thaw it, and tries again.
    ServerFailed,
    /// It is gone and nobody saw why.
    Lost,
}

impl ExitReason {
    /// One sentence for the author.
    pub fn message(&self) -> String {
        match self {
            Self::Stopped => "It was stopped.".into(),
            Self::OutOfMemory => "It needed more memory than its hardware has.".into(),
            Self::OutOfDisk { limit } => format!(
                "It wrote more than {} to its disk and was stopped.",
                super::hardware::bytes_text(*limit)
            ),
            Self::OverQuota(resource) => format!(
                "It wrote to its durable storage while its owner's quota of {} was used up, and was stopped; delete \
                 something, or ask an operator for more.",
                resource.noun()
            ),
            Self::Exited { code } => format!("It ended by itself with exit code {code}."),
            Self::NotStarted(why) => why.clone(),
            Self::ServerFailed => "The server failed to start it and will try again.".into(),
            Self::Lost => "It disappeared.".into(),
        }
    }
}

/// Where an instance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceState {
    /// It is on its way, and does not answer yet.
    Starting,
    /// It answers.
    Ready {
        /// Since when nobody has used it; `None` while requests are under way. A page left open is no use, though it
        /// is a visit.
        idle_since: Option<Millis>,
        /// Whether anybody is connected, used or not.
        visited: bool,
        /// Whether the gateway sends visitors to it.
        routed: bool,
        /// Whether its processes are frozen, so that it must be thawed before anybody is sent to it.
        frozen: bool,
        /// Since when another instance has had its place.
        draining_since: Option<Millis>,
    },
    /// It ended, or never began.
    Ended {
        /// Why.
        reason: ExitReason,
        /// When.
        at: Millis,
        /// How often in a row this build has ended this way.
        failures: u32,
    },
}

/// What is known of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Which one.
    pub id: InstanceId,
    /// What it runs.
    pub build: BuildId,
    /// The Space's `restarts` at its start.
    pub restarts: i64,
    /// Where it stands.
    pub state: InstanceState,
}
