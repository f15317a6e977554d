//! `top`: which Spaces use the server right now.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, table};
use super::spaces::text;
use super::usage::bytes;

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Measure once and exit
    #[arg(long)]
    once: bool,
    /// Seconds between measurements
    #[arg(long, default_value_t = 2.0)]
    every: f64,
    /// Number of Spaces to show
    #[arg(long, default_value_t = 20)]
    rows: usize,
}

pub(super) async fn run(args: TopArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let every = Duration::from_secs_f64(args.every.clamp(0.2, 3600.0));
    let mut before = client.get("/api/admin/top").await?;
    let live = !args.once && !output.is_json() && std::io::stdout().is_terminal();
    loop {
        tokio::time::sleep(every).await;
        let now = client.get("/api/admin/top").await?;
        let mut spaces = rates(&before, &now);
        spaces.truncate(args.rows);
        if live {
            // To the top left, and what was below is cleared: less flicker than an empty screen in between.
            let _ = write!(std::io::stdout(), "\x1b[H\x1b[J");
        }
        let rows: Vec<_> = std::iter::once(heading())
            .chain(spaces.iter().map(row))
            .collect();
        output.result(&spaces.clone().into(), table(&rows));
        if !live {
            return Ok(());
        }
        before = now;
    }
}

/// What each Space used between two looks, by the second; who used most CPU comes first.
fn rates(before: &Value, now: &Value) -> Vec<Value> {
    let seconds = (number(&now["at"]) - number(&before["at"])).max(1.0) / 1000.0;
    let list = |look: &Value| look["spaces"].as_array().cloned().unwrap_or_default();
    let known: HashMap<_, _> = list(before)
        .into_iter()
        .map(|space| (text(&space["space"]), space))
        .collect();
    let mut rates: Vec<_> = list(now)
        .into_iter()
        .map(|space| {
            let earlier = known.get(&text(&space["space"]));
            let rate = |key: &str| {
                let past = earlier.map_or(0.0, |earlier| number(&earlier[key]));
                (number(&space[key]) - past).max(0.0) / seconds
            };
            json!({
                "space": space["space"],
                "cpu": rate("cpuMicros") / 1e6,
                "cpuLimit": number(&space["cpuMillis"]) / 1000.0,
                "throttled": rate("throttledMicros") / 1e6,
                "memoryBytes": space["memoryBytes"],
                "requestsPerSecond": rate("requests"),
                "failedPerSecond": rate("failed"),
                "bytesInPerSecond": rate("bytesIn"),
                "bytesOutPerSecond": rate("bytesOut"),
            })
        })
        .collect();
    let key = |space: &Value| (number(&space["cpu"]), number(&space["requestsPerSecond"]));
    rates.sort_by(|one, other| {
        key(other)
            .partial_cmp(&key(one))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    rates
}

fn heading() -> Vec<String> {
    [
        "SPACE",
        "CPU",
        "OF",
        "THROTTLED",
        "MEMORY",
        "REQ/s",
        "5xx/s",
        "IN/s",
        "OUT/s",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn row(space: &Value) -> Vec<String> {
    let of = |key: &str| number(&space[key]);
    vec![
        text(&space["space"]),
        format!("{:.3}", of("cpu")),
        format!("{:.2}", of("cpuLimit")),
        format!("{:.2}", of("throttled")),
        bytes(of("memoryBytes")),
        format!("{:.1}", of("requestsPerSecond")),
        format!("{:.1}", of("failedPerSecond")),
        bytes(of("bytesInPerSecond")),
        bytes(of("bytesOutPerSecond")),
    ]
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_and_the_busiest_comes_first() {
        let space =
            |name: &str, cpu: u64| json!({"space": name, "cpuMicros": cpu, "cpuMillis": 250});
        let before = json!({"at": 0, "spaces": [space("a/quiet", 5_000_000), space("a/back", 9)]});
        let now = json!({"at": 2000, "spaces": [space("a/quiet", 5_100_000), space("a/back", 0), space("a/new", 1_000_000)]});
        let rates = rates(&before, &now);
        let seen: Vec<_> = rates
            .iter()
            .map(|rate| (text(&rate["space"]), number(&rate["cpu"])))
            .collect();
        let expected = [("a/new", 0.5), ("a/quiet", 0.05), ("a/back", 0.0)];
        assert_eq!(seen, expected.map(|(name, cpu)| (name.to_owned(), cpu)));
    }
}
