//! Pages for people.

mod start_page;
