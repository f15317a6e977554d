//! What an empty data folder gets: an operator's account, and its token in a file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::auth::new_token;
use crate::config::Config;
use crate::domain::{Account, Owner, Role, Scope};
use crate::store::{Actor, NewToken, Store};

/// The operator's account.
const ADMIN: &str = "admin";
/// The name of its first token.
const TOKEN_NAME: &str = "first-start";

/// Makes the account `admin` and its token when there are no accounts, and finishes a first start that was cut off.
///
/// The token is written to `DATA/admin-token` before its hash is stored, so no moment of a crash leaves an account
/// that nobody can use. An admin without any token is given a new one the same way.
///
/// Returns whether a token was made.
pub(super) async fn accounts(store: &Store, data: &Path) -> anyhow::Result<bool> {
    let name: Owner = ADMIN.parse().expect("a plain name");
    let admin = match store.account_by_name(&name).await? {
        Some(admin) if store.list_tokens(admin.id).await?.is_empty() => admin,
        Some(_) => return Ok(false),
        None if store.list_accounts().await?.is_empty() => {
            store
                .create_account(&name, Role::Operator, Actor::Server)
                .await?
        }
        None => return Ok(false),
    };
    give_token(store, &admin, &token_file(data)).await?;
    Ok(true)
}

/// Where the first token is written.
fn token_file(data: &Path) -> PathBuf {
    data.join("admin-token")
}

/// What whoever has started a new server does next.
pub(super) fn welcome(config: &Config) -> String {
    format!(
        "sign in as {ADMIN} at {}/login with the token in {}",
        config.hub_url(),
        token_file(&config.data).display()
    )
}

async fn give_token(store: &Store, admin: &Account, path: &Path) -> anyhow::Result<()> {
    // Always a new one: what stands in the file may have been revoked.
    let (token, hash) = new_token();
    write_private(path, token.expose())?;
    let record = NewToken {
        account: admin.id,
        name: TOKEN_NAME.into(),
        scope: Scope::Write,
        hash,
        expires_at: None,
        grants: Vec::new(),
    };
    store
        .create_token(record)
        .await
        .context("the first token could not be stored")?;
    Ok(())
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let whole = path.with_extension("new");
    // Left by a crash, it could have any mode.
    let _ = fs::remove_file(&whole);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&whole)
        .with_context(|| format!("cannot write {}", whole.display()))?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&whole, path)?;
    Ok(())
}

/// Writes the server's address to `DATA/address`, for scripts that let the system choose the port.
pub(super) fn announce(config: &Config) -> anyhow::Result<()> {
    let path = config.data.join("address");
    fs::write(&path, format!("http://{}\n", config.listen))
        .with_context(|| format!("cannot write {}", path.display()))
}
