//! One owner's quota, as an operator changes it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use crate::domain::{Account, Owner, QuotaOverrides, Resource};
use crate::web::chart::Bar;
use crate::web::error::show;
use crate::web::posted::{Fields, Posted};
use crate::web::visitor::{Frame, Visitor};
use crate::web::{PageError, WebState, text};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    done: String,
}

/// One resource in the form.
struct Line {
    name: &'static str,
    noun: &'static str,
    bar: Bar,
    /// What stands in the field; empty where the server's default holds.
    value: String,
    /// The server's default.
    default: String,
    /// Why what was sent could not be.
    problem: String,
}

#[derive(Template)]
#[template(path = "quota.html", config = "src/web/askama.toml")]
struct QuotaPage {
    frame: Frame,
    owner: String,
    lines: Vec<Line>,
    resets: String,
    done: bool,
}

/// `GET /operator/quota/{owner}`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(owner): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let account = named(&state, &owner).await?;
    render(&state, &visitor, &account, None, asked.done == "quota").await
}

/// `POST /operator/quota/{owner}`: all of it at once; an empty field follows the server's default.
pub(super) async fn change(
    State(state): State<WebState>,
    Path(owner): Path<String>,
    posted: Posted,
) -> Result<Response, PageError> {
    let operator = posted.visitor.operator()?.clone();
    let account = named(&state, &owner).await?;
    let Some(after) = read(&posted.fields) else {
        let fields = Some(&posted.fields);
        let page = render(&state, &posted.visitor, &account, fields, false).await?;
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    };
    let before = state.store.quota(account.id).await?;
    state.lifecycle.set_quota(account.id, after).await?;
    let detail = format!("{}: {before} -> {after}", account.name);
    state.note(operator.id, "quota.set", None, detail).await?;
    let back = format!("/operator/quota/{}?done=quota", account.name);
    Ok(Redirect::to(&back).into_response())
}

async fn named(state: &WebState, owner: &str) -> Result<Account, PageError> {
    let name: Owner = owner.parse().map_err(|_| PageError::NotFound)?;
    let found = state.store.account_by_name(&name).await?;
    found.ok_or(PageError::NotFound)
}

/// What a form asks for; `None` when a field cannot be read.
fn read(fields: &Fields) -> Option<QuotaOverrides> {
    let mut quota = QuotaOverrides::default();
    for resource in Resource::ALL {
        let amount = match fields.get(resource.name()) {
            "" => None,
            text => Some(resource.read(text)?),
        };
        quota.set(resource, amount);
    }
    Some(quota)
}

async fn render(
    state: &WebState,
    visitor: &Visitor,
    account: &Account,
    sent: Option<&Fields>,
    done: bool,
) -> Result<Response, PageError> {
    let set = state.store.quota(account.id).await?;
    let quota = state.lifecycle.quota(account.id).await?;
    let defaults = state.ledger.default_quota();
    let lines = quota.lines.iter().map(|line| {
        let resource = line.resource;
        let value = match sent {
            Some(fields) => fields.get(resource.name()).to_owned(),
            None => set
                .of(resource)
                .map(|amount| resource.written(amount))
                .unwrap_or_default(),
        };
        let is_wrong = !value.is_empty() && resource.read(&value).is_none();
        Line {
            name: resource.name(),
            noun: resource.noun(),
            bar: Bar::new(line.used, line.limit, |amount| resource.text(amount)),
            default: match defaults.of(resource) {
                u64::MAX => "no limit".to_owned(),
                amount => resource.written(amount),
            },
            problem: match is_wrong {
                true => format!("This must be {}.", resource.expected()),
                false => String::new(),
            },
            value,
        }
    });
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &QuotaPage {
            owner: account.name.to_string(),
            lines: lines.collect(),
            resets: text::moment(quota.resets_at),
            done,
            frame,
        },
    ))
}
