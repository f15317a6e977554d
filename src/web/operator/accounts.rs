//! People and organisations: added, and let in again.

use askama::Template;
use axum::response::Response;

use super::{Asked, Outcome, Tab, TabLink, names};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState};

#[derive(Template)]
#[template(path = "operator/accounts.html", config = "src/web/askama.toml")]
struct AccountsPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    /// To choose from.
    owners: Vec<String>,
    /// The organisation that was just added.
    added: String,
    outcome: Outcome,
}

pub(super) async fn page(
    state: &WebState,
    visitor: &PageRequest,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let accounts = state.store.list_accounts().await?;
    let added = match asked.done.as_str() {
        "organization" => accounts
            .iter()
            .find(|account| account.name.to_string() == asked.owner)
            .map(|account| account.name.to_string()),
        _ => None,
    };
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &AccountsPage {
            tabs: Tab::Accounts.links(),
            owners: names(&accounts),
            added: added.unwrap_or_default(),
            outcome,
            frame,
        },
    ))
}
