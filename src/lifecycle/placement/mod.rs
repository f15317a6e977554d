//! Where and when instances start: room for each (`admission`), which idle ones make (`eviction`), and all that one needs
//! to run (`mounts`, `environment`).

pub(super) mod admission;
mod ask;
mod environment;
pub(super) mod eviction;
mod mounts;
pub(super) mod start;
