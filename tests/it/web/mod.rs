//! Pages for people.

mod browser;
mod documents;
mod editing;
mod environment;
mod first_page;
pub mod forms;
mod naming;
mod session;
mod start_page;
mod visitors;
