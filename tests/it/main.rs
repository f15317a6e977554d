//! Tests that speak to the product as its users do: over HTTP, with the real clients, from the command line.
//!
//! One binary; folders mirror the rooms of `src/`, one behaviour a file. Every test starts a server of its own on a
//! free port with a temporary folder ([`support::Server`]). Modules named `alone` hold tests that measure time or CPU:
//! the runner gives them the whole machine.

// A failed `unwrap` is a failed test, and names its line.
#![allow(clippy::unwrap_used)]
// Nothing here is anybody's library.
#![allow(unreachable_pub)]

mod api;
mod app;
mod architecture;
mod bearers;
mod builder;
mod cli;
mod docker;
mod endpoint_coverage;
mod gateway;
mod guests;
mod ledger;
mod lifecycle;
mod runtime;
mod support;
mod web;
