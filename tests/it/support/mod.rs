//! What the tests stand on: a real server, the Hub's protocol by hand, the real clients, and guests.

// Each test uses a part.
#![allow(dead_code)]

pub mod browser;
pub mod cli;
pub mod clients;
pub mod docker;
pub mod git;
pub mod guests;
pub mod http;
pub mod hub;
pub mod identity;
pub mod node;
pub mod proxy;
pub mod server;

pub use clients::{Hf, Python};
pub use docker::DockerServer;
pub use git::Git;
pub use guests::{card, static_site};
pub use http::{Answer, Request};
pub use hub::{Hub, Op, Space};
pub use server::Server;

use std::time::{Duration, Instant};

/// Asks again and again until `ready` has an answer, for at most `patience`.
#[track_caller]
pub fn eventually<T>(patience: Duration, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ready() {
            return answer;
        }
        assert!(
            begin.elapsed() < patience,
            "{what}: not within {patience:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
