//! Pages for people.

mod browser;
mod first_page;
mod forms;
mod start_page;
mod visitors;
