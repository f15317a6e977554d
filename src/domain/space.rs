//! A Space as it is stored.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::stored_words;
use super::{AccountId, Millis, RepoName, Revision, SpaceId, Subdomain};

/// Who may see a Space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Anybody sees the source and visits the demo.
    Public,
    /// Anybody visits the demo; the source is the owner's.
    Protected,
    /// Only the owner, and operators.
    Private,
}

stored_words!(Visibility { Public = "public", Protected = "protected", Private = "private" });

/// What the owner asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// Be there when somebody looks.
    Running,
    /// Stay down until the owner restarts it.
    Paused,
    /// Go away, with everything that belongs to it.
    Deleted,
}

stored_words!(Desired { Running = "running", Paused = "paused", Deleted = "deleted" });

/// How long a Space may be unvisited before it sleeps. `None` never sleeps.
pub type SleepAfter = Option<Duration>;

/// A named demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// For life.
    pub id: SpaceId,
    /// The owner's account.
    pub owner: AccountId,
    /// `owner/name`.
    pub name: RepoName,
    /// Where it answers.
    pub subdomain: Subdomain,
    /// Who sees it.
    pub visibility: Visibility,
    /// What its owner wants of it.
    pub desired: Desired,
    /// Why an operator lets it do nothing, whatever its owner wants.
    pub disabled: Option<String>,
    /// Rises with every change of what is wanted; a late writer that names an older one changes nothing.
    pub generation: i64,
    /// Instances started under a lower number are to be replaced: rises on restart and on changed settings.
    pub restarts: i64,
    /// The published commit of `main`.
    pub head: Option<Revision>,
    /// The SDK its newest readable card asked for, in the card's word.
    pub sdk: Option<String>,
    /// The hardware its owner asked for; `None` takes the SDK's default.
    pub hardware: Option<String>,
    /// Idle time until it sleeps.
    pub sleep_after: SleepAfter,
    /// When it was created.
    pub created_at: Millis,
    /// When it was last published or changed.
    pub updated_at: Millis,
}

// === impl Space ===

impl Space {
    /// What is to be done about it: what its owner wants, unless an operator has disabled it.
    pub fn wanted(&self) -> Desired {
        match self.desired {
            Desired::Running if self.disabled.is_some() => Desired::Paused,
            desired => desired,
        }
    }
}
