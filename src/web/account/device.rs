//! Letting a program in that shows a code.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::web::error::show;
use crate::web::form::PostedForm;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::{PageError, WebState};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "device.html", config = "src/web/askama.toml")]
struct DevicePage {
    frame: Frame,
    name: String,
    code: String,
    /// Whether a program waits with that code.
    waits: bool,
    problem: &'static str,
    /// What came of it; empty before.
    done: &'static str,
    /// Whether that is that the program has a token now.
    let_in: bool,
}

const UNKNOWN: &str = "No program is waiting with this code. Codes expire after 15 minutes.";

/// `GET /login/device`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let (_, account) = visitor.signed_in()?;
    let code: String = asked.code.chars().take(16).collect();
    let waits = state.auth.device_waits(&code);
    let problem = if waits || code.is_empty() {
        ""
    } else {
        UNKNOWN
    };
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &DevicePage {
            frame,
            name: account.name.to_string(),
            code,
            waits,
            problem,
            done: "",
            let_in: false,
        },
    ))
}

/// `POST /login/device`: `code`, and `answer`, which is `yes` or `no`.
pub(super) async fn answer(
    State(state): State<WebState>,
    posted: PostedForm,
) -> Result<Response, PageError> {
    let code: String = posted.fields.get("code").chars().take(16).collect();
    let yes = posted.fields.get("answer") == "yes";
    let answered = state
        .auth
        .answer_device(&code, yes.then_some(posted.account.id));
    let frame = posted.visitor.frame();
    let done = match (answered, yes) {
        (false, _) => "",
        (true, true) => "The program is signed in. You can close this page.",
        (true, false) => "The program was denied access.",
    };
    Ok(show(
        &frame.clone(),
        &DevicePage {
            frame,
            name: posted.account.name.to_string(),
            waits: false,
            problem: if answered { "" } else { UNKNOWN },
            code,
            done,
            let_in: answered && yes,
        },
    ))
}
