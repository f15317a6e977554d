//! What visitors say of a Space: that they like it, or that something is wrong with it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::{Head, find};
use crate::web::error::show;
use crate::web::form::{OpenForm, PostedForm};
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState};

/// Characters of a report.
const MAX_REASON: usize = 2000;

#[derive(Template)]
#[template(path = "space/report.html", config = "src/web/askama.toml")]
struct ReportPage {
    frame: Frame,
    head: Head,
    reason: String,
    problem: &'static str,
    sent: bool,
}

/// `POST /spaces/{owner}/{name}/like`: `likes` is `yes` or `no`, so that a form sent twice says the same twice.
pub(super) async fn like(
    State(state): State<WebState>,
    Path((owner, name)): Path<(String, String)>,
    posted: PostedForm,
) -> Result<Redirect, PageError> {
    let found = find(&state, &posted.visitor, &owner, &name).await?;
    let likes = posted.fields.get("likes") != "no";
    let (store, repo) = (&state.store, found.space.id.into());
    match likes {
        true => store.like(posted.account.id, repo).await?,
        false => store.unlike(posted.account.id, repo).await?,
    }
    Ok(Redirect::to(&format!("/spaces/{}", found.space.name)))
}

/// `GET /spaces/{owner}/{name}/report`
pub(super) async fn report_page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let head = found.head(&state, &visitor, "report").await?;
    Ok(page(visitor.frame(), head, "", "", false))
}

/// `POST /spaces/{owner}/{name}/report`: visitors without an account may report too.
pub(super) async fn report(
    State(state): State<WebState>,
    Path((owner, name)): Path<(String, String)>,
    form: OpenForm,
) -> Result<Response, PageError> {
    let visitor = &form.visitor;
    let found = find(&state, visitor, &owner, &name).await?;
    let head = found.head(&state, visitor, "report").await?;
    let reason: String = form.fields.get("reason").chars().take(MAX_REASON).collect();
    if reason.chars().count() < 5 {
        let problem = "Describe in a few words what is wrong.";
        let page = page(visitor.frame(), head, &reason, problem, false);
        return Ok((http::StatusCode::BAD_REQUEST, page).into_response());
    }
    if state.attempts.reports_too_often(visitor.address) {
        let text = "Too many reports from your address. Wait an hour.";
        return Err(PageError::TooMany(text.to_owned()));
    }
    // That there are enough already is no news to whoever reports.
    state
        .store
        .report(found.space.id, visitor.account_id(), &reason)
        .await?;
    Ok(page(visitor.frame(), head, "", "", true))
}

fn page(frame: Frame, head: Head, reason: &str, problem: &'static str, sent: bool) -> Response {
    show(
        &frame.clone(),
        &ReportPage {
            frame,
            head,
            reason: reason.to_owned(),
            problem,
            sent,
        },
    )
}
