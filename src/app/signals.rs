//! What the operator tells a running process by signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// `SIGTERM` and `SIGINT` end the server, `SIGUSR2` lets a newer program take its place.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    replace: Signal,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignalRequest {
    End,
    Replace,
}

// === impl Signals ===

impl Signals {
    /// From here on none of them ends the process by itself.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            replace: signal(SignalKind::user_defined2())?,
        })
    }

    pub(super) async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.terminate.recv() => SignalRequest::End,
            _ = self.interrupt.recv() => SignalRequest::End,
            _ = self.replace.recv() => SignalRequest::Replace,
        }
    }

    /// Done when the end is asked for.
    pub(super) async fn end(&mut self) {
        while self.next().await != SignalRequest::End {}
    }
}
