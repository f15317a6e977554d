//! `usage`

use clap::Args;
use serde_json::Value;

use super::client::Client;
use super::output::{Output, print, table};
use super::spaces::text;

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// The owner [default: yourself; all owners for operators]
    owner: Option<String>,
    /// How many hours to look back
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Show each hour separately
    #[arg(long)]
    hourly: bool,
    /// Print all figures as CSV
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(args: UsageArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let mut path = format!("/api/usage?hours={}", args.hours);
    if let Some(owner) = &args.owner {
        let owner: crate::domain::Owner = owner.parse()?;
        path += &format!("&owner={owner}");
    }
    if !args.hourly {
        path += "&sum=true";
    }
    if args.csv {
        let mut next = Some(format!("{path}&format=csv"));
        while let Some(path) = next.take() {
            let first = !path.contains("cursor=");
            let answer = client
                .send(client.request(http::Method::GET, &path))
                .await?;
            next = client.next_path(&answer);
            let text = answer.text().await?;
            // The heading stands once.
            let rows = text.split_once("\r\n").filter(|_| !first);
            print(rows.map_or(text.as_str(), |(_, rows)| rows).trim_end());
        }
        return Ok(());
    }
    let mut usage = Value::Null;
    let mut next = Some(path);
    while let Some(path) = next.take() {
        let answer = client
            .send(client.request(http::Method::GET, &path))
            .await?;
        next = client.next_path(&answer);
        let mut page: Value = answer.json().await?;
        if let Some(rows) = usage["rows"].as_array_mut() {
            let more = page["rows"].as_array_mut();
            rows.append(more.unwrap_or(&mut Vec::new()));
            usage["complete"] = page["complete"].take();
        } else {
            usage = page;
        }
    }
    let heading = [
        "SINCE",
        "SPACE",
        "CPU s",
        "GB s",
        "REQUESTS",
        "FAILED",
        "IN",
        "OUT",
        "WAKES",
        "BUILDS",
        "THROTTLED s",
    ];
    let rows = usage["rows"].as_array().into_iter().flatten().map(row);
    let heading = heading.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    if rows.len() == 1 && !output.is_json() {
        output.note("Nothing was used.");
        return Ok(());
    }
    output.result(&usage, table(&rows));
    Ok(())
}

fn row(row: &Value) -> Vec<String> {
    let number = |key: &str| row[key].as_f64().unwrap_or_default();
    let classes = [
        "requests1xx",
        "requests2xx",
        "requests3xx",
        "requests4xx",
        "requests5xx",
    ];
    let requests: f64 = classes.into_iter().map(number).sum();
    vec![
        text(&row["hour"]).chars().take(16).collect(),
        text(&row["space"]),
        format!("{:.2}", number("cpuMicros") / 1e6),
        format!("{:.1}", number("memoryKibSeconds") * 1024.0 / 1e9),
        format!("{requests:.0}"),
        format!("{:.0}", number("requests5xx")),
        bytes(number("bytesIn")),
        bytes(number("bytesOut")),
        format!("{:.0}", number("wakes")),
        format!("{:.0}", number("builds")),
        format!("{:.2}", number("throttledMicros") / 1e6),
    ]
}

/// Bytes in a unit that leaves few digits.
pub(super) fn bytes(bytes: f64) -> String {
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if bytes >= size {
            return format!("{:.1}{unit}", bytes / size);
        }
    }
    format!("{bytes:.0}")
}
