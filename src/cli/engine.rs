//! `glasshouse engine …`: whose the containers of a data folder are. Asks no server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Output;
use crate::app::maintenance;

#[derive(Debug, Subcommand)]
pub(super) enum EngineCommand {
    /// Give a copied data folder a name of its own: it has no containers then, and builds its images anew
    Rename(FolderArgs),
    /// Let a data folder have the containers of the folder it was copied from, which is not used any more
    Take(FolderArgs),
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// Folder of everything the server keeps [default: ./glasshouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File with more options
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(command: EngineCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        EngineCommand::Rename(args) => {
            maintenance::rename_engine(args.data, args.config.as_deref())?;
            output.result(
                &json!({ "renamed": true }),
                "the next start gives it a name of its own",
            );
        }
        EngineCommand::Take(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(maintenance::take_engine(args.data, args.config.as_deref()))?;
            output.result(&json!({ "taken": true }), "the next start takes them over");
        }
    }
    Ok(ExitCode::SUCCESS)
}
