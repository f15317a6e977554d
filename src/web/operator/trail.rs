//! What happened: the newest builds of all Spaces, and what was done by whom.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;

use super::{Tab, TabLink, name_of};
use crate::domain::{BuildState, Fault};
use crate::store::{BuildRecord, ListRepositories};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState, text};

/// Of each list.
const BUILDS: i64 = 20;
const EVENTS: i64 = 40;

/// Spaces whose names are looked up.
const MAX_SPACES: i64 = 1000;

#[derive(Template)]
#[template(path = "operator/builds.html", config = "src/web/askama.toml")]
struct BuildsPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    builds: Vec<BuildLook>,
}

#[derive(Template)]
#[template(path = "operator/audit.html", config = "src/web/askama.toml")]
struct AuditPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    events: Vec<EventLook>,
}

struct BuildLook {
    name: String,
    state: &'static str,
    mood: &'static str,
    ago: String,
    took: String,
    error: String,
}

struct EventLook {
    moment: String,
    ago: String,
    actor: String,
    action: String,
    space: String,
    detail: String,
}

pub(super) async fn builds(state: &WebState, visitor: &PageRequest) -> Result<Response, PageError> {
    let builds = state.store.recent_builds(BUILDS).await?;
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &BuildsPage {
            tabs: Tab::Builds.links(),
            builds: builds.iter().map(BuildLook::of).collect(),
            frame,
        },
    ))
}

pub(super) async fn audit(state: &WebState, visitor: &PageRequest) -> Result<Response, PageError> {
    let accounts = state.store.list_accounts().await?;
    let list = ListRepositories {
        everything: true,
        limit: MAX_SPACES,
        ..ListRepositories::default()
    };
    let spaces = state.store.list_spaces(&list).await?.into_iter();
    let spaces: HashMap<_, _> = spaces
        .map(|space| (space.id, space.name.to_string()))
        .collect();
    let events = state.store.events(EVENTS).await?.into_iter();
    let events = events.map(|event| EventLook {
        moment: text::moment(event.at),
        ago: text::ago(event.at),
        actor: name_of(&accounts, event.actor),
        action: event.action,
        space: event
            .space
            .and_then(|id| spaces.get(&id).cloned())
            .unwrap_or_default(),
        detail: text::line(&event.detail, 300),
    });
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &AuditPage {
            tabs: Tab::Audit.links(),
            events: events.collect(),
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
                "the server's fault: "
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
