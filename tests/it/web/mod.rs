//! Pages for people.

mod browser;
mod start_page;
