//! What operators do with a data folder beside the server: backups, and whose its containers are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::handover::DataFolder;
use super::settings;
use crate::config::{Config, Flags};
use crate::docker::Engine;

pub use crate::backup::{LeftOutOf, Manifest, back_up, check, restore};
pub use crate::docker::Elsewhere;

/// The data folder that a server started with the same flags would use.
///
/// # Errors
/// When the configuration is refused.
pub fn data_folder(data: Option<PathBuf>, config: Option<&Path>) -> anyhow::Result<PathBuf> {
    Ok(configuration(data, config)?.data)
}

/// Gives a data folder a name of its own towards the container engine, so that it has no containers there. No server may
/// be using it.
///
/// # Errors
/// When one is, or the folder cannot be written to.
pub fn rename_engine(data: Option<PathBuf>, config: Option<&Path>) -> anyhow::Result<()> {
    let config = configuration(data, config)?;
    let _lock = existing(&config.data)?;
    let key = config.data.join("keys/engine");
    match fs::remove_file(&key) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("{} could not be removed", key.display())),
    }
}

/// Makes a data folder the one that its containers belong to. No server may be using it, and none the folder that had them.
///
/// # Errors
/// When one is using it, or the engine does not answer or refuses.
pub async fn take_engine(data: Option<PathBuf>, config: Option<&Path>) -> anyhow::Result<()> {
    let config = configuration(data, config)?;
    let _lock = existing(&config.data)?;
    // Without a claim of its own it is refused by nobody.
    let engine = settings::engine_without_claim(&config, &config.data)?;
    let former = engine.claimant().await?;
    let own = config.data.canonicalize()?;
    if let Some(former) = former.filter(|former| *former != own && is_in_use(former)) {
        bail!(
            "the server of {} is using these containers: stop it first, or give this folder an identity of its own \
             with `glasshouse engine rename`",
            former.display()
        );
    }
    engine.give_up_claim().await?;
    Ok(())
}

/// What of the engine's is not this host's own, for a server whose data folder is, or will lie below, `data`.
///
/// # Errors
/// When no engine answers, or the folder cannot be written to.
pub async fn engine_elsewhere(data: &Path) -> anyhow::Result<Vec<Elsewhere>> {
    // It makes nothing there that would bear a name.
    Engine::new(None, "doctor", None).elsewhere(data).await
}

fn configuration(data: Option<PathBuf>, config: Option<&Path>) -> anyhow::Result<Config> {
    let flags = Flags {
        data,
        ..Flags::default()
    };
    Ok(Config::load(config, &flags)?)
}

/// Whether a server has that folder.
fn is_in_use(data: &Path) -> bool {
    let lock = fs::File::open(data.join("lock"));
    lock.is_ok_and(|lock| lock.try_lock().is_err())
}

fn existing(data: &Path) -> anyhow::Result<DataFolder> {
    if !data.join("keys").is_dir() {
        bail!("{} is not a data folder", data.display());
    }
    DataFolder::open(data, None)
}
