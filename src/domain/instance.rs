//! A running copy of an artifact.

use super::{BuildId, InstanceId, Millis, bytes_text};

/// Why an instance ended or would not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// It was stopped because it was asked to be.
    Stopped,
    /// It went past its memory.
    OutOfMemory {
        /// What it may hold, in bytes.
        limit: u64,
    },
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
        /// What more is known of why, as a sentence for the author.
        hint: Option<String>,
    },
    /// It could not be started; the text is for the author.
    NotStarted(String),
    /// The server could not keep it off its own network, and stopped it or did not start it; the text is for the author.
    Exposed(String),
    /// The server failed to start it, or to thaw it, and tries again.
    ServerFailed,
    /// It is gone and nobody saw why.
    Lost,
}

impl ExitReason {
    /// Whether only the server or its operator can mend it, so that it is tried again for ever.
    pub fn is_the_servers(&self) -> bool {
        matches!(self, Self::ServerFailed | Self::Exposed(_))
    }

    /// One sentence for the author.
    pub fn message(&self) -> String {
        match self {
            Self::Stopped => "It was stopped.".into(),
            Self::OutOfMemory { limit } => format!(
                "It was stopped because it needed more memory than the {} of its hardware, which include /dev/shm. \
                 Choose larger hardware.",
                bytes_text(*limit)
            ),
            Self::OutOfDisk { limit } => format!(
                "It was stopped because its disk is full: it wrote more than {}, including /tmp. It starts again with \
                 an empty disk.",
                bytes_text(*limit)
            ),
            Self::OverQuota(resource) => format!(
                "It was stopped because it wrote to its durable storage while its owner's quota of {} was used up. \
                 Delete something, or ask an operator for more.",
                resource.noun()
            ),
            Self::Exited { code, hint } => {
                let mut message = format!("It exited with code {code}");
                if let Some(meaning) = exit_code_meaning(*code) {
                    message += ": ";
                    message += meaning;
                }
                message += ".";
                if let Some(hint) = hint {
                    message += " ";
                    message += hint;
                }
                message
            }
            Self::NotStarted(why) | Self::Exposed(why) => why.clone(),
            Self::ServerFailed => "The server failed to start it and will try again.".into(),
            Self::Lost => "It disappeared.".into(),
        }
    }
}

/// What an exit code says by the conventions of shells (POSIX.1-2017, XCU 2.8.2): above 128 the signal that ended it.
fn exit_code_meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        126 => {
            "its command was found but cannot be run; check that it is executable and built for this machine's \
             architecture"
        }
        127 => "its command, or a command that it calls, was not found",
        132 => "illegal instruction (SIGILL): part of it was built for another processor",
        134 => "it aborted (SIGABRT)",
        135 => {
            "bus error (SIGBUS): it could not write to memory that is mapped to a file, usually because /dev/shm or \
             the disk is full; the size of /dev/shm is half of its hardware's memory"
        }
        136 => "arithmetic error (SIGFPE)",
        137 => "it was killed (SIGKILL)",
        139 => "segmentation fault (SIGSEGV)",
        143 => "it was asked to stop (SIGTERM)",
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_said_in_words_where_it_means_something() {
        let text_of = |code| ExitReason::Exited { code, hint: None }.message();
        assert_eq!(text_of(3), "It exited with code 3.");
        assert!(text_of(135).contains("/dev/shm"), "{}", text_of(135));
        assert!(text_of(127).contains("not found"), "{}", text_of(127));
        let hint = Some("Because.".to_owned());
        let hinted = ExitReason::Exited { code: 9, hint }.message();
        assert_eq!(hinted, "It exited with code 9. Because.");
    }
}
