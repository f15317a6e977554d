//! `push`: make a Space hold what a folder holds, and wait until it runs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::client::{Client, SpaceId};
use super::logs::{Line, build_log, printable};
use super::output::Output;
use super::spaces::text;
use super::upload::Commit;
use super::walk::{blob_id, walk};

/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(300);

/// Files that a folder need not have: the Space keeps its own.
const MADE_WITH_A_SPACE: [&str; 2] = [".gitattributes", "README.md"];

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(super) struct PushArgs {
    /// The folder; .git, target, node_modules, __pycache__ and .cache are skipped
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) folder: PathBuf,
    /// The Space; it is created if it does not exist
    #[arg(value_name = "OWNER/NAME")]
    pub(super) id: SpaceId,
    /// The commit message
    #[arg(long, short, default_value = "Push")]
    message: String,
    /// Make the Space private, if it is new
    #[arg(long)]
    private: bool,
    /// The Space's hardware, if it is new
    #[arg(long)]
    hardware: Option<String>,
    /// Return as soon as the files are uploaded, without waiting for the build
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(
    args: PushArgs,
    client: &Client,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let found = walk(&args.folder)?;
    for path in &found.skipped {
        output.note(format_args!(
            "Skipped {path}: it is a link or a special file"
        ));
    }
    let id = args.id.clone();
    create(&id, &args, sdk_of(&found.files), client, output).await?;
    let last_line = build_log(&id, client).await?.pop().map(|line| line.at);
    let commit = difference(&id, args.message, found.files, client).await?;
    let oid = if commit.files.is_empty() && commit.deleted.is_empty() {
        output.note(format_args!("{id} already has these files"));
        commit.parent
    } else {
        let bytes: u64 = commit.files.iter().map(|file| file.size).sum();
        output.note(format_args!(
            "Uploading {} ({bytes} bytes) and removing {} in {}",
            count(commit.files.len()),
            count(commit.deleted.len()),
            client.endpoint()
        ));
        Some(send(&id, commit, client).await?)
    };
    if args.no_wait {
        let pushed = json!({ "id": id.to_string(), "commit": oid });
        output.result(&pushed, format_args!("{}/spaces/{id}", client.endpoint()));
        return Ok(ExitCode::SUCCESS);
    }
    let (runtime, log) = follow(&id, last_line.unwrap_or_default(), client, output).await?;
    report(&id, oid, &runtime, &log, client, output).await
}

/// What a folder without a card of its own is: a lone `app.py` is Gradio's unless it asks for Streamlit.
fn sdk_of(files: &[super::walk::LocalFile]) -> &'static str {
    let has = |path: &str| files.iter().find(|file| file.path == path);
    let streamlit = has("requirements.txt").is_some_and(|file| {
        let text = std::fs::read_to_string(&file.source).unwrap_or_default();
        text.lines()
            .any(|line| line.trim().starts_with("streamlit"))
    });
    match () {
        () if has("Dockerfile").is_some() => "docker",
        () if has("app.wasm").is_some() => "wasi",
        () if has("app.py").is_some() && streamlit => "streamlit",
        () if has("app.py").is_some() => "gradio",
        () => "static",
    }
}

async fn create(
    id: &SpaceId,
    args: &PushArgs,
    sdk: &str,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let mut body = json!({
        "type": "space",
        "organization": id.owner(),
        "name": id.name(),
        "sdk": sdk,
        "visibility": if args.private { "private" } else { "public" },
    });
    if let Some(hardware) = &args.hardware {
        body["hardware"] = hardware.as_str().into();
    }
    let request = client
        .request(Method::POST, "/api/repos/create")
        .json(&body);
    let response = client.try_send(request).await?;
    match response.status() {
        // It is there already.
        StatusCode::CONFLICT => Ok(()),
        status if status.is_success() => {
            output.note(format_args!("Created the Space {id}"));
            Ok(())
        }
        _ => Err(client.refusal(response).await),
    }
}

/// What turns the Space's files into the folder's.
async fn difference(
    id: &SpaceId,
    summary: String,
    mut files: Vec<super::walk::LocalFile>,
    client: &Client,
) -> anyhow::Result<Commit> {
    let info = client.get(&id.path("?expand=sha")).await?;
    let parent = info["sha"].as_str().map(str::to_owned);
    let mut there = HashMap::new();
    if let Some(parent) = &parent {
        let path = id.path(&format!("/tree/{parent}?recursive=true&expand=false"));
        for entry in client.get_all(&path).await? {
            if entry["type"] == "file" {
                there.insert(text(&entry["path"]), text(&entry["oid"]));
            }
        }
    }
    let mut changed = Vec::new();
    for file in files.drain(..) {
        if there
            .remove(&file.path)
            .is_none_or(|oid| blob_id(&file).map_or(true, |own| own != oid))
        {
            changed.push(file);
        }
    }
    let made_with_it = |path: &String| MADE_WITH_A_SPACE.contains(&path.as_str());
    let mut deleted: Vec<_> = there
        .into_keys()
        .filter(|path| !made_with_it(path))
        .collect();
    deleted.sort();
    Ok(Commit {
        summary,
        parent,
        files: changed,
        deleted,
    })
}

