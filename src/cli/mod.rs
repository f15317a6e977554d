//! The command line. Remote commands speak HTTP to a server, as any client of the Hub's does, and are configured as
//! `hf` is: `HF_ENDPOINT` and `HF_TOKEN`.
//!
//! What a program may want to read goes to stdout, and with `--json` it is one JSON document; everything told to people
//! on the way goes to stderr.

mod accounts;
mod backup;
mod client;
mod doctor;
mod engine;
mod logs;
mod organizations;
mod output;
mod push;
mod quota;
mod serve;
mod spaces;
mod top;
mod upgrade;
mod upload;
mod usage;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::Client;
use output::Output;

/// A self-hosted home for interactive machine-learning demos.
#[derive(Debug, Parser)]
#[command(name = "glasshouse", version, arg_required_else_help = true)]
#[command(
    after_help = "Remote commands talk to the server at HF_ENDPOINT (default: http://127.0.0.1:7860) with the token \
                  in HF_TOKEN, or with the one that `hf auth login` stored."
)]
struct Cli {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Replace the running server with the newly installed program, without refusing any visitor
    Upgrade(upgrade::UpgradeArgs),
    /// Publish a folder as a Space, and wait until it runs
    Push(push::PushArgs),
    /// List Spaces
    Ls(spaces::ListArgs),
    /// Show a Space's details and state
    Info(spaces::OneArgs),
    /// Show a Space's run log or build log
    Logs(logs::LogsArgs),
    /// Restart a Space
    Restart(spaces::RestartArgs),
    /// Stop a Space until you restart it
    Pause(spaces::OneArgs),
    /// Delete a Space and everything that belongs to it
    Rm(spaces::RemoveArgs),
    /// Manage accounts (operators only)
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// Manage your account's tokens
    #[command(subcommand)]
    Token(accounts::TokenCommand),
    /// Show and set owners' quotas
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
    /// Show usage over time
    Usage(usage::UsageArgs),
    /// Show the server's capacity and what is in use (operators only)
    Capacity,
    /// Show which Spaces use the server right now (operators only)
    Top(top::TopArgs),
    /// Show the audit trail (operators only)
    Audit(quota::AuditArgs),
    /// Stop a Space until it is enabled again (operators only)
    Disable(quota::DisableArgs),
    /// Enable a disabled Space (operators only)
    Enable(quota::EnableArgs),

    /// Manage organisations, which own what several people work on
    #[command(subcommand)]
    Org(organizations::OrganizationCommand),
    /// Back up a data folder while a server uses it, and check the copy
    Backup(backup::BackupArgs),
    /// Restore a data folder from a backup, or only check the backup
    Restore(backup::RestoreArgs),
    /// Decide which data folder owns its containers
    #[command(subcommand)]
    Engine(engine::EngineCommand),
    /// Check this host, and say what to install or change
    Doctor {
        /// The server's data folder
        #[arg(
            long,
            env = "GLASSHOUSE_DATA",
            value_name = "DIR",
            default_value = "./glasshouse-data"
        )]
        data: PathBuf,
    },
    /// Compile one WebAssembly module from stdin; the server runs this for every build
    #[command(hide = true)]
    CompileWorker {
        /// What the module may be
        #[arg(long)]
        world: String,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let result = match cli.command {
        // It confines itself before it looks at what it is given, so nothing is started around it.
        Command::CompileWorker { .. } => return crate::app::compile_worker(),
        Command::Doctor { data } => doctor::run(&data, &output),
        Command::Serve(args) => serve::run(args),
        Command::Backup(args) => backup::backup(args, &output),
        Command::Restore(args) => backup::restore(args, &output),
        Command::Engine(command) => engine::run(command, &output),
        Command::Upgrade(args) => upgrade::run(args, &output),
        remote => run_remote(remote, &output),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run_remote(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::from_environment()?;
        match command {
            Command::Push(args) => return push::run(args, &client, output).await,
            Command::Ls(args) => spaces::list(args, &client, output).await?,
            Command::Info(args) => spaces::info(args, &client, output).await?,
            Command::Logs(args) => logs::run(args, &client, output).await?,
            Command::Restart(args) => spaces::restart(args, &client, output).await?,
            Command::Pause(args) => spaces::pause(args, &client, output).await?,
            Command::Rm(args) => spaces::remove(args, &client, output).await?,
            Command::User(command) => accounts::user(command, &client, output).await?,
            Command::Token(command) => accounts::token(command, &client, output).await?,
            Command::Quota(command) => quota::quota(command, &client, output).await?,
            Command::Usage(args) => usage::run(args, &client, output).await?,
            Command::Capacity => quota::capacity(&client, output).await?,
            Command::Top(args) => top::run(args, &client, output).await?,
            Command::Audit(args) => quota::audit(args, &client, output).await?,
            Command::Disable(args) => quota::disable(args, &client, output).await?,
            Command::Enable(args) => quota::enable(args, &client, output).await?,

            Command::Org(command) => organizations::run(command, &client, output).await?,
            Command::Serve(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Engine(_)
            | Command::Upgrade(_)
            | Command::Doctor { .. }
            | Command::CompileWorker { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_folder_of_a_push_may_be_left_out() {
        for (line, folder) in [("push me/demo", "."), ("push site me/demo", "site")] {
            let words = std::iter::once("glasshouse").chain(line.split(' '));
            match Cli::parse_from(words).command {
                Command::Push(args) => {
                    assert_eq!(
                        (args.id.to_string(), args.folder),
                        ("me/demo".to_owned(), PathBuf::from(folder))
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
