//! The ledger's metric families.

use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::gauges::Gauges;
use crate::domain::UsageCounts;

/// What all Spaces use and hold together.
pub(super) struct LedgerMetrics {
    shown: Mutex<UsageCounts>,
    bytes_in: Counter,
    bytes_out: Counter,
    throttled: Counter<f64, AtomicU64>,
    memory: Counter<f64, AtomicU64>,
    starts: Counter,
    evictions: Counter,
    build: Counter<f64, AtomicU64>,
    cpu_held: Gauge<f64, AtomicU64>,
    cpu_limit: Gauge<f64, AtomicU64>,
    builds_running: Gauge,
    builds_waiting: Gauge,
    starts_waiting: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

// === impl LedgerMetrics ===

impl LedgerMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let bytes = Family::<Direction, Counter>::default();
        let one = |direction| bytes.get_or_create_owned(&Direction { direction });
        let (bytes_in, bytes_out) = (one("in"), one("out"));
        let help = "Bytes of bodies and tunnels between visitors and Spaces";
        registry.register("space_bytes", help, bytes);
        let mut seconds = |name: &str, help: &str| {
            let counter = Counter::<f64, AtomicU64>::default();
            registry.register_with_unit(name, help, Unit::Seconds, counter.clone());
            counter
        };
        let throttled = seconds("throttled", "Time that Spaces waited for CPU credit");
        let build = seconds("build", "Time that builds took");
        let memory = Counter::<f64, AtomicU64>::default();
        let help = "Memory held by Spaces, in gigabyte-seconds";
        registry.register("memory_gigabyte_seconds", help, memory.clone());
        let mut count = |name: &str, help: &str| {
            let counter: Counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let starts = count("starts", "Instances started");
        let evictions = count("evictions", "Spaces put to sleep to make room for another");
        let mut cores = |name: &str, help: &str| {
            let gauge = Gauge::<f64, AtomicU64>::default();
            registry.register_with_unit(name, help, Unit::Other("cores".into()), gauge.clone());
            gauge
        };
        let cpu_held = cores(
            "cpu_held",
            "Cores reserved for containers by their hardware",
        );
        let cpu_limit = cores("cpu_limit", "Cores that can be reserved for containers");
        let mut gauge = |name: &str, help: &str| {
            let gauge: Gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            shown: Mutex::default(),
            bytes_in,
            bytes_out,
            throttled,
            memory,
            starts,
            evictions,
            build,
            cpu_held,
            cpu_limit,
            builds_running: gauge("builds_running", "Builds under way"),
            builds_waiting: gauge("builds_waiting", "Builds waiting in the queue"),
            starts_waiting: gauge("starts_waiting", "Containers waiting for room"),
        }
    }

    /// Brings the counters up to that total.
    pub(super) fn usage(&self, total: &UsageCounts) {
        let mut shown = self.shown.lock();
        let new = total.since(&shown);
        *shown = shown.plus(&new);
        self.bytes_in.inc_by(new.bytes_in);
        self.bytes_out.inc_by(new.bytes_out);
        self.throttled.inc_by(new.throttled_micros as f64 / 1e6);
        self.memory
            .inc_by(new.memory_kib_seconds as f64 * 1024.0 / 1e9);
        self.starts.inc_by(new.starts);
        self.evictions.inc_by(new.evictions);
        self.build.inc_by(new.build_millis as f64 / 1e3);
    }

    /// Says what is held now.
    pub(super) fn set(&self, gauges: &Gauges) {
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.cpu_held.set(gauges.cpu_held as f64 / 1000.0);
        self.cpu_limit.set(gauges.cpu_limit as f64 / 1000.0);
        self.builds_running.set(whole(gauges.builds_running));
        self.builds_waiting.set(whole(gauges.builds_waiting as u64));
        self.starts_waiting.set(whole(gauges.starts_waiting as u64));
    }
}
