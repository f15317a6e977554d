//! The whole, as a newcomer meets it.

mod examples;
mod realtime;
