//! Strangers' traffic.

mod connections;
mod crowd;
mod error_pages;
mod head;
mod headers;
mod private;
mod queue;
mod routing;
mod slow_clients;
mod static_files;
mod streaming;
mod visitors;
mod wake;
