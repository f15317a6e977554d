//! `glasshouse engine …`: whose the containers of a data folder are. Asks no server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Output;
use crate::app::maintenance;

#[derive(Debug, Subcommand)]
pub(super) enum EngineCommand {
    /// Give a copied data folder an identity of its own: it starts without containers and rebuilds its images
    Rename(FolderArgs),
    /// Let a data folder take over the containers of the folder it was copied from, which must no longer be in use
    Take(FolderArgs),
}

#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// The server's data folder [default: ./glasshouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(command: EngineCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        EngineCommand::Rename(args) => {
            maintenance::rename_engine(args.data, args.config.as_deref())?;
            output.result(
                &json!({ "renamed": true }),
                "it gets an identity of its own at the next start",
            );
        }
        EngineCommand::Take(args) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(maintenance::take_engine(args.data, args.config.as_deref()))?;
            output.result(
                &json!({ "taken": true }),
                "the server takes them over at the next start",
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
