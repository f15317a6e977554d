//! What an owner may have, as an operator sees and changes it.

use askama::Template;
use axum::response::Response;

use super::{Asked, Outcome, Tab, TabLink, names};
use crate::domain::{Account, AccountKind, QuotaOverrides, Resource};
use crate::web::error::show;
use crate::web::form::Fields;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState};

/// The form of one owner.
pub(super) struct QuotaForm {
    pub(super) owner: String,
    pub(super) organization: bool,
    pub(super) fields: Vec<QuotaField>,
}

pub(super) struct QuotaField {
    /// What the field is called when it is sent.
    pub(super) word: &'static str,
    pub(super) label: String,
    /// What is set, or was typed; empty for the default.
    pub(super) value: String,
    /// What holds when nothing is set.
    pub(super) default: String,
    pub(super) used: String,
    pub(super) problem: String,
}

/// What came of a form.
pub(super) enum Changed {
    /// Done, for the owner of that name.
    Done(String),
    /// Nothing was changed: the form with what is wrong at its fields.
    Refused(QuotaForm),
}

#[derive(Template)]
#[template(path = "operator/quotas.html", config = "src/web/askama.toml")]
struct QuotasPage {
    frame: Frame,
    tabs: Vec<TabLink>,
    /// Names of accounts, to choose from.
    owners: Vec<String>,
    /// Whose quota was asked for, be there such an account or not.
    owner: String,
    quota: Option<QuotaForm>,
    quota_done: bool,
}

pub(super) async fn page(
    state: &WebState,
    visitor: &PageRequest,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let accounts = state.store.list_accounts().await?;
    let quota = match (outcome.quota, asked.owner.trim()) {
        (Some(refused), _) => Some(refused),
        (None, "") => None,
        (None, name) => match state.account_named(name).await? {
            Some(owner) => Some(form(state, &owner).await?),
            None => None,
        },
    };
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &QuotasPage {
            tabs: Tab::Quotas.links(),
            owners: names(&accounts),
            owner: match &quota {
                Some(form) => form.owner.clone(),
                None => asked.owner.trim().chars().take(40).collect(),
            },
            quota,
            quota_done: asked.done == "quota",
            frame,
        },
    ))
}

/// The form as it is before anybody types.
async fn form(state: &WebState, owner: &Account) -> Result<QuotaForm, PageError> {
    let set = state.store.quota(owner.id).await?;
    let written = |resource: Resource| {
        let set = set.of(resource);
        set.map_or_else(String::new, |amount| resource.written(amount))
    };
    filled(state, owner, written, |_| String::new()).await
}

/// Changes what differs from what is set, all of it or nothing.
pub(super) async fn change(
    state: &WebState,
    operator: &Account,
    fields: &Fields,
) -> Result<Changed, PageError> {
    let unknown = || PageError::BadRequest("This account does not exist.".to_owned());
    let owner = state.account_named(fields.get("owner")).await?;
    let owner = owner.ok_or_else(unknown)?;
    let set = state.store.quota(owner.id).await?;
    let read: Vec<_> = Resource::ALL
        .into_iter()
        .map(|resource| (resource, read(resource, fields.get(resource.word()))))
        .collect();
    if read.iter().any(|(_, amount)| amount.is_err()) {
        let problem = |resource| {
            let wrong = read.iter().find(|(other, _)| *other == resource);
            wrong.and_then(|(_, amount)| amount.clone().err())
        };
        let typed = |resource: Resource| fields.get(resource.word()).chars().take(40).collect();
        let form = filled(state, &owner, typed, |resource| {
            problem(resource).unwrap_or_default()
        });
        return Ok(Changed::Refused(form.await?));
    }
    let changes = changes(&set, read);
    if !changes.is_empty() {
        let lifecycle = &state.lifecycle;
        lifecycle.change_quota(operator.id, &owner, changes).await?;
    }
    Ok(Changed::Done(owner.name.to_string()))
}

/// An amount, `None` for an empty field; otherwise what is wrong with it.
fn read(resource: Resource, text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let amount = resource.read(text);
    let amount = amount.ok_or_else(|| format!("This must be {}.", resource.wanted()))?;
    Ok(Some(amount))
}

fn changes(
    set: &QuotaOverrides,
    read: Vec<(Resource, Result<Option<u64>, String>)>,
) -> Vec<(Resource, Option<u64>)> {
    read.into_iter()
        .filter_map(|(resource, amount)| Some((resource, amount.ok()?)))
        .filter(|(resource, amount)| set.of(*resource) != *amount)
        .collect()
}

async fn filled(
    state: &WebState,
    owner: &Account,
    value: impl Fn(Resource) -> String,
    problem: impl Fn(Resource) -> String,
) -> Result<QuotaForm, PageError> {
    let defaults = *state.ledger.default_quota();
    let view = state.lifecycle.quota(owner.id).await?;
    let fields = view.lines.iter().map(|line| {
        let resource = line.resource;
        let default = match defaults.of(resource) {
            u64::MAX => "no limit".to_owned(),
            amount => resource.written(amount),
        };
        QuotaField {
            word: resource.word(),
            label: label(resource),
            value: value(resource),
            default,
            used: crate::web::text::amount(resource, line.used),
            problem: problem(resource),
        }
    });
    Ok(QuotaForm {
        owner: owner.name.to_string(),
        organization: owner.kind == AccountKind::Organization,
        fields: fields.collect(),
    })
}

/// The noun at the head of a field, with the unit where the field does not name it.
fn label(resource: Resource) -> String {
    let unit = match resource {
        Resource::Cpu => ", cores",
        Resource::CpuSecondsPerDay => ", seconds",
        Resource::BuildMinutesPerDay => ", minutes",
        _ => "",
    };
    let mut noun = format!("{}{unit}", resource.noun());
    if let Some(first) = noun.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    noun
}
