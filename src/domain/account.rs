//! Who may act.

use serde::{Deserialize, Serialize};

use super::{AccountId, Owner};

/// What an account may do beyond its own Spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns Spaces.
    User,
    /// Runs the server: sees and changes every Space.
    Operator,
}

/// What a token may do; never more than its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look, and visit private Spaces of the account.
    Read,
    /// Everything the account may do.
    Write,
}

macro_rules! stored_words {
    ($type:ident { $($variant:ident = $word:literal),+ }) => {
        impl $type {
            /// The word under which it is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value a stored word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(super) use stored_words;

stored_words!(Role { User = "user", Operator = "operator" });
stored_words!(Scope { Read = "read", Write = "write" });

/// A person or robot that may own Spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For life.
    pub id: AccountId,
    /// Unique, compared without regard to case.
    pub name: Owner,
    /// Beyond its own Spaces.
    pub role: Role,
}
