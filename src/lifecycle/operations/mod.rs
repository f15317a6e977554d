//! What is asked for: by owners of their Spaces, models and datasets, and by whoever sends commits.
//!
//! Each operation writes the store in one transaction, nudges the Space's supervisor and returns.

mod commits;
mod denied;
mod first_commit;
mod repositories;
mod spaces;

pub use commits::Landing;
pub use first_commit::FirstCommit;
pub use repositories::NewCopy;

pub(super) use spaces::to_the_end;
