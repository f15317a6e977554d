//! Metric families. All labels are from closed lists, so that strangers cannot make the page grow.

use std::fmt;
use std::sync::atomic::AtomicU64;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::gauges::Gauges;
use super::ledger::LedgerMetrics;
use crate::domain::UsageCounts;

/// The media type of [`Metrics::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RequestKind {
    /// The hub itself.
    Hub,
    /// A Space in this process: static or WASI.
    Inside,
    /// A Space behind an address of its own.
    Outside,
    /// The gateway, in a Space's place: it sleeps, is refused, is full or does not exist.
    Gateway,
}

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BuildEnd {
    /// Its artifact stands.
    Succeeded,
    /// The author has to mend something.
    Author,
    /// The server failed it.
    Server,
    /// A newer publish, or its owner, ended it.
    Cancelled,
}

/// Everything counted. Handed to who counts; there is no global one.
pub struct Metrics {
    registry: Registry,
    requests: [[Counter; CLASSES]; KINDS],
    builds: Family<BuildLabels, Counter>,
    /// Requests that waited for a sleeping Space until it answered.
    pub wakes: Counter,
    /// How long they waited, in seconds.
    pub wake_seconds: Histogram,
    /// Requests turned away because a Space had too many already.
    pub turned_away: Counter,
    /// CPU time of all Spaces, in seconds.
    pub cpu_seconds: Counter<f64, AtomicU64>,
    spaces: Gauge,
    programs: Gauge,
    memory_held: Gauge,
    memory_limit: Gauge,
    ledger: LedgerMetrics,
}

const KINDS: usize = 4;
const CLASSES: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    by: RequestKind,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    end: BuildEnd,
}

// === impl Metrics ===

impl Metrics {
    /// All families, at zero.
    #[expect(
        clippy::new_without_default,
        reason = "counters at zero are not a default of anything"
    )]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("glasshouse");
        let requests = Family::<RequestLabels, Counter>::default();
        let counters = request_counters(&requests);
        registry.register(
            "requests",
            "Requests by component and class of status",
            requests,
        );
        let builds = Family::default();
        registry.register("builds", "Builds by result", Clone::clone(&builds));
        let wakes = Counter::default();
        registry.register(
            "wakes",
            "Requests that woke a Space and were answered",
            wakes.clone(),
        );
        let wake_seconds = Histogram::new(exponential_buckets(0.001, 4.0, 9));
        let help = "How long requests waited for a Space to wake";
        registry.register_with_unit("wake", help, Unit::Seconds, wake_seconds.clone());
        let turned_away = Counter::default();
        let help = "Requests refused because their Space was at its limit";
        registry.register("turned_away", help, turned_away.clone());
        let cpu_seconds = Counter::default();
        let help = "CPU time of all Spaces";
        registry.register_with_unit("cpu", help, Unit::Seconds, cpu_seconds.clone());
        let mut gauge = |name: &str, help: &str, unit: Option<Unit>| {
            let gauge = Gauge::default();
            match unit {
                Some(unit) => registry.register_with_unit(name, help, unit, gauge.clone()),
                None => registry.register(name, help, gauge.clone()),
            }
            gauge
        };
        let spaces = gauge("spaces", "Spaces with an address", None);
        let programs = gauge(
            "wasm_programs",
            "WebAssembly programs loaded in memory",
            None,
        );
        let memory_held = gauge(
            "memory_held",
            "Memory held by all Spaces",
            Some(Unit::Bytes),
        );
        let memory_limit = gauge(
            "memory_limit",
            "Memory that all Spaces may hold",
            Some(Unit::Bytes),
        );
        let ledger = LedgerMetrics::new(&mut registry);
        Self {
            registry,
            requests: counters,
            builds,
            wakes,
            wake_seconds,
            turned_away,
            cpu_seconds,
            spaces,
            programs,
            memory_held,
            memory_limit,
            ledger,
        }
    }

    /// Counts an answered request.
    pub fn request(&self, by: RequestKind, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        self.requests[by as usize][class].inc();
    }

    /// Counts a build that ended.
    pub fn build(&self, end: BuildEnd) {
        self.builds.get_or_create(&BuildLabels { end }).inc();
    }

    /// Brings the counters of use up to what it came to since the server started.
    pub fn usage(&self, total: &UsageCounts) {
        self.ledger.usage(total);
    }

    /// The page as Prometheus reads it.
    ///
    /// # Errors
    /// None that a string would give; the signature is the encoder's.
    pub fn encode(&self, gauges: &Gauges) -> Result<String, fmt::Error> {
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.spaces.set(whole(gauges.spaces as u64));
        self.programs.set(whole(gauges.programs_loaded as u64));
        self.memory_held.set(whole(gauges.memory_held));
        self.memory_limit.set(whole(gauges.memory_limit));
        self.ledger.set(gauges);
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

/// All counters of the family, found by index: a request must not look labels up.
fn request_counters(family: &Family<RequestLabels, Counter>) -> [[Counter; CLASSES]; KINDS] {
    use RequestKind::{Gateway, Hub, Inside, Outside};
    [Hub, Inside, Outside, Gateway].map(|by| {
        ["1xx", "2xx", "3xx", "4xx", "5xx"]
            .map(|class| family.get_or_create_owned(&RequestLabels { by, class }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.request(RequestKind::Gateway, StatusCode::NOT_FOUND);
        metrics.request(RequestKind::Inside, StatusCode::OK);
        metrics.build(BuildEnd::Author);
        metrics.wakes.inc();
        metrics.cpu_seconds.inc_by(1.5);
        let gauges = Gauges {
            spaces: 3,
            programs_loaded: 1,
            memory_held: 7,
            memory_limit: 9,
            cpu_held: 500,
            cpu_limit: 8000,
            builds_running: 1,
            builds_waiting: 2,
            starts_waiting: 3,
        };
        let used = UsageCounts {
            bytes_in: 5,
            evictions: 2,
            ..UsageCounts::default()
        };
        metrics.usage(&used);
        metrics.usage(&used);
        let text = metrics.encode(&gauges).expect("a string");
        for line in [
            "glasshouse_requests_total{by=\"Gateway\",class=\"4xx\"} 1",
            "glasshouse_requests_total{by=\"Inside\",class=\"2xx\"} 1",
            "glasshouse_builds_total{end=\"Author\"} 1",
            "glasshouse_wakes_total 1",
            "glasshouse_cpu_seconds_total 1.5",
            "glasshouse_spaces 3",
            "glasshouse_memory_limit_bytes 9",
            "glasshouse_space_bytes_total{direction=\"in\"} 5",
            "glasshouse_evictions_total 2",
            "glasshouse_cpu_held_cores 0.5",
            "glasshouse_starts_waiting 3",
        ] {
            assert!(text.contains(line), "no {line:?} in\n{text}");
        }
    }
}
