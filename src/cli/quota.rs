//! `quota …`, `capacity`, `audit`, `disable`, `enable`

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::client::{Client, SpaceId};
use super::output::{Output, table};
use super::spaces::text;
use crate::domain::Resource;

#[derive(Debug, Subcommand)]
pub(super) enum QuotaCommand {
    /// Show an owner's quotas and what is in use
    Show {
        /// The owner (operators only) [default: yourself]
        owner: Option<String>,
    },
    /// Set an owner's quotas (operators only); `default` restores the server's default
    ///
    /// A lower quota does not take anything away from an owner, who just cannot get more.
    Set(Box<SetArgs>),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The owner
    owner: String,
    /// Spaces, whether they run or not
    #[arg(long, value_name = "N")]
    spaces: Option<String>,
    /// Models
    #[arg(long, value_name = "N")]
    models: Option<String>,
    /// Datasets
    #[arg(long, value_name = "N")]
    datasets: Option<String>,
    /// Containers that run at the same time
    #[arg(long, value_name = "N")]
    instances: Option<String>,
    /// Cores, such as 2 or 0.5
    #[arg(long, value_name = "CORES")]
    cpu: Option<String>,
    /// Memory, such as `4 GiB`
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Disk, such as `50 GiB`
    #[arg(long, value_name = "SIZE")]
    disk: Option<String>,
    /// Files and folders on disk
    #[arg(long, value_name = "N")]
    files: Option<String>,
    /// Builds that run at the same time
    #[arg(long, value_name = "N")]
    builds: Option<String>,
    /// Seconds of CPU time per day
    #[arg(long, value_name = "N")]
    cpu_seconds_per_day: Option<String>,
    /// Minutes of building per day
    #[arg(long, value_name = "N")]
    build_minutes_per_day: Option<String>,
    /// Traffic to visitors per day, such as `100 GiB`
    #[arg(long, value_name = "SIZE")]
    egress_per_day: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DisableArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
    /// The reason, which the Space's owner sees
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct EnableArgs {
    /// The Space
    #[arg(value_name = "OWNER/NAME")]
    id: SpaceId,
}

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Maximum number of entries
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

pub(super) async fn quota(
    command: QuotaCommand,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let shown = match command {
        QuotaCommand::Show { owner: None } => client.get("/api/quota").await?,
        QuotaCommand::Show { owner: Some(owner) } => {
            client.get(&path_of(&owner)?).await.with_context(|| owner)?
        }
        QuotaCommand::Set(args) => {
            let body = args.body()?;
            let request = client
                .request(Method::PUT, &path_of(&args.owner)?)
                .json(&body);
            let answer = client
                .send(request)
                .await
                .with_context(|| args.owner.clone())?;
            answer.json().await?
        }
    };
    let heading = ["QUOTA", "IN USE", ""].map(str::to_owned).to_vec();
    let quotas = shown["quotas"].as_object().into_iter().flatten();
    let rows = quotas.map(|(name, line)| {
        let own = if line["set"] == true {
            "set"
        } else {
            "default"
        };
        vec![name.clone(), text(&line["text"]), own.to_owned()]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    let resets = text(&shown["resetsAt"]);
    let shown_text = format!("{}\nThe day ends at {resets}.", table(&rows));
    output.result(&shown, shown_text);
    Ok(())
}

pub(super) async fn capacity(client: &Client, output: &Output) -> anyhow::Result<()> {
    let capacity = client.get("/api/admin/capacity").await?;
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let (memory, cpu) = (&capacity["memoryBytes"], &capacity["cpuMillis"]);
    let lines = [
        format!(
            "Memory   {:.0} of {:.0} MiB held",
            number(&memory["used"]) / 1048576.0,
            number(&memory["limit"]) / 1048576.0
        ),
        format!(
            "CPU      {} of {} cores held by containers",
            number(&cpu["used"]) / 1000.0,
            number(&cpu["limit"]) / 1000.0
        ),
        format!(
            "Builds   {} under way, {} waiting",
            capacity["builds"]["running"], capacity["builds"]["waiting"]
        ),
        format!("Starts   {} waiting for room", capacity["startsWaiting"]),
    ];
    output.result(&capacity, lines.join("\n"));
    Ok(())
}

pub(super) async fn audit(args: AuditArgs, client: &Client, output: &Output) -> anyhow::Result<()> {
    let events = client
        .get(&format!("/api/admin/audit?limit={}", args.limit))
        .await?;
    let heading = ["WHEN", "WHO", "WHAT", "DETAIL"]
        .map(str::to_owned)
        .to_vec();
    let rows = events.as_array().into_iter().flatten().map(|event| {
        ["at", "actor", "action", "detail"]
            .map(|key| text(&event[key]))
            .to_vec()
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    output.result(&events, table(&rows));
    Ok(())
}

pub(super) async fn disable(
    args: DisableArgs,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let id = args.id;
    let answer = client
        .post(
            &format!("/api/admin/spaces/{}/{}/disable", id.owner(), id.name()),
            &json!({ "reason": args.reason }),
        )
        .await?;
    output.result(
        &answer,
        format_args!("Disabled {}/{}", id.owner(), id.name()),
    );
    Ok(())
}

pub(super) async fn enable(
    args: EnableArgs,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    let id = args.id;
    let path = format!("/api/admin/spaces/{}/{}/enable", id.owner(), id.name());
    let answer = client.post(&path, &json!({})).await?;
    output.result(
        &answer,
        format_args!("Enabled {}/{}", id.owner(), id.name()),
    );
    Ok(())
}

// === impl SetArgs ===

impl SetArgs {
    fn body(&self) -> anyhow::Result<Value> {
        let fields = [
            (Resource::Spaces, &self.spaces),
            (Resource::Models, &self.models),
            (Resource::Datasets, &self.datasets),
            (Resource::Instances, &self.instances),
            (Resource::Cpu, &self.cpu),
            (Resource::Memory, &self.memory),
            (Resource::Disk, &self.disk),
            (Resource::Files, &self.files),
            (Resource::Builds, &self.builds),
            (Resource::CpuSecondsPerDay, &self.cpu_seconds_per_day),
            (Resource::BuildMinutesPerDay, &self.build_minutes_per_day),
            (Resource::EgressBytesPerDay, &self.egress_per_day),
        ];
        let mut body = Map::new();
        for (resource, given) in fields {
            let Some(given) = given else { continue };
            let (name, wanted) = (resource.word(), resource.wanted());
            let value = match given.as_str() {
                "default" => Value::Null,
                given => match resource.read(given) {
                    Some(value) => value.into(),
                    None => bail!("`{given}` for {name} is not {wanted}, nor `default`"),
                },
            };
            body.insert(name.to_owned(), value);
        }
        if body.is_empty() {
            bail!("name at least one quota to set, such as --spaces; --help lists them all");
        }
        Ok(body.into())
    }
}

fn path_of(owner: &str) -> anyhow::Result<String> {
    let owner: crate::domain::Owner = owner.parse()?;
    Ok(format!("/api/admin/quotas/{owner}"))
}
