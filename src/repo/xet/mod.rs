//! Uploads in chunks, as `hf_xet` sends them: what new clients do with large files, without asking and without a way back.
//!
//! A client cuts files into chunks, packs chunks it has not sent before into *xorbs*, sends these, and then a *shard* that
//! says of which chunks of which xorbs each file is made. We keep xorbs for a while, and when a shard comes, put the files
//! together and keep those, as any other large file. Nothing is ever sent back this way: downloads are plain HTTP.
//!
//! - A client remembers which chunks it has sent to an address. The address has the account, the day and a number in it
//!   ([`XetStore`]), so one account's xorbs are of no use to another, and they can be removed: the next upload is given
//!   another address.
//! - Every hash is computed here: a xorb that is not what its name says is refused, and so is a file made of chunks that
//!   its sender does not know.
//! - A file is put together chunk by chunk: memory is that of a few chunks, whatever its size.

mod address;
mod hash;
mod senders;
mod sending;
mod shard;
mod store;
mod xorb;

pub use address::Store as XetStore;
pub use hash::Hash;
pub(super) use senders::Senders;
