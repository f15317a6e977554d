//! `glasshouse serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::config::{Config, Flags};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Folder of everything the server keeps [default: ./glasshouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:7860]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Each Space answers at OWNER-NAME.HOST [default: localhost]
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,
    /// How the server is reached from outside, when a proxy stands before it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// File with more options
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Publish the Spaces that come with the program
    #[arg(long)]
    examples: bool,
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let flags = Flags {
        data: args.data,
        listen: args.listen,
        domain: args.domain,
        public_url: args.public_url,
        examples: args.examples.then_some(true),
    };
    let config = Config::load(args.config.as_deref(), &flags)?;
    let runtime = crate::app::threads::runtime(&config.server)?;
    runtime.block_on(crate::app::run(config))?;
    Ok(ExitCode::SUCCESS)
}
