//! The operator's console: what needs an operator first, then the host, every Space, and an operator's hand on them.

mod accounts;
mod acts;
mod host;
mod problems;
mod quotas;
mod rates;
mod spaces;
mod table;
mod trail;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::page_request::PageRequest;
use super::{PageError, WebState};
use crate::domain::{Account, AccountId};

use quotas::QuotaForm;
pub(super) use rates::Rates;

/// Names of accounts that are offered where one is to be typed.
const OWNERS: usize = 500;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    tab: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    search: String,
    /// Hours that the charts look back.
    #[serde(default)]
    hours: String,
    /// Whose quota is asked for.
    #[serde(default)]
    owner: String,
    #[serde(default)]
    done: String,
}

/// The parts of the console, each a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Problems,
    Host,
    Spaces,
    Builds,
    Quotas,
    Accounts,
    Audit,
}

/// A link to one of them.
struct TabLink {
    label: &'static str,
    href: String,
    chosen: bool,
}

/// What goes with the answer to a form.
#[derive(Default)]
struct Outcome {
    problem: String,
    /// An account and its new token, on its one way out.
    account: String,
    token: String,
    /// Whether the account was there before.
    reset: bool,
    /// A quota's form that was refused.
    quota: Option<QuotaForm>,
}

/// `/operator`
pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/operator", get(page).post(acts::act))
        .route("/operator/host", get(host::part))
}

async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    render(&state, &visitor, &asked, Outcome::default()).await
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, PageError> {
    match asked.tab() {
        Tab::Problems => problems::page(state, visitor, outcome).await,
        Tab::Host => host::page(state, visitor, asked).await,
        Tab::Spaces => spaces::page(state, visitor, asked, outcome).await,
        Tab::Builds => trail::builds(state, visitor).await,
        Tab::Quotas => quotas::page(state, visitor, asked, outcome).await,
        Tab::Accounts => accounts::page(state, visitor, asked, outcome).await,
        Tab::Audit => trail::audit(state, visitor).await,
    }
}

/// The name of one of these accounts; empty when it is gone, or nobody's.
fn name_of(accounts: &[Account], id: Option<AccountId>) -> String {
    let account = accounts.iter().find(|account| Some(account.id) == id);
    account
        .map(|account| account.name.to_string())
        .unwrap_or_default()
}

/// Names of these accounts, to choose from.
fn names(accounts: &[Account]) -> Vec<String> {
    let names = accounts.iter().map(|account| account.name.to_string());
    names.take(OWNERS).collect()
}

// === impl Asked ===

impl Asked {
    /// The part that is asked for: the one that is named, or else the one to which the other questions belong.
    fn tab(&self) -> Tab {
        let named = Tab::ALL
            .into_iter()
            .find(|tab| !self.tab.is_empty() && tab.word() == self.tab);
        let [owner, hours, sort, search] =
            [&self.owner, &self.hours, &self.sort, &self.search].map(|text| !text.is_empty());
        named.unwrap_or(match () {
            () if owner => Tab::Quotas,
            () if hours => Tab::Host,
            () if sort || search => Tab::Spaces,
            () => Tab::Problems,
        })
    }
}

// === impl Tab ===

impl Tab {
    const ALL: [Self; 7] = [
        Self::Problems,
        Self::Host,
        Self::Spaces,
        Self::Builds,
        Self::Quotas,
        Self::Accounts,
        Self::Audit,
    ];

    /// As addresses name it; the first one needs no name.
    fn word(self) -> &'static str {
        match self {
            Self::Problems => "",
            Self::Host => "host",
            Self::Spaces => "spaces",
            Self::Builds => "builds",
            Self::Quotas => "quotas",
            Self::Accounts => "accounts",
            Self::Audit => "audit",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Problems => "Needs attention",
            Self::Host => "Host",
            Self::Spaces => "Spaces",
            Self::Builds => "Builds",
            Self::Quotas => "Quotas",
            Self::Accounts => "Accounts",
            Self::Audit => "Audit trail",
        }
    }

    fn address(self) -> String {
        match self.word() {
            "" => "/operator".to_owned(),
            word => format!("/operator?tab={word}"),
        }
    }

    /// All of them, with this one chosen.
    fn links(self) -> Vec<TabLink> {
        let link = |tab: Self| TabLink {
            label: tab.label(),
            href: tab.address(),
            chosen: tab == self,
        };
        Self::ALL.into_iter().map(link).collect()
    }
}
