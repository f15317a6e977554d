//! The whole, as a newcomer meets it.

mod examples;
mod first_start;
mod realtime;
