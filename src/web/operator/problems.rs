//! What needs an operator now. Where there is nothing, that is what it says.

use askama::Template;
use axum::response::Response;

use super::{Outcome, Tab, TabLink, name_of};
use crate::domain::{BlockedBy, Space, Stage, decimal_text};
use crate::lifecycle::{DiskSpace, SpaceView};
use crate::store::{Answered, Report};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::summary::StageSummary;
use crate::web::{PageError, WebState, text};

/// Of each list.
const REPORTS: i64 = 50;
const ANSWERS: i64 = 50;

/// Characters of what is wrong with a Space.
const MAX_WRONG: usize = 300;

#[derive(Template)]
#[template(path = "operator/problems.html", config = "src/web/askama.toml")]
struct ProblemsPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    /// Names of runtimes that run nothing, and why.
    runtimes: Vec<(&'static str, &'static str)>,
    /// A sentence; empty where all is well.
    disk: String,
    reports: Vec<ReportLook>,
    answers: Vec<AnswerLook>,
    spaces: Vec<StuckSpace>,
    more_spaces: bool,
    quotas: Vec<SpentQuota>,
    outcome: Outcome,
}

struct ReportLook {
    id: String,
    name: String,
    reporter: String,
    reason: String,
    ago: String,
}

/// What an owner says to a stop.
struct AnswerLook {
    id: String,
    name: String,
    reason: String,
    answer: String,
    ago: String,
}

/// A Space that is to run and does not.
struct StuckSpace {
    name: String,
    stage: StageSummary,
    what: String,
    /// Where there is more.
    href: String,
    link: &'static str,
}

struct SpentQuota {
    owner: String,
    what: &'static str,
    used: String,
    limit: String,
}

pub(super) async fn page(
    state: &WebState,
    visitor: &PageRequest,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let problems = state.lifecycle.problems().await?;
    let accounts = state.store.list_accounts().await?;
    let reports = state.store.reports(REPORTS).await?.into_iter();
    let reports = reports.map(|report| {
        let reporter = name_of(&accounts, report.reporter);
        ReportLook::new(report, reporter)
    });
    let answers = state.store.answers(ANSWERS).await?.into_iter();
    let quotas = problems.quotas.iter().map(|(owner, line)| SpentQuota {
        owner: name_of(&accounts, Some(*owner)),
        what: line.resource.noun(),
        used: text::amount(line.resource, line.used),
        limit: text::amount(line.resource, line.limit),
    });
    let spaces = problems.spaces.iter();
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &ProblemsPage {
            tabs: Tab::Problems.links(),
            runtimes: problems.runtimes,
            disk: problems.disk.map_or_else(String::new, nearly_full),
            reports: reports.collect(),
            answers: answers.map(AnswerLook::new).collect(),
            spaces: spaces
                .map(|(space, view)| StuckSpace::new(space, view))
                .collect(),
            more_spaces: problems.more_spaces,
            quotas: quotas.filter(|one| !one.owner.is_empty()).collect(),
            outcome,
            frame,
        },
    ))
}

fn nearly_full(disk: DiskSpace) -> String {
    format!(
        "The disk is nearly full: {} of {} are free.",
        decimal_text(disk.free),
        decimal_text(disk.whole)
    )
}

// === impl ProblemsPage ===

impl ProblemsPage {
    /// Whether there is nothing to do.
    fn is_calm(&self) -> bool {
        self.runtimes.is_empty()
            && self.disk.is_empty()
            && self.reports.is_empty()
            && self.answers.is_empty()
            && self.spaces.is_empty()
            && self.quotas.is_empty()
    }
}

// === impl ReportLook ===

impl ReportLook {
    fn new(report: Report, reporter: String) -> Self {
        Self {
            id: report.id,
            name: report.name.to_string(),
            reporter,
            reason: report.reason,
            ago: text::ago(report.at),
        }
    }
}

// === impl AnswerLook ===

impl AnswerLook {
    fn new(answered: Answered) -> Self {
        Self {
            id: answered.space.to_string(),
            name: answered.name.to_string(),
            reason: answered.reason,
            answer: answered.answer,
            ago: text::ago(answered.at),
        }
    }
}

// === impl StuckSpace ===

impl StuckSpace {
    fn new(space: &Space, view: &SpaceView) -> Self {
        let (name, owner) = (&space.name, &space.name.owner);
        let log = |which| (format!("/spaces/{name}/logs?which={which}"), "Log");
        let (href, link) = match (view.stage, &view.waits) {
            (Stage::RuntimeError, _) => log("run"),
            (Stage::AppStarting | Stage::RunningAppStarting, None) => log("run"),
            (Stage::BuildError | Stage::ConfigError, _) => log("build"),
            (_, Some(waits)) if waits.blocked.by == BlockedBy::Owner => {
                (format!("/operator?tab=quotas&owner={owner}"), "Quota")
            }
            _ => (format!("/spaces/{name}/settings"), "Settings"),
        };
        let waits = view.waits.as_ref().map(|waits| waits.message.as_str());
        let what = view.cause().or(waits).unwrap_or_default();
        Self {
            name: name.to_string(),
            stage: StageSummary::of_view(view),
            what: text::line(what, MAX_WRONG),
            href,
            link,
        }
    }
}
