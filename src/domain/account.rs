//! Who may act.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AccountId, Owner, RepoUid};

/// What an account may do beyond its own Spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns Spaces.
    User,
    /// Runs the server: sees and changes every Space.
    Operator,
}

/// Who or what an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A person or robot, with tokens.
    User,
    /// Owns things for its members; nobody signs in as one.
    Organization,
}

/// What a member may do with what an organisation owns. Each may do all that those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// See and visit what is private.
    Read,
    /// Create, and change what one has created.
    Contributor,
    /// Change everything.
    Write,
    /// Choose members.
    Admin,
}

// === impl MemberRole ===

impl MemberRole {
    /// All of them, each after what it may do more than.
    pub const ALL: [Self; 4] = [Self::Read, Self::Contributor, Self::Write, Self::Admin];
}

/// A user's place in an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organisation's account.
    pub organization: AccountId,
    /// Its name.
    pub name: Owner,
    /// What the user may do there.
    pub role: MemberRole,
}

/// What a token may do; never more than its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Look, and visit private Spaces of the account.
    Read,
    /// Everything the account may do.
    Write,
    /// What its [`Grant`]s say.
    FineGrained,
}

/// One thing that a fine-grained token may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// With what.
    pub on: GrantTarget,
    /// Change it too; otherwise only look.
    pub write: bool,
}

/// What a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GrantTarget {
    /// One repository.
    Repo(RepoUid),
    /// All that an account owns and will own.
    Owner(AccountId),
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
stored_words!(Scope { Read = "read", Write = "write", FineGrained = "fineGrained" });
stored_words!(AccountKind { User = "user", Organization = "organization" });
stored_words!(MemberRole { Read = "read", Contributor = "contributor", Write = "write", Admin = "admin" });

/// Who somebody is where they sign in, outside this house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider, by the name that it gives itself.
    pub issuer: String,
    /// What it calls them; nobody else is ever called that there. At most 255 characters.
    pub subject: String,
    /// What they would like to be called, in their provider's spelling: others may be called that too.
    pub name: Option<String>,
}

/// A user or organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For life.
    pub id: AccountId,
    /// Who or what it is.
    pub kind: AccountKind,
    /// Unique, compared without regard to case.
    pub name: Owner,
    /// Beyond its own Spaces.
    pub role: Role,
}
