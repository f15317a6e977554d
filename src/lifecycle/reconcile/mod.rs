//! One supervisor for each Space brings what runs to what is stored: it gathers the facts (`stored`, `runtime_state`), asks
//! [`decide`](crate::domain::decide) about them (`step`), does what it says (`actions`, `build`) and begins again.

mod actions;
pub(super) mod adopt;
mod build;
mod delete_space;
pub(super) mod registry;
pub(super) mod runtime_state;
mod snapshot;
mod step;
pub(super) mod stored;
pub(super) mod supervisor;
pub(super) mod supervisors;
pub(super) mod unrecorded;
