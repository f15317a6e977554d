//! `ls`, `info`, `restart`, `pause`, `rm`

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::client::{Client, SpaceId};
use super::output::{Output, Tone, table};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The owner [default: yourself]
    owner: Option<String>,
    /// List the Spaces of all owners
    #[arg(long, conflicts_with = "owner")]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
}

#[derive(Debug, Args)]
pub(super) struct RestartArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
    /// Rebuild it too, without the cache of earlier builds
    #[arg(long)]
    factory: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

const LISTED: &str =
    "expand=runtime&expand=sdk&expand=host&expand=private&expand=lastModified&limit=100";

pub(super) async fn list(args: ListArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let owner = match args.owner {
        Some(owner) => Some(owner.parse::<crate::domain::Owner>()?.to_string()),
        None if args.all || !client.has_token() => None,
        None => Some(client.own_name().await?),
    };
    let author = owner
        .map(|owner| format!("author={owner}&"))
        .unwrap_or_default();
    let spaces = client
        .get_all(&format!("/api/spaces?{author}{LISTED}"))
        .await?;
    let heading = ["SPACE", "STAGE", "SDK", "HARDWARE", "ADDRESS"]
        .map(str::to_owned)
        .to_vec();
    let rows = spaces.iter().map(|space| {
        let runtime = &space["runtime"];
        vec![
            text(&space["id"]),
            output.stage(&text(&runtime["stage"])),
            text(&space["sdk"]),
            text(&runtime["hardware"]["requested"]),
            text(&space["host"]),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    if spaces.is_empty() && !output.is_json() {
        output.note(
            "There are no Spaces here. Publish one with `glasshouse push FOLDER OWNER/NAME`, or list those of all \
             owners with `glasshouse ls --all`.",
        );
        return Ok(());
    }
    output.result(&spaces.into(), table(&rows));
    Ok(())
}

/// What it waits for in which place; nothing when it stands in no line.
fn in_line(queue: &Value) -> String {
    let what = match queue["for"].as_str() {
        Some("build") => "to be built",
        Some(_) => "for room to start",
        None => return String::new(),
    };
    format!("place {}, waiting {what}", queue["place"])
}

pub(super) async fn info(args: OneArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let id = args.id;
    let info = client
        .get(&id.path(""))
        .await
        .with_context(|| id.to_string())?;
    let runtime = &info["runtime"];
    let mut lines = vec![
        ("Space", text(&info["id"])),
        ("Stage", output.stage(&text(&runtime["stage"]))),
        ("Queue", in_line(&runtime["queue"])),
        ("Error", text(&runtime["errorMessage"])),
        ("Address", text(&info["host"])),
        ("Own origin", text(&runtime["domains"][0]["domain"])),
        ("Page", format!("{}/spaces/{id}", client.endpoint())),
        (
            "Visible to",
            if info["private"] == true {
                "its owner".into()
            } else {
                "everybody".into()
            },
        ),
        ("SDK", text(&info["sdk"])),
        ("Hardware", text(&runtime["hardware"]["requested"])),
        (
            "Sleeps after",
            runtime["gcTimeout"]
                .as_u64()
                .map_or_else(String::new, |after| format!("{after} s")),
        ),
        ("Commit", text(&info["sha"])),
        ("Changed", text(&info["lastModified"])),
    ];
    for limit in runtime["limits"].as_array().into_iter().flatten() {
        let state = match limit["reason"].as_str() {
            Some(reason) => output.toned(&format!("not enforced: {reason}"), Tone::Bad),
            None => output.toned("enforced", Tone::Quiet),
        };
        lines.push((
            "Limit",
            format!(
                "{} {} ({state})",
                text(&limit["name"]),
                text(&limit["value"])
            ),
        ));
    }
    let shown = lines.iter().filter(|(_, value)| !value.is_empty());
    let shown: Vec<_> = shown
        .map(|(name, value)| format!("{name:<13} {value}"))
        .collect();
    output.result(&info, shown.join("\n"));
    Ok(())
}

pub(super) async fn restart(
    args: RestartArgs,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let id = args.id;
    let query = if args.factory {
        "/restart?factory=true"
    } else {
        "/restart"
    };
    change(&id, query, client, output).await
}

pub(super) async fn pause(args: OneArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let id = args.id;
    change(&id, "/pause", client, output).await
}

pub(super) async fn remove(
    args: RemoveArgs,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let id = args.id;
    if !args.yes {
        confirm(&id, client)?;
    }
    let body = json!({ "type": "space", "organization": id.owner(), "name": id.name() });
    let request = client
        .request(Method::DELETE, "/api/repos/delete")
        .json(&body);
    let sent = client.send(request).await;
    sent.with_context(|| id.to_string())?;
    output.result(
        &json!({ "id": id.to_string(), "removed": true }),
        format_args!("Deleted {id}"),
    );
    Ok(())
}

async fn change(id: &SpaceId, rest: &str, client: &Client, output: &Output) -> anyhow::Result<()> {
    let runtime = client
        .post(&id.path(rest), &json!({}))
        .await
        .with_context(|| id.to_string())?;
    let stage = output.stage(&text(&runtime["stage"]));
    output.result(&runtime, format_args!("{id} is {stage}"));
    Ok(())
}

fn confirm(id: &SpaceId, client: &Client) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for confirmation: pass --yes to delete {id}");
    }
    let mut stderr = std::io::stderr();
    write!(
        stderr,
        "This permanently deletes {id} from {}. Type its name to continue: ",
        client.endpoint()
    )?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() != id.to_string() {
        bail!("nothing was deleted");
    }
    Ok(())
}

/// A JSON text without its quotes; other values as they are, nothing for null.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
