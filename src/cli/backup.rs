//! `glasshouse backup` and `glasshouse restore`. They work on folders and ask no server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::output::Output;
use crate::app::maintenance::{self, LeftOutOf, Manifest};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Folder to write the backup to; it must not exist yet
    to: PathBuf,
    /// The server's data folder [default: ./glasshouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Leave out the keys; keep them elsewhere: a backup together with its keys reveals every secret
    #[arg(long)]
    without_keys: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Folder that `glasshouse backup` wrote
    from: PathBuf,
    /// Folder to restore into; it must not exist or must be empty
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    data: Option<PathBuf>,
    /// Folder that holds the keys `secrets` and `seal`, for a backup without keys
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Only check whether the backup is complete
    #[arg(long, conflicts_with_all = ["data", "keys"])]
    check: bool,
}

pub(super) fn backup(args: BackupArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let data = maintenance::data_folder(args.data, args.config.as_deref())?;
    let made = maintenance::back_up(&data, &args.to, !args.without_keys);
    let manifest = block_on(made)?.context("no backup was made")?;
    let to = args.to.display();
    let keys = match manifest.keys {
        true => "It contains the keys: anyone who can read it can read every secret.",
        false => "It does not contain the keys: keep `keys/secrets` and `keys/seal` elsewhere.",
    };
    tell(output, &manifest, &format!("{to} is complete"), keys);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(args: RestoreArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let from = args.from.display();
    let Some(data) = args.data.filter(|_| !args.check) else {
        let manifest = block_on(maintenance::check(&args.from))?
            .with_context(|| format!("{from} is damaged or incomplete"))?;
        tell(output, &manifest, &format!("{from} is complete"), "");
        return Ok(ExitCode::SUCCESS);
    };
    let restored = maintenance::restore(&args.from, &data, args.keys.as_deref());
    let manifest = block_on(restored)?.context("nothing was restored")?;
    let summary = format!("{} was restored", data.display());
    let next = format!("glasshouse serve --data {}", data.display());
    tell(output, &manifest, &summary, &next);
    Ok(ExitCode::SUCCESS)
}

fn tell(output: &Output, manifest: &Manifest, summary: &str, more: &str) {
    let (repositories, created) = (manifest.repositories, &manifest.created);
    let mut text = format!("{summary}: {repositories} repositories, backed up at {created}\n");
    for of in &manifest.left_out {
        text += &left_out(of);
        text.push('\n');
    }
    text += more;
    output.result(
        &json!({
            "ok": true,
            "created": created,
            "version": manifest.version,
            "repositories": repositories,
            "keys": manifest.keys,
            "left_out": manifest.left_out,
        }),
        text.trim_end(),
    );
}

/// One line about what is not in the backup.
fn left_out(of: &LeftOutOf) -> String {
    let whose = match &of.space {
        Some(space) => format!("the storage of Space {space}"),
        None => format!("{}, which belongs to no Space", of.folder),
    };
    let (too_deep, not_files) = (of.left_out.too_deep, of.left_out.not_files);
    let mut parts = Vec::new();
    if too_deep > 0 {
        parts.push(format!("{too_deep} nested too deeply"));
    }
    if not_files > 0 {
        parts.push(format!(
            "{not_files} that are not files, folders or links, or that could not be read"
        ));
    }
    format!("Entries left out from {whose}: {}", parts.join(", "))
}

/// Two threads: one copies while the other waits for git.
fn block_on<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}
