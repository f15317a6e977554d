//! The operator's console: what the host holds and uses, Space by Space, and an operator's hand on it.

mod acts;
mod host;
mod quotas;
mod rates;
mod table;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::error::show;
use super::usage::Usage;
use super::visitor::{Frame, Visitor};
use super::{PageError, WebState, text};
use crate::domain::{BuildState, Fault};
use crate::store::BuildRecord;

use host::Host;
use quotas::QuotaForm;
pub(super) use rates::Rates;
use table::{Column, Row, Table};

/// Of each list.
const BUILDS: i64 = 20;
const EVENTS: i64 = 40;
const REPORTS: i64 = 50;
const OWNERS: usize = 500;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
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

struct BuildLook {
    name: String,
    state: &'static str,
    mood: &'static str,
    ago: String,
    took: String,
    error: String,
}

struct ReportLook {
    id: String,
    name: String,
    reporter: String,
    reason: String,
    ago: String,
}

struct EventLook {
    moment: String,
    ago: String,
    actor: String,
    action: String,
    space: String,
    detail: String,
}

/// What goes with the answer to a form.
#[derive(Default)]
struct Outcome {
    section: &'static str,
    problem: String,
    /// An account and its new token, on its one way out.
    account: String,
    token: String,
    /// Whether the account was there before.
    reset: bool,
    /// A quota's form that was refused.
    quota: Option<QuotaForm>,
}

#[derive(Template)]
#[template(path = "operator.html", config = "src/web/askama.toml")]
struct OperatorPage {
    frame: Frame,
    host: Host,
    usage: Usage,
    /// Names of accounts, to choose from.
    owners: Vec<String>,
    /// Whose quota was asked for, be there such an account or not.
    owner: String,
    quota: Option<QuotaForm>,
    quota_done: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    beyond: usize,
    search: String,
    builds: Vec<BuildLook>,
    reports: Vec<ReportLook>,
    events: Vec<EventLook>,
    outcome: Outcome,
}

/// `/operator`
pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/operator", get(page).post(acts::act))
        .route("/operator/host", get(host::part))
}

async fn page(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    render(&state, &visitor, &asked, Outcome::default()).await
}

async fn render(
    state: &WebState,
    visitor: &Visitor,
    asked: &Asked,
    mut outcome: Outcome,
) -> Result<Response, PageError> {
    let accounts = state.store.list_accounts().await?;
    let name_of = |id| {
        let account = accounts.iter().find(|account| Some(account.id) == id);
        account
            .map(|account| account.name.to_string())
            .unwrap_or_default()
    };
    let Table {
        columns,
        rows,
        beyond,
        names: space_names,
    } = table::table(state, &asked.sort, &asked.search).await?;
    let events = state.store.events(EVENTS).await?;
    let reports = state.store.reports(REPORTS).await?;
    let builds = state.store.recent_builds(BUILDS).await?;
    let quota = match (outcome.quota.take(), asked.owner.trim()) {
        (Some(refused), _) => Some(refused),
        (None, "") => None,
        (None, name) => match state.account_named(name).await? {
            Some(owner) => Some(quotas::form(state, &owner).await?),
            None => None,
        },
    };
    let owner = match &quota {
        Some(form) => form.owner.clone(),
        None => asked.owner.trim().chars().take(40).collect(),
    };
    let names = accounts.iter().map(|account| account.name.to_string());
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &OperatorPage {
            usage: Usage::of_host(state, &asked.hours).await?,
            owners: names.take(OWNERS).collect(),
            owner,
            quota,
            quota_done: asked.done == "quota",
            host: Host::of(state).await?,
            columns,
            rows,
            beyond,
            search: asked.search.chars().take(100).collect(),
            builds: builds.iter().map(BuildLook::of).collect(),
            reports: reports
                .into_iter()
                .map(|report| ReportLook {
                    id: report.id,
                    name: report.name.to_string(),
                    reporter: name_of(report.reporter),
                    reason: report.reason,
                    ago: text::ago(report.at),
                })
                .collect(),
            events: events
                .into_iter()
                .map(|event| EventLook {
                    moment: text::moment(event.at),
                    ago: text::ago(event.at),
                    actor: name_of(event.actor),
                    action: event.action,
                    space: event
                        .space
                        .and_then(|id| space_names.get(&id).cloned())
                        .unwrap_or_default(),
                    detail: text::line(&event.detail, 300),
                })
                .collect(),
            outcome,
            frame,
        },
    ))
}

// === impl BuildLook ===

impl BuildLook {
    fn of(build: &BuildRecord) -> Self {
        let mood = match build.state {
            BuildState::Queued | BuildState::Running => "busy",
            BuildState::Succeeded => "good",
            BuildState::Failed => "bad",
            BuildState::Superseded => "rest",
        };
        let ended = build
            .finished_at
            .filter(|_| !matches!(build.state, BuildState::Queued));
        let took =
            ended.map(|at| format!("{:.1} s", (at - build.created_at).max(0) as f64 / 1000.0));
        let error = build.error.as_ref().map(|error| {
            let whose = if matches!(error.fault, Fault::Server) {
                "ours: "
            } else {
                ""
            };
            text::line(&format!("{whose}{}", error.message), 200)
        });
        Self {
            name: build.space.to_string(),
            state: build.state.as_str(),
            mood,
            ago: text::ago(build.created_at),
            took: took.unwrap_or_default(),
            error: error.unwrap_or_default(),
        }
    }
}

// === impl OperatorPage ===

impl OperatorPage {
    fn problem_of(&self, section: &str) -> &str {
        match self.outcome.section == section {
            true => &self.outcome.problem,
            false => "",
        }
    }
}
