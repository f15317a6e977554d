//! Why something that is ready to start does not.

use schemars::JsonSchema;
use serde::Serialize;

use super::Resource;

/// A start that was refused, and waits for room. Nothing is wrong with the Space: it is no failure, and it starts by
/// itself when there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Whose limit it is.
    pub by: BlockedBy,
    /// Of what.
    pub resource: Resource,
    /// How much the start needs.
    pub wanted: u64,
    /// How much is in use.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

/// Whose limit stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BlockedBy {
    /// A quota of the Space's owner.
    Owner,
    /// What the machine has to give.
    Host,
}

// === impl Blocked ===

impl Blocked {
    /// What is left of the resource.
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Whether it could start if nothing else held anything.
    pub fn fits(&self) -> bool {
        self.wanted <= self.limit
    }
}
