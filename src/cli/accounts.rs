//! `user …`, `token …`

use clap::{Subcommand, ValueEnum};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::client::Client;
use super::output::{Output, table};
use super::spaces::text;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Create an account and print its token
    Add {
        /// Letters, digits and single hyphens
        name: String,
    },
    /// Revoke an account's sessions, tokens and password, and print a new token
    Reset {
        /// The account
        name: String,
    },
    /// List the accounts
    Ls,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token for your own account and print it; it is shown only once
    Create {
        /// The token's name
        #[arg(default_value = "cli")]
        name: String,
        /// What the token may do
        #[arg(long, value_enum, default_value_t = Scope::Write)]
        scope: Scope,
        /// Limit the token to one repository: `spaces/OWNER/NAME`, `datasets/OWNER/NAME` or, for a model, `OWNER/NAME`
        #[arg(long = "for", value_name = "REPO")]
        only: Vec<String>,
        /// Let the token expire after this many days
        #[arg(long)]
        days: Option<u16>,
    },
    /// List the names of your tokens
    Ls,
    /// Revoke one of your tokens
    Rm {
        /// The token's name
        name: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Scope {
    /// Read, and visit your private Spaces
    Read,
    /// Do everything that you may do
    Write,
}

pub(super) async fn user(
    command: UserCommand,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    match command {
        UserCommand::Add { name } => {
            let made = client
                .post("/api/admin/users", &json!({ "name": name }))
                .await?;
            output.note(format_args!(
                "Created the account {name}. Its token, which is shown only once:"
            ));
            output.result(&made, text(&made["token"]));
        }
        UserCommand::Reset { name } => {
            let encoded = utf8_percent_encode(&name, NON_ALPHANUMERIC);
            let path = format!("/api/admin/users/{encoded}/reset");
            let made = client.post(&path, &json!({})).await?;
            output.note(format_args!(
                "Revoked the sessions, tokens and password of {name}. The new token, which is shown only once:"
            ));
            output.result(&made, text(&made["token"]));
        }
        UserCommand::Ls => {
            let users = client.get("/api/admin/users").await?;
            output.result(&users, columns(&users, &["name", "role"]));
        }
    }
    Ok(())
}

pub(super) async fn token(
    command: TokenCommand,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create {
            name,
            scope,
            only,
            days,
        } => {
            let scope_word = match scope {
                _ if !only.is_empty() => "fineGrained",
                Scope::Read => "read",
                Scope::Write => "write",
            };
            let write = matches!(scope, Scope::Write);
            let grants: Vec<_> = only.iter().map(|repo| grant(repo, write)).collect();
            let expires_at = days.map(|days| {
                let after = jiff::SignedDuration::from_hours(24 * i64::from(days));
                (jiff::Timestamp::now() + after).to_string()
            });
            let body = json!({
                "name": name, "scope": scope_word, "grants": grants, "expiresAt": expires_at,
            });
            let made = client.post("/api/tokens", &body).await?;
            output.result(&made, text(&made["token"]));
        }
        TokenCommand::Ls => {
            let tokens = client.get("/api/tokens").await?;
            output.result(
                &tokens,
                columns(&tokens, &["name", "scope", "expiresAt", "lastUsedAt"]),
            );
        }
        TokenCommand::Rm { name } => {
            let encoded = utf8_percent_encode(&name, NON_ALPHANUMERIC);
            let request = client.request(Method::DELETE, &format!("/api/tokens/{encoded}"));
            client.send(request).await?;
            output.result(
                &json!({ "name": name, "removed": true }),
                format_args!("Revoked the token {name}"),
            );
        }
    }
    Ok(())
}

/// A repository as clients write it, with its kind before its name.
fn grant(repo: &str, write: bool) -> Value {
    let kinds = [("spaces/", "space"), ("datasets/", "dataset")];
    let found = kinds
        .iter()
        .find_map(|(prefix, kind)| Some((repo.strip_prefix(prefix)?, *kind)));
    let (repo, kind) = found.unwrap_or((repo, "model"));
    json!({ "repo": repo, "type": kind, "write": write })
}

pub(super) fn columns(list: &Value, keys: &[&str]) -> String {
    // `expiresAt` is headed `EXPIRES AT`.
    let words = |key: &&str| {
        let letters = key.chars().flat_map(|letter| {
            let gap = letter.is_uppercase().then_some(' ');
            gap.into_iter().chain(letter.to_uppercase())
        });
        letters.collect()
    };
    let heading = keys.iter().map(words).collect();
    let row = |entry: &Value| keys.iter().map(|key| text(&entry[*key])).collect();
    let rows = list.as_array().into_iter().flatten().map(row);
    table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}
