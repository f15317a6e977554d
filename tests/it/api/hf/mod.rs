//! Through the `hf` command, unmodified.

mod auth;
mod repos;
mod spaces;
mod transfer;
