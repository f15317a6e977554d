//! Variables and secrets, one by one or out of a `.env` file.

use std::collections::HashSet;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::{Problem, render};
use crate::domain::SecretValue;
use crate::domain::{check_variable, parse_dotenv};
use crate::store::{Counted, NewSetting, SettingValue, StoreError};
use crate::web::form::Fields;
use crate::web::page_request::PageRequest;
use crate::web::space::{Found, find};
use crate::web::upload::receive;
use crate::web::{PageError, WebState};

/// A value as it was typed: a browser sends every line break as CRLF.
pub(super) fn typed_value(fields: &Fields) -> String {
    fields.raw("value").replace("\r\n", "\n")
}

/// `POST /spaces/{owner}/{name}/settings/import`
pub(in crate::web::space) async fn import(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let upload = receive(&state, &visitor, request, Some(found.space.owner)).await?;
    match apply(&state, &found, &upload.fields).await {
        Ok(()) => {
            let to = format!("/spaces/{}/settings?done=import#import", found.space.name);
            Ok(Redirect::to(&to).into_response())
        }
        Err(PageError::BadRequest(text)) => {
            let problem = Problem {
                section: "import".to_owned(),
                text,
                fields: upload.fields,
            };
            let page = render(&state, &visitor, &found, String::new(), problem).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(other) => Err(other),
    }
}

/// Sets all that a file says, or nothing.
async fn apply(state: &WebState, found: &Found, fields: &Fields) -> Result<(), PageError> {
    let bad = |text: String| Err(PageError::BadRequest(text));
    let text = match (fields.raw("text"), fields.raw("file")) {
        ("", "") => return bad("Paste a file's text, or choose a file.".to_owned()),
        (text, "") | ("", text) => text,
        _ => return bad("Paste a file's text or choose a file, not both.".to_owned()),
    };
    let entries = match parse_dotenv(text) {
        Ok(entries) => entries,
        Err(error) => return bad(sentence(error.line, &error.message)),
    };
    if entries.is_empty() {
        return bad("It does not contain a line `NAME=value`.".to_owned());
    }
    let most = Counted::Secrets.most() + Counted::Variables.most();
    if i64::try_from(entries.len()).is_ok_and(|count| count > most) {
        let what = Counted::Secrets;
        return Err(StoreError::TooMany { what }.into());
    }
    let secrets = fields.get("as") != "variables";
    let others = fields.get("others").split([',', ' ', '\t', '\r', '\n']);
    let others: HashSet<_> = others.filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = others
        .iter()
        .find(|name| !entries.iter().any(|entry| entry.name == ***name))
    {
        let unknown: String = unknown.chars().take(60).collect();
        return bad(format!(
            "The file does not set {unknown}, which you named as an exception."
        ));
    }
    let mut settings = Vec::new();
    for entry in entries {
        if let Err(message) = check_variable(&entry.name, &entry.value) {
            return bad(sentence(entry.line, &message));
        }
        let is_secret = secrets != others.contains(entry.name.as_str());
        settings.push(NewSetting {
            value: match is_secret {
                true => SettingValue::Secret(SecretValue::new(&entry.value)),
                false => SettingValue::Variable(entry.value),
            },
            name: entry.name,
        });
    }
    Ok(state.lifecycle.set_all(found.space.id, settings).await?)
}

fn sentence(line: usize, message: &str) -> String {
    format!("Line {line}: {message}. Nothing was set.")
}
