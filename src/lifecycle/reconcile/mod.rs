//! One supervisor for each Space brings what runs to what is stored: it gathers the facts (`snapshot`), asks
//! [`decide`](crate::domain::decide), does what it says (`actions`) and begins again.

mod actions;
pub(super) mod adopt;
mod build;
pub(super) mod runtime_state;
pub(super) mod snapshot;
pub(super) mod supervisor;
pub(super) mod unrecorded;
