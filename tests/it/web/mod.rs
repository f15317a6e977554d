//! Pages for people.

mod browser;
mod documents;
mod editing;
mod environment;
mod first_page;
pub mod forms;
mod naming;
mod session;
pub mod sign_in;
mod start_page;
mod visitors;
