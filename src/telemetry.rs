//! What happened: log lines, request ids, metrics.

use std::hash::{BuildHasher, RandomState};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

mod gauges;
mod ledger;
mod metrics;

pub use gauges::Gauges;
pub use metrics::{BuildEnd, CONTENT_TYPE, Metrics, RequestKind};

/// Why log lines cannot be written as asked.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter in `log.level` is none.
    #[error("`log.level` is not a filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something in this process logs already.
    #[error("log lines are being written already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// The name under which a request is found in the log: sixteen hexadecimal digits, told to the visitor in
/// `X-Request-Id`. Always made here; what a client sends under that name is dropped.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

/// Makes request ids: unlike each other, and not to be guessed from one another.
#[derive(Debug, Default)]
pub struct RequestIds {
    next: AtomicU64,
    key: RandomState,
}

/// Where the request id is told.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Begins writing log lines to stderr. Once per process.
///
/// # Errors
/// The filter is none, or it was called before.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter: Targets = config.level.parse()?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()?;
    Ok(())
}

// === impl RequestId ===

impl RequestId {
    /// As a header's value; cloning it copies nothing.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// As text for log lines and pages.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

// === impl RequestIds ===

impl RequestIds {
    /// The next one.
    pub fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [b'0'; 16];
        // The text is twice as long as the number, and hexadecimal digits are a header's value: neither can fail.
        let _ = hex::encode_to_slice(self.key.hash_one(number).to_be_bytes(), &mut text);
        let value = HeaderValue::from_bytes(&text);
        RequestId(value.unwrap_or_else(|_| HeaderValue::from_static("")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_short_and_distinct() {
        let ids = RequestIds::default();
        let some: std::collections::HashSet<_> =
            (0..1000).map(|_| ids.next().as_str().to_owned()).collect();
        assert_eq!(some.len(), 1000);
        assert!(some.iter().all(|id| id.len() == 16));
    }
}
