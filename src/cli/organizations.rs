//! `org …`

use clap::{Subcommand, ValueEnum};
use http::Method;
use serde_json::json;

use super::accounts::columns;
use super::client::Client;
use super::output::Output;
use crate::domain::Owner;

#[derive(Debug, Subcommand)]
pub(super) enum OrganizationCommand {
    /// Create an organisation (operators only)
    Add {
        /// Letters, digits and single hyphens
        name: Owner,
        /// The user who manages its members [default: yourself]
        #[arg(long, value_name = "USER")]
        admin: Option<Owner>,
    },
    /// List the members of an organisation
    Ls {
        /// The organisation
        name: Owner,
    },
    /// Add a user to an organisation, or change a member's role
    Set {
        /// The organisation
        name: Owner,
        /// The user
        user: Owner,
        /// The user's role
        #[arg(value_enum)]
        role: Role,
    },
    /// Remove a user from an organisation
    Rm {
        /// The organisation
        name: Owner,
        /// The user
        user: Owner,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    /// See and visit what is private
    Read,
    /// Create, and change one's own creations
    Contributor,
    /// Change everything
    Write,
    /// Change everything and manage members
    Admin,
}

pub(super) async fn run(
    command: OrganizationCommand,
    client: &Client,
    output: &Output,
) -> anyhow::Result<()> {
    match command {
        OrganizationCommand::Add { name, admin } => {
            let body = json!({ "name": name, "admin": admin });
            let made = client.post("/api/admin/organizations", &body).await?;
            output.result(&made, format_args!("Created the organisation {name}"));
        }
        OrganizationCommand::Ls { name } => {
            let path = format!("/api/organizations/{name}/members");
            let members = client.get(&path).await?;
            output.result(&members, columns(&members, &["user", "role"]));
        }
        OrganizationCommand::Set { name, user, role } => {
            let role = match role {
                Role::Read => "read",
                Role::Contributor => "contributor",
                Role::Write => "write",
                Role::Admin => "admin",
            };
            let path = format!("/api/organizations/{name}/members/{user}");
            let request = client.request(Method::PUT, &path);
            client.send(request.json(&json!({ "role": role }))).await?;
            output.result(
                &json!({ "organization": name, "user": user, "role": role }),
                format_args!("{user} has the role {role} in {name}"),
            );
        }
        OrganizationCommand::Rm { name, user } => {
            let path = format!("/api/organizations/{name}/members/{user}");
            client.send(client.request(Method::DELETE, &path)).await?;
            output.result(
                &json!({ "organization": name, "user": user, "removed": true }),
                format_args!("Removed {user} from {name}"),
            );
        }
    }
    Ok(())
}
