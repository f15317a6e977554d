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

use super::LifecycleError;

/// Does all of an operation even if whoever asked for it leaves in the middle: what is stored is also acted on.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, LifecycleError>> + Send + 'static,
) -> Result<T, LifecycleError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        // Nobody aborts the task, so it can only have panicked, which is this task's panic too.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
