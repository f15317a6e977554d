//! Through the `hf` command, unmodified.

mod auth;
mod models;
mod repos;
mod spaces;
mod transfer;
