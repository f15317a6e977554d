//! The words of the house and its pure decisions.
//!
//! Everything here is plain data and functions of their arguments: no clock, no I/O, no runtime. Parsing happens at the
//! door, once, into the types below; whoever holds one may trust it.

mod account;
mod address;
mod amount;
mod blocked;
mod build;
mod card;
mod decide;
mod dotenv;
mod egress;
mod first_files;
mod front_matter;
mod hardware;
mod ids;
mod image_sniff;
mod instance;
mod named;
mod oauth;
mod quota;
mod repository;
mod secret;
mod size;
mod space;
mod stage;
mod time;
mod usage;
mod variable;
mod volume;
mod workload;

pub use account::{
    Account, AccountKind, Grant, GrantTarget, Identity, MemberRole, Membership, Role, Scope,
};
pub use address::{household, may_reach, site};
pub use blocked::{Blocked, BlockedBy};
pub use build::{
    Artifact, ArtifactKind, BuildError, BuildFacts, BuildState, Fault, GuestAbi, RunSettings,
};
pub use card::{Card, CardError, CardProblem, Sdk};
pub use decide::{Action, Next, Snapshot, decide};
pub use dotenv::{DotenvEntry, DotenvError, parse_dotenv};
pub use egress::EgressOffer;
pub use first_files::{first_files, is_first_card, is_first_file};
pub use front_matter::FrontMatter;
pub use hardware::{Hardware, Limits};
pub use ids::{
    AccountId, BuildId, InstanceId, NameError, OAuthGrantId, Owner, RepoName, RepoUid, Revision,
    ShortName, SpaceId, Subdomain,
};
pub use image_sniff::is_safe_image;
pub use instance::{ExitReason, InstanceFacts, InstanceState};
pub use named::NamedRepository;
pub use oauth::{OAuthApp, OAuthScope, OAuthScopes};
pub use quota::{Amounts, DiskAmount, Quota, QuotaOverrides, Resource};
pub use repository::{Belonging, RepoKind, Repository};
pub use secret::SecretValue;
pub use size::{bytes_text, decimal_text, size_text};
pub use space::{Desired, SleepAfter, Space, Visibility};
pub use stage::{Stage, StageFacts, stage};
pub use time::{about, now};
pub use usage::UsageCounts;
pub use variable::check_variable;
pub use volume::{MAX_VOLUMES, Volume};
pub use workload::WorkloadId;

/// Milliseconds since the Unix epoch: the one form in which the house stores and compares moments.
pub type Millis = i64;
