//! Why a guest gave no answer, and what the visitor and the author are told of it.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use crate::ledger::{Refused, Tier};

/// A request that got no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It ran past its deadline.
    Deadline,
    /// It trapped; the text is the engine's.
    Trap(String),
    /// It ended by itself with that exit code.
    Exit(i32),
    /// It ended without an answer.
    Silent,
    /// It answered with an error.
    Code(ErrorCode),
    /// What it answered is no answer.
    Garbled(String),
    /// There was no memory for it.
    Memory(Refused),
    /// There is no place for it right now.
    Full,
    /// Its owner stopped it, or a newer version has its place.
    Stopped,
    /// Its program could not be loaded: ours.
    Load(wasmtime::Error),
    /// Something of ours broke.
    Ours(wasmtime::Error),
}

// === impl Failure ===

impl Failure {
    /// What went wrong in a call into a guest. `refused` is the last memory it did not get.
    pub(super) fn of_call(error: wasmtime::Error, refused: Option<Refused>) -> Self {
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::Full;
        }
        if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            return Self::Exit(exit.0);
        }
        match (error.downcast_ref::<Trap>(), refused) {
            (Some(Trap::Interrupt), _) => Self::Deadline,
            // A guest that did not get memory usually gives up a moment later.
            (_, Some(refused)) => Self::Memory(refused),
            (Some(trap), None) => Self::Trap(trap.to_string()),
            (None, None) => Self::Trap(format!("{error:#}")),
        }
    }

    /// One line for the author's run log.
    pub(super) fn for_author(&self, timeout: std::time::Duration) -> String {
        match self {
            Self::Deadline => format!(
                "cut off after {timeout:?}: set a longer `request_timeout` in the card, or do less per request"
            ),
            Self::Trap(text) => format!("the guest trapped: {text}"),
            Self::Exit(code) => {
                format!("the guest exited with code {code} before it answered")
            }
            Self::Silent => "the guest ended without an answer".into(),
            Self::Code(code) => format!("the guest answered with the error {code:?}"),
            Self::Garbled(what) => format!("the guest's answer is not valid: {what}"),
            Self::Memory(refused) => format!(
                "out of memory: {} more bytes were asked for with {} of {} in use ({})",
                refused.wanted,
                refused.used,
                refused.limit,
                match refused.tier {
                    Tier::Space => "the Space's hardware",
                    Tier::Owner => "the owner's quota",
                    Tier::Host => "the server",
                }
            ),
            Self::Full => "the server has no free instance".into(),
            Self::Stopped => "ended with the Space, which was stopped".into(),
            Self::Load(_) | Self::Ours(_) => {
                "the server failed; its operator can find the reason in the server's log".into()
            }
        }
    }

    /// The answer to the visitor.
    pub(super) fn response(&self, timeout: std::time::Duration) -> Response<Body> {
        let (status, text) = match self {
            Self::Deadline => (
                StatusCode::GATEWAY_TIMEOUT,
                format!("This Space did not finish within its request deadline of {timeout:?}.\n"),
            ),
            Self::Trap(_) | Self::Exit(_) | Self::Silent | Self::Code(_) | Self::Garbled(_) => (
                StatusCode::BAD_GATEWAY,
                "This Space failed to answer. Its author can find the reason in its run log.\n"
                    .into(),
            ),
            Self::Memory(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This Space has no memory left for this request. Try again in a moment.\n".into(),
            ),
            Self::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is busy. Try again in a moment.\n".into(),
            ),
            Self::Stopped => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This Space was stopped.\n".into(),
            ),
            Self::Load(_) | Self::Ours(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The server failed. Its operator can find the reason in the server's log.\n".into(),
            ),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
