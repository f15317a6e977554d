//! `logs`, and reading the server's event streams.

use anyhow::Context;
use clap::Args;
use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, SpaceId};
use super::output::{Output, print};

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
    /// Follow the log; with --json, print one object per line
    #[arg(long, short)]
    follow: bool,
    /// Show the newest build's log instead of the running app's
    #[arg(long)]
    build: bool,
    /// Show only this many of the last lines
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<u64>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// As the server writes moments: later ones sort after earlier ones.
    pub(super) at: String,
    /// Without its newline.
    pub(super) text: String,
}

pub(super) async fn run(args: LogsArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let id = args.id;
    let which = if args.build { "build" } else { "run" };
    let tail = args
        .tail
        .map(|lines| format!("&tail={lines}"))
        .unwrap_or_default();
    let path = id.path(&format!("/logs/{which}?follow={}{tail}", args.follow));
    if args.follow {
        return each(client, &path, |line| {
            if output.is_json() {
                print(line.json());
            } else {
                print(printable(&line.text));
            }
        })
        .await;
    }
    let mut lines = Vec::new();
    each(client, &path, |line| lines.push(line)).await?;
    if output.is_json() {
        print(Value::from(
            lines.iter().map(Line::json).collect::<Vec<_>>(),
        ));
    } else {
        lines.iter().for_each(|line| print(printable(&line.text)));
    }
    Ok(())
}

/// A line as a terminal may see it: apps print what they like, and a terminal obeys it.
pub(super) fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\t' => shown.push('\t'),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

/// The lines that are kept of the newest build's log.
pub(super) async fn build_log(id: &SpaceId, client: &Client) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let path = id.path("/logs/build?follow=false");
    each(client, &path, |line| lines.push(line)).await?;
    Ok(lines)
}

/// Hands over the lines of an event stream until it ends.
async fn each(client: &Client, path: &str, mut line: impl FnMut(Line)) -> anyhow::Result<()> {
    let response = client.send(client.request(Method::GET, path)).await?;
    let mut pieces = response.bytes_stream();
    let mut pending = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.with_context(|| {
            format!(
                "{} closed the connection before the log ended",
                client.endpoint()
            )
        })?;
        pending.extend_from_slice(&piece);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let event: Vec<_> = pending.drain(..=end).collect();
            if let Some(found) = Line::read(&event) {
                line(found);
            }
        }
    }
    Ok(())
}

// === impl Line ===

impl Line {
    /// From `data: {…}`; everything else in a stream keeps it alive and says nothing.
    fn read(event: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(event.strip_prefix(b"data: ")?).ok()?;
        let text = event["data"].as_str()?;
        Some(Self {
            at: event["timestamp"].as_str().unwrap_or_default().to_owned(),
            text: text.strip_suffix('\n').unwrap_or(text).to_owned(),
        })
    }

    fn json(&self) -> Value {
        json!({ "timestamp": self.at, "text": self.text })
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_terminal_is_given_no_orders() {
        assert_eq!(printable("a\tb é"), "a\tb é");
        assert_eq!(printable("\u{1b}[2J\rb\u{9b}m"), "\\u{1b}[2J\\rb\\u{9b}m");
    }
}
