//! Through the `hf` command, unmodified.

mod auth;
mod models;
mod narrow_tokens;
mod repos;
mod spaces;
mod transfer;
