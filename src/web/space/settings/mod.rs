//! A Space's settings, for those who may change it: one form for each thing, each of which says what is wrong beside it.

mod environment;
mod rename;

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{Found, Head, find};
use environment::typed_value;

use crate::domain::{Desired, Repository, SleepAfter, Space, Visibility, check_variable};
use crate::lifecycle::LimitState;
use crate::store::{Actor, SecretFacts, Variable};
use crate::web::error::show;
use crate::web::form::{Fields, PostedForm};
use crate::web::page_request::{Frame, PageRequest};
use crate::web::summary::StageSummary;
use crate::web::{PageError, WebState, text};
pub(super) use environment::import;

/// Sleep times on offer, in seconds.
const SLEEP_TIMES: [u64; 7] = [60, 300, 900, 3600, 86_400, 172_800, 604_800];

/// Characters of an owner's answer to a hold.
const MAX_ANSWER: usize = 2000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    done: String,
}

/// A choice of a list.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

/// A limit of the running instance as it is applied.
struct LimitLook {
    name: String,
    value: String,
    state: String,
    enforced: bool,
}

/// What was wrong with what was sent, and what that was.
#[derive(Default)]
struct Problem {
    section: String,
    text: String,
    fields: Fields,
}

#[derive(Template)]
#[template(path = "space/settings.html", config = "src/web/askama.toml")]
struct SettingsPage {
    frame: Frame,
    head: Head,
    stage: StageSummary,
    paused: bool,
    error: String,
    hardware: Vec<Choice>,
    has_hardware: bool,
    sleep: Vec<Choice>,
    visibilities: Vec<Choice>,
    owners: Vec<Choice>,
    variables: Vec<Variable>,
    secrets: Vec<SecretFacts>,
    limits: Vec<LimitLook>,
    cpu: String,
    memory: String,
    requests: u64,
    /// The section that was just changed.
    done: String,
    problem: Problem,
}

/// `GET /spaces/{owner}/{name}/settings`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name)
        .await?
        .owned(&visitor)?;
    render(&state, &visitor, &found, asked.done, Problem::default()).await
}

/// `POST /spaces/{owner}/{name}/settings`: `do` names the change.
pub(super) async fn change(
    State(state): State<WebState>,
    Path((owner, name)): Path<(String, String)>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let visitor = &posted.visitor;
    let found = find(&state, visitor, &owner, &name).await?.owned(visitor)?;
    let word = posted.fields.get("do").to_owned();
    let by = Actor::Account(posted.account.id);
    let done = match word.as_str() {
        "rename" => rename::rename(&state, visitor, &found, &posted.fields).await,
        word => {
            let applied = apply(&state, &found, by, word, &posted.fields).await;
            applied.map(|()| found.space.name.clone())
        }
    };
    match done {
        Ok(_) if word == "delete" => Ok(Redirect::to("/settings?done=deleted").into_response()),
        Ok(name) => {
            let section = section_of(&word);
            let to = format!("/spaces/{name}/settings?done={section}#{section}");
            Ok(Redirect::to(&to).into_response())
        }
        Err(PageError::BadRequest(text)) => {
            let problem = Problem {
                section: section_of(&word).to_owned(),
                text,
                fields: posted.fields.clone(),
            };
            let found = find(&state, visitor, &owner, &name).await?;
            let page = render(&state, visitor, &found, String::new(), problem).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// The part of the page that a change is of.
fn section_of(word: &str) -> &'static str {
    match word {
        "restart" | "rebuild" | "pause" => "running",
        "hardware" => "hardware",
        "sleep" => "sleep",
        "visibility" => "visibility",
        "variable" | "variable-delete" => "variables",
        "secret" | "secret-delete" => "secrets",
        "answer" => "hold",
        "rename" => "name",
        _ => "delete",
    }
}

async fn apply(
    state: &WebState,
    found: &Found,
    by: Actor,
    word: &str,
    fields: &Fields,
) -> Result<(), PageError> {
    let bad = |text: &str| Err(PageError::BadRequest(text.to_owned()));
    let (lifecycle, id) = (&state.lifecycle, found.space.id);
    let (value, key) = (fields.get("value"), fields.get("key"));
    match word {
        "restart" => lifecycle.restart(id, false).await?,
        "rebuild" => lifecycle.restart(id, true).await?,
        "pause" => lifecycle.pause(id, by).await?,
        "hardware" => lifecycle.set_hardware(id, Some(value)).await?,
        "sleep" => lifecycle.set_sleep_after(id, sleep_after(value)?).await?,
        "visibility" => match Visibility::from_word(value) {
            Some(visibility) => {
                let repository = Repository::from(&found.space);
                lifecycle
                    .set_visibility(&repository, visibility, by)
                    .await?;
            }
            None => return bad("Choose who sees the Space."),
        },
        "variable" | "secret" => {
            let text = typed_value(fields);
            check_variable(key, &text).map_err(PageError::BadRequest)?;
            match word {
                "variable" => lifecycle.set_variable(id, key, &text, None).await?,
                _ => lifecycle.set_secret(id, key, &text, None).await?,
            }
        }
        "variable-delete" => drop(lifecycle.delete_variable(id, key).await?),
        "secret-delete" => drop(lifecycle.delete_secret(id, key).await?),
        "answer" => {
            let answer: String = fields.get("value").chars().take(MAX_ANSWER).collect();
            if answer.is_empty() || !state.store.answer(id, &answer).await? {
                return bad("The answer is empty, or the Space is not stopped any more.");
            }
        }
        "delete" if fields.get("confirm") == found.space.name.to_string() => {
            lifecycle.delete((&found.space).into(), by).await?;
        }
        "delete" => return bad("Type the Space's full name exactly as shown."),
        _ => return bad("This setting does not exist."),
    }
    Ok(())
}

fn sleep_after(value: &str) -> Result<SleepAfter, PageError> {
    match value.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds.unsigned_abs()))),
        _ => Err(PageError::BadRequest(
            "The sleep time must be a number of seconds above 0, or never.".to_owned(),
        )),
    }
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    done: String,
    problem: Problem,
) -> Result<Response, PageError> {
    let (space, view) = (&found.space, &found.view);
    let requested = view
        .hardware_requested
        .as_ref()
        .map(|hardware| &hardware.name);
    let hardware = state.lifecycle.hardware().iter().map(|hardware| Choice {
        value: hardware.name.clone(),
        label: format!(
            "{}: {}, {}",
            hardware.title,
            hardware.cpu_text(),
            hardware.memory_text()
        ),
        chosen: requested == Some(&hardware.name),
    });
    let limits = view.limits.iter().map(|limit| LimitLook {
        name: limit.name.to_string(),
        value: limit.value.to_string(),
        state: match &limit.state {
            LimitState::Enforced => "enforced".to_owned(),
            LimitState::Unsupported(why) => format!("not enforced: {why}"),
        },
        enforced: matches!(limit.state, LimitState::Enforced),
    });
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &SettingsPage {
            head: found.head(state, visitor, "settings").await?,
            stage: found.stage(),
            paused: space.desired == Desired::Paused,
            error: view.error.clone().unwrap_or_default(),
            hardware: hardware.collect(),
            has_hardware: requested.is_some(),
            sleep: sleep_choices(view.sleep_after),
            visibilities: visibility_choices(space.visibility),
            owners: owner_choices(visitor, space),
            variables: state.store.list_variables(space.id).await?,
            secrets: state.store.list_secrets(space.id).await?,
            limits: limits.collect(),
            cpu: text::cpu_time(view.usage.cpu_ms),
            memory: text::memory(view.usage.memory_bytes),
            requests: view.usage.requests,
            done,
            problem,
            frame,
        },
    ))
}

