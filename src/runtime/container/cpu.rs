//! CPU time that a container has used.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt;

/// The kernel's own counters of a container, in nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cpu {
    /// Used by all its processes.
    pub(super) used: u64,
    /// For which they were kept from running by the limit, summed over the cores.
    pub(super) throttled: u64,
}

/// What all its processes have used up to now.
pub(super) async fn cpu(docker: &Docker, name: &str) -> Option<Cpu> {
    let options = StatsOptions {
        stream: false,
        one_shot: true,
    };
    let mut stats = std::pin::pin!(docker.stats(name, Some(options)));
    let sample = tokio::time::timeout(Duration::from_secs(5), stats.next());
    let stats = sample.await.ok()??.ok()?;
    let stats = stats.cpu_stats?;
    let throttled = stats.throttling_data.and_then(|data| data.throttled_time);
    Some(Cpu {
        used: stats.cpu_usage?.total_usage?,
        throttled: throttled.unwrap_or(0),
    })
}
