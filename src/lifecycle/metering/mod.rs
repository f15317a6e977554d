//! What is used, what is kept on disk, and what owners may have of it.

mod disk;
mod quotas;
pub(super) mod usage;

pub use quotas::{Capacity, QuotaLine, QuotaView};
