//! Git's own protocol (gitprotocol-http, gitprotocol-pack): what clones and what pushes.
//!
//! Reading is git's work: `git http-backend` serves it ([`fetch`]). Writing is ours, so that a push and a commit through
//! the API go through the same lock and the same checks: commands are read, the pack is unpacked by `git unpack-objects`
//! into a folder of its own, everything new in there is looked at ([`inspect`]), and only then, under the repository's
//! lock, objects get their names and references move ([`land`]). A push that breaks off leaves nothing behind.
//!
//! No shell runs, nothing a client sent becomes an argument, and git sees no configuration or environment but ours
//! ([`process`]). So many of its processes run at once, and none waits for a client that sends: a fetch's request
//! ([`request`]) and a push's pack ([`pack`]) have arrived before,
//! and what one is slow to take lies aside ([`outbox`]). What has come to many small files is packed later ([`tidy`]).

mod commands;
mod fetch;
mod fsck;
mod gc;
mod inspect;
mod land;
mod outbox;
mod pack;
mod permits;
mod pktline;
mod process;
mod receive;
mod request;

pub use fetch::{Fetch, FetchRequest};
pub use land::Landed;
pub(super) use permits::GitPermits;
pub use receive::{Push, Received};
