//! `glasshouse serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::output::print;
use crate::config::{Config, Flags};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Folder that holds all of the server's data [default: ./glasshouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:7860]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Each Space answers at OWNER-NAME.HOST [default: localhost]
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,
    /// The server's public address, when it is behind a proxy
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Publish the example Spaces that come with the program
    #[arg(long)]
    examples: bool,
    /// Stop containers with the server, instead of leaving them running for the next start
    #[arg(long)]
    stop_containers: bool,
    /// Check the configuration and exit
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let flags = Flags {
        data: args.data,
        listen: args.listen,
        domain: args.domain,
        public_url: args.public_url,
        examples: args.examples.then_some(true),
    };
    let mut config = Config::load(args.config.as_deref(), &flags)?;
    config.server.stop_containers |= args.stop_containers;
    if args.check {
        print(format_args!(
            "The configuration is valid: the server would serve {} at {}.",
            config.data.display(),
            config.hub_url()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = crate::app::threads::runtime(&config.server)?;
    let successor = runtime.block_on(crate::app::run(config))?;
    // Nothing is waited for that does not end by itself.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match successor {
        Some(successor) => Err(successor.take_over()),
        None => Ok(ExitCode::SUCCESS),
    }
}