async fn send(id: &SpaceId, commit: Commit, client: &Client) -> anyhow::Result<String> {
    let request = client
        .request(Method::POST, &id.path("/commit/main"))
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(commit.into_body());
    let response = client
        .send(request)
        .await
        .context("the files were not published")?;
    let answer: Value = response
        .json()
        .await
        .context("the connection broke before the server had answered the commit")?;
    Ok(text(&answer["commitOid"]))
}

/// Shows the build's log as it grows until the stage is one that lasts: the runtime then, and the last line shown.
async fn follow(
    id: &SpaceId,
    seen: String,
    client: &Client,
    output: &Output,
) -> anyhow::Result<(Value, String)> {
    let mut shown = Shown { seen, lines: 0 };
    let mut last = String::new();
    loop {
        // The stage first: what it was built from is then in the log.
        let runtime = client.get(&id.path("/runtime")).await?;
        for line in shown.news(build_log(id, client).await?) {
            output.note(printable(&line.text));
            last = line.text;
        }
        let stage = runtime["stage"].as_str().unwrap_or_default();
        if !stage.ends_with("BUILDING") && !stage.ends_with("APP_STARTING") {
            return Ok((runtime, last));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn report(
    id: &SpaceId,
    oid: Option<String>,
    runtime: &Value,
    log: &str,
    client: &Client,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let info = client.get(&id.path("?expand=host")).await?;
    let stage = text(&runtime["stage"]);
    let (origin, host) = (origin(client, runtime), text(&info["host"]));
    let error = text(&runtime["errorMessage"]);
    let result = json!({
        "id": id.to_string(),
        "commit": oid,
        "stage": stage,
        "url": origin,
        "host": host,
        "page": format!("{}/spaces/{id}", client.endpoint()),
        "error": runtime["errorMessage"],
    });
    let blocked = !runtime["blocked"].is_null();
    match stage.as_str() {
        "PAUSED" if blocked => {
            if output.is_json() {
                output.result(&result, "");
            }
            output.note(format_args!(
                "{id} is built and is waiting for room. {error}"
            ));
            return Ok(ExitCode::FAILURE);
        }
        "RUNNING" | "SLEEPING" | "PAUSED" => {
            if stage == "PAUSED" {
                output.note(format_args!(
                    "{id} is paused; `glasshouse restart {id}` starts it"
                ));
            }
            if stage == "RUNNING" && !error.is_empty() {
                output.note(&error);
            }
            if host.trim_end_matches('/') != origin.trim_end_matches('/') {
                output.note(format_args!("If that name does not resolve: {host}"));
            }
            output.result(&result, origin);
        }
        _ => {
            if output.is_json() {
                output.result(&result, "");
            }
            output.note(format_args!("{id} is not running: {stage}"));
            // A failed build ends its log with the reason.
            let reason = log.trim_start_matches("Error: ");
            if reason.is_empty() || !error.ends_with(reason) {
                output.note(error);
            }
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The Space's own origin, reached as the server is.
fn origin(client: &Client, runtime: &Value) -> String {
    let scheme = client.endpoint().split("://").next().unwrap_or("http");
    format!("{scheme}://{}/", text(&runtime["domains"][0]["domain"]))
}

/// How much of a log has been shown.
#[derive(Debug)]
struct Shown {
    /// Lines up to this moment are of earlier builds.
    seen: String,
    /// So many after it have been shown.
    lines: usize,
}

// === impl Shown ===

impl Shown {
    /// The lines not shown yet of the whole log as it is now.
    fn news(&mut self, log: Vec<Line>) -> Vec<Line> {
        let new: Vec<_> = log.into_iter().filter(|line| line.at > self.seen).collect();
        // Shorter than before: the log began anew, or lost its older half.
        let from = if new.len() < self.lines {
            0
        } else {
            self.lines
        };
        self.lines = new.len();
        new.into_iter().skip(from).collect()
    }
}

fn count(files: usize) -> String {
    if files == 1 {
        "1 file".to_owned()
    } else {
        format!("{files} files")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[(&str, &str)]) -> Vec<Line> {
        let line = |(at, text): &(&str, &str)| Line {
            at: (*at).to_owned(),
            text: (*text).to_owned(),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn every_line_is_shown_once_and_earlier_builds_never() {
        let mut shown = Shown {
            seen: "1".into(),
            lines: 0,
        };
        let mut news = |lines| {
            let lines = shown.news(log(lines));
            lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        assert_eq!(news(&[("0", "old"), ("1", "older build")]), [""; 0]);
        assert_eq!(news(&[("2", "a"), ("2", "b")]), ["a", "b"]);
        assert_eq!(news(&[("2", "a"), ("2", "b"), ("2", "c")]), ["c"]);
        assert_eq!(news(&[("3", "anew")]), ["anew"]);
    }
}
