//! What a guest answers with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::Response;
use wasmtime_wasi_http::WasiBody;

use super::failure::Failure;

/// What a guest gave: a head with a body of one of these kinds, or the reason why not.
pub(super) type Reply = Result<Response<Answer>, Failure>;

/// The body of a guest's answer.
pub(super) enum Answer {
    /// All of it; the guest has returned.
    Whole(Bytes),
    /// The first bytes; the rest is already on its way, and the guest has returned.
    Begun(Bytes, WasiBody),
    /// The guest goes on writing it. What it wrote is all there is, unless it broke.
    Streaming(WasiBody, Broken),
}

/// Set before a guest's body ends because the guest did. The body's channel alone cannot tell an end from a break.
#[derive(Debug, Clone, Default)]
pub(super) struct Broken(Arc<AtomicBool>);

impl Broken {
    /// The guest broke.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
