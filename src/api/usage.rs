//! What was used, by the hour: one's own for everybody, everybody's for operators.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::access::Caller;
use super::extract::QueryPairs;
use super::operator::account_named;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::auth::{Action, Object};
use crate::domain::{Belonging, UsageCounts, Visibility};
use crate::store::{UsageRow, UsageSpan};

const HOUR_MILLIS: i64 = 3_600_000;

/// Hours that are looked back when nothing is said.
const HOURS: i64 = 24;

/// The most that may be asked for.
const MOST_HOURS: i64 = 400 * 24;

/// Rows that one answer has at most.
const ROWS: i64 = 50_000;

/// `GET /api/usage?hours=N&owner=NAME&format=csv&sum=true`
pub(super) async fn usage(
    State(state): State<ApiState>,
    headers: HeaderMap,
    query: QueryPairs,
) -> Result<Response, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let everybody = caller.may(Action::ReadUsage, Object::Server);
    let owner = match query.get("owner") {
        None if everybody => None,
        None => Some(caller.account.id),
        Some(name) if caller.account.name.as_str().eq_ignore_ascii_case(name) => {
            Some(caller.account.id)
        }
        Some(name) if everybody => Some(account_named(&state, name).await?.id),
        Some(_) => {
            return Err(ApiError::forbidden(
                "Only operators see what others have used",
            ));
        }
    };
    let hours = match query.get("hours") {
        None => HOURS,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|hours| (1..=MOST_HOURS).contains(hours))
            .ok_or_else(|| ApiError::bad_request(format!("`hours` is from 1 to {MOST_HOURS}")))?,
    };
    let csv = match query.get("format") {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(ApiError::bad_request("`format` is `json` or `csv`")),
    };
    state.lifecycle.store_usage().await?;
    let now = jiff::Timestamp::now()
        .as_millisecond()
        .div_euclid(HOUR_MILLIS);
    let span = UsageSpan {
        from: now - hours + 1,
        to: now,
        owner,
        limit: ROWS,
    };
    let mut rows = state.store.usage(span).await?;
    let complete = i64::try_from(rows.len()).unwrap_or(ROWS) < ROWS;
    rows.retain(|row| caller.may(Action::ReadUsage, belonging(row)));
    if query.is_on("sum") {
        rows = summed(rows, span.from);
    }
    if csv {
        let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((kind, as_csv(&rows)).into_response());
    }
    let shown: Vec<_> = rows.iter().map(as_json).collect();
    Ok(Json(json!({
        "from": date(span.from * HOUR_MILLIS),
        "to": date((span.to + 1) * HOUR_MILLIS),
        "complete": complete,
        "rows": shown,
    }))
    .into_response())
}

/// The Space of a row, which may be gone, as its owner's own affair: what is used is not public where the Space is.
fn belonging(row: &UsageRow) -> Belonging {
    Belonging {
        id: row.space.into(),
        owner: row.owner,
        visibility: Visibility::Private,
    }
}

/// One row for each Space and owner over the whole span, the one that used most CPU first.
fn summed(rows: Vec<UsageRow>, from: i64) -> Vec<UsageRow> {
    let mut sums: BTreeMap<(String, String), UsageRow> = BTreeMap::new();
    // The newest comes first, and with it the newest name.
    for row in rows {
        let key = (row.space.to_string(), row.owner.to_string());
        match sums.get_mut(&key) {
            Some(sum) => sum.counts = sum.counts.plus(&row.counts),
            None => drop(sums.insert(key, UsageRow { hour: from, ..row })),
        }
    }
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.sort_by_key(|row| std::cmp::Reverse(row.counts.cpu_micros));
    sums
}

fn as_json(row: &UsageRow) -> Value {
    let mut value = Map::new();
    value.insert("hour".into(), date(row.hour * HOUR_MILLIS).into());
    value.insert("space".into(), row.name.clone().into());
    value.insert("owner".into(), row.owner_name.clone().into());
    if let Ok(Value::Object(counts)) = serde_json::to_value(row.counts) {
        value.extend(counts);
    }
    value.into()
}

/// RFC 4180. Names hold nothing that would have to be quoted.
fn as_csv(rows: &[UsageRow]) -> String {
    let mut text = format!("hour,space,owner,{}\r\n", UsageCounts::FIELDS.join(","));
    for row in rows {
        let hour = date(row.hour * HOUR_MILLIS);
        let _ = write!(text, "{hour},{},{}", row.name, row.owner_name);
        for value in row.counts.values() {
            let _ = write!(text, ",{value}");
        }
        text.push_str("\r\n");
    }
    text
}
