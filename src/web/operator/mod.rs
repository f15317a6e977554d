//! The operator's console: what the host holds and uses, Space by Space, and an operator's hand on it.

mod rates;
mod table;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use serde::Deserialize;

use super::chart::Bar;
use super::error::show;
use super::posted::{Fields, Posted};
use super::visitor::{Frame, Visitor};
use super::{PageError, WebState, text};
use crate::auth::WantedToken;
use crate::domain::{Account, BuildState, Fault, Owner, Role, SpaceId};
use crate::store::{BuildRecord, StoreError, Taken};

pub(super) use rates::Rates;
use table::{Column, Row, Table};

/// Of each list.
const BUILDS: i64 = 20;
const EVENTS: i64 = 40;
const REPORTS: i64 = 50;

/// Characters of a reason.
const MAX_REASON: usize = 500;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    sort: String,
    #[serde(default)]
    search: String,
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
    /// A new account and its token, on its one way out.
    account: String,
    token: String,
}

#[derive(Template)]
#[template(path = "operator.html", config = "src/web/askama.toml")]
struct OperatorPage {
    frame: Frame,
    memory: Bar,
    cpu: Bar,
    cpu_total: String,
    spaces: usize,
    awake: usize,
    accounts: usize,
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
    Router::new().route("/operator", get(page).post(act))
}

async fn page(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    render(&state, &visitor, &asked, Outcome::default()).await
}

/// `POST /operator`: `do` names what an operator does.
async fn act(State(state): State<WebState>, posted: Posted) -> Result<Response, PageError> {
    let operator = posted.visitor.operator()?.clone();
    let fields = &posted.fields;
    let section = match fields.get("do") {
        "account" => "accounts",
        "close" => "reports",
        _ => "spaces",
    };
    match apply(&state, &operator, fields).await {
        Ok(None) => Ok(Redirect::to(&format!("/operator#{section}")).into_response()),
        Ok(Some((account, token))) => {
            let outcome = Outcome {
                section,
                account,
                token,
                ..Outcome::default()
            };
            render(&state, &posted.visitor, &Asked::default(), outcome).await
        }
        Err(PageError::BadRequest(problem)) => {
            let outcome = Outcome {
                section,
                problem,
                ..Outcome::default()
            };
            let page = render(&state, &posted.visitor, &Asked::default(), outcome).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// Does it; a new account's name and token, if that is what it was.
async fn apply(
    state: &WebState,
    operator: &Account,
    fields: &Fields,
) -> Result<Option<(String, String)>, PageError> {
    let bad = |text: &str| Err(PageError::BadRequest(text.to_owned()));
    let space = || -> Result<SpaceId, PageError> {
        let id = fields.get("space").parse();
        id.map_err(|_| PageError::BadRequest("There is no such Space.".to_owned()))
    };
    match fields.get("do") {
        "hold" => {
            let reason: String = fields.get("reason").chars().take(MAX_REASON).collect();
            if reason.is_empty() {
                return bad("Say why: the Space's owner reads it.");
            }
            let space = space()?;
            let told = reason.clone();
            state.lifecycle.set_disabled(space, Some(told)).await?;
            state
                .note(operator.id, "space.disable", Some(space), reason)
                .await?;
        }
        "release" => {
            let space = space()?;
            state.lifecycle.set_disabled(space, None).await?;
            state
                .note(operator.id, "space.enable", Some(space), String::new())
                .await?;
        }
        "pause" => {
            let space = space()?;
            state.lifecycle.pause(space).await?;
            state
                .note(operator.id, "space.pause", Some(space), String::new())
                .await?;
        }
        "close" => {
            state.store.close_report(fields.get("report")).await?;
            state
                .note(operator.id, "report.close", None, String::new())
                .await?;
        }
        "account" => {
            return add_account(state, operator, fields.get("name"))
                .await
                .map(Some);
        }
        _ => return bad("There is no such thing to do."),
    }
    Ok(None)
}

async fn add_account(
    state: &WebState,
    operator: &Account,
    name: &str,
) -> Result<(String, String), PageError> {
    let owner: Owner = name
        .parse()
        .map_err(|error| PageError::BadRequest(format!("`{name}`: {error}")))?;
    let account = match state.store.create_account(&owner, Role::User).await {
        Err(StoreError::Taken { what: Taken::Owner }) => {
            return Err(PageError::BadRequest(format!(
                "There is an account `{owner}`."
            )));
        }
        other => other?,
    };
    let wanted = WantedToken::plain(account.id, "first");
    let token = state.auth.issue_token(wanted).await?;
    state
        .note(operator.id, "account.create", None, owner.to_string())
        .await?;
    Ok((owner.to_string(), token.expose().to_owned()))
}

async fn render(
    state: &WebState,
    visitor: &Visitor,
    asked: &Asked,
    outcome: Outcome,
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
        spaces,
        awake,
        beyond,
        names,
    } = table::table(state, &asked.sort, &asked.search).await?;
    let host = state.ledger.host();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let busy = state.rates.host(state.ledger.cpu_nanos());
    let events = state.store.events(EVENTS).await?;
    let reports = state.store.reports(REPORTS).await?;
    let builds = state.store.recent_builds(BUILDS).await?;
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &OperatorPage {
            memory: Bar::new(host.used(), host.limit(), text::memory),
            cpu: Bar::new(busy, cores * 1000, |millis| {
                format!("{:.2}", millis as f64 / 1000.0)
            }),
            cpu_total: text::cpu_time(state.ledger.cpu_nanos() / 1_000_000),
            spaces,
            awake,
            accounts: accounts.len(),
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
                        .and_then(|id| names.get(&id).cloned())
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
