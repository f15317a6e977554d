//! `glasshouse upgrade`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};

use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct UpgradeArgs {
    /// Data folder of the server to replace
    #[arg(long, value_name = "DIR", default_value = "./glasshouse-data")]
    data: PathBuf,
}

/// For requests under way to end, and for the start.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who has a data folder, as its file `lock` says.
#[derive(PartialEq, Eq)]
struct Holder {
    process: i32,
    began: String,
    word: String,
    /// When it said so: a server that is kept twice for one reason says the same twice.
    changed_at: Option<SystemTime>,
}

/// Lets the program that is installed where the running server was started from take its place, and waits for it.
pub(super) fn run(args: UpgradeArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let before =
        holder(&args.data)?.context("the server is still starting; try again in a moment")?;
    if before.word == "starting" {
        bail!("the server is still starting; try again in a moment");
    }
    let process = Pid::from_raw(before.process)
        .context("the data folder's file `lock` does not name a process")?;
    kill_process(process, Signal::USR2)
        .context("the server cannot be signalled; run this as the user that runs the server")?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        let Some(now) = holder(&args.data)? else {
            continue;
        };
        if let Some(reason) = now.word.strip_prefix("kept: ")
            && now != before
        {
            bail!("the running server was not replaced: {reason}");
        }
        if now.began != before.began && now.word == "serving" {
            output.note("the new program is serving");
            return Ok(ExitCode::SUCCESS);
        }
    }
    bail!("the new program is not serving yet; see the server's log for the reason")
}

/// `None` while the file is being written.
fn holder(data: &Path) -> anyhow::Result<Option<Holder>> {
    let path = data.join("lock");
    let file =
        File::open(&path).with_context(|| format!("no server is using {}", data.display()))?;
    if file.try_lock().is_ok() {
        bail!("no server is using the data folder {}", data.display());
    }
    let changed_at = file.metadata()?.modified().ok();
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().map(str::to_owned);
    let (process, began, word) = (lines.next(), lines.next(), lines.next());
    Ok(process
        .and_then(|process| process.parse().ok())
        .zip(began)
        .zip(word)
        .map(|((process, began), word)| Holder {
            process,
            began,
            word,
            changed_at,
        }))
}
