//! What is asked of the builder, and what it gives.

use super::holds::Hold;
use crate::domain::{AccountId, Artifact, BuildId, RepoName, Revision, Sdk, SecretValue, SpaceId};
use crate::journal::Log;
use crate::ledger::BuildTurns;

/// What is to be built, and where its log goes.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Which attempt.
    pub build: BuildId,
    /// Whose repository.
    pub space: SpaceId,
    /// Whose Space it is: the builds of one owner share what the engine remembers of them.
    pub owner: AccountId,
    /// As it is called in the log.
    pub name: RepoName,
    /// Which commit.
    pub revision: Revision,
    /// Whether an artifact made earlier of the same files will do.
    pub cached: bool,
    /// What the Space has already.
    pub before: Before,
    /// Whether it was tried as often as what the server may have to answer for is tried.
    pub last_try: bool,
    /// How it gets the right to do what takes more than a moment.
    pub turns: BuildTurns,
    /// Lines for the author.
    pub log: Log,
}

/// What a build made.
#[derive(Debug)]
pub struct Built {
    /// What it is.
    pub artifact: Artifact,
    /// Keeps it from being swept; to be dropped when it is recorded.
    pub hold: Hold,
}

/// What a Space has before it is built.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// What it was made as, or what its newest readable card said.
    pub sdk: Option<Sdk>,
    /// Its variables, for what asks for them while it is built.
    pub variables: Vec<(String, String)>,
    /// Its secrets, for commands of its Dockerfile that ask for one (`RUN --mount=type=secret`).
    pub secrets: Vec<(String, SecretValue)>,
    /// What earlier builds of it made, the newest first.
    pub artifacts: Vec<Artifact>,
}