fn sleep_choices(present: SleepAfter) -> Vec<Choice> {
    let present = present.map(|after| after.as_secs());
    let mut times = SLEEP_TIMES.to_vec();
    times.extend(present);
    times.sort_unstable();
    times.dedup();
    let mut choices: Vec<_> = times
        .into_iter()
        .map(|seconds| Choice {
            value: seconds.to_string(),
            label: format!("after {} without visitors", text::span(seconds)),
            chosen: present == Some(seconds),
        })
        .collect();
    choices.push(Choice {
        value: "-1".to_owned(),
        label: "never".to_owned(),
        chosen: present.is_none(),
    });
    choices
}

fn visibility_choices(present: Visibility) -> Vec<Choice> {
    let all = [
        (
            Visibility::Public,
            "Public: everyone can visit it and see its files",
        ),
        (
            Visibility::Protected,
            "Protected: everyone can visit it, only you can see its files",
        ),
        (Visibility::Private, "Private: only you can visit it"),
    ];
    all.into_iter()
        .map(|(visibility, label)| Choice {
            value: visibility.as_str().to_owned(),
            label: label.to_owned(),
            chosen: visibility == present,
        })
        .collect()
}

/// Under whom it can be: where it is, and where the visitor may create Spaces.
fn owner_choices(visitor: &PageRequest, space: &Space) -> Vec<Choice> {
    let present = &space.name.owner;
    let mut owners = visitor.owners();
    if !owners.contains(present) {
        owners.insert(0, present.clone());
    }
    let owners = owners.iter().map(|owner| Choice {
        value: owner.to_string(),
        label: owner.to_string(),
        chosen: owner == present,
    });
    owners.collect()
}

// === impl SettingsPage ===

impl SettingsPage {
    /// What is wrong with a section.
    fn problem_of(&self, section: &str) -> &str {
        match self.problem.section == section {
            true => &self.problem.text,
            false => "",
        }
    }

    /// Whether a section was just changed.
    fn is_done(&self, section: &str) -> bool {
        self.done == section
    }

    /// What was typed into a section that is shown again. Never a secret.
    fn typed(&self, section: &str, field: &str) -> &str {
        match self.problem.section == section {
            true => self.problem.fields.raw(field),
            false => "",
        }
    }
}
