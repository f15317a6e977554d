//! What was used, by the hour: one's own for everybody, everybody's for operators.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};

use super::access::Caller;
use super::extract::QueryPairs;
use super::operator::account_named;
use super::schema::date;
use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::{Action, Object};
use crate::domain::{Belonging, UsageCounts, Visibility};
use crate::store::{UsageCursor, UsageRow, UsageSpan};

const HOUR_MILLIS: i64 = 3_600_000;

/// Hours that are looked back when nothing is said.
const HOURS: i64 = 24;

/// The most that may be asked for.
const MOST_HOURS: i64 = 400 * 24;

/// Rows of one answer when nothing is said, and at most.
const ROWS: i64 = 1000;
const MOST_ROWS: i64 = 10_000;

/// `GET /api/usage?hours=N&owner=NAME&format=csv&sum=true&limit=N`: a page of rows, and with the header `Link` the address
/// of the next, while there is one.
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
    let limit = match query.get("limit") {
        None => ROWS,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|limit| (1..=MOST_ROWS).contains(limit))
            .ok_or_else(|| ApiError::bad_request(format!("`limit` is from 1 to {MOST_ROWS}")))?,
    };
    let cursor = query.get("cursor").map(read_cursor).transpose()?;
    let now = jiff::Timestamp::now()
        .as_millisecond()
        .div_euclid(HOUR_MILLIS);
    // All pages of a listing are of the same hours.
    let (to, mut after) = match cursor {
        Some((to, after)) => (to.clamp(now - MOST_HOURS, now), Some(after)),
        None => (now, None),
    };
    let span = UsageSpan {
        from: to - hours + 1,
        to,
        owner,
        limit: limit.max(ROWS) + 1,
    };
    let sum = query.is_on("sum");
    let cursor_of = |row: &UsageRow| UsageCursor {
        place: if sum {
            i64::try_from(row.counts.cpu_micros).unwrap_or(i64::MAX)
        } else {
            row.hour
        },
        space: row.space,
        owner: row.owner,
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    // What the caller may not see is passed over here, so that not even a cursor tells of it.
    loop {
        let page = if sum {
            state.store.usage_sums(span, after.as_ref()).await?
        } else {
            state.store.usage(span, after.as_ref()).await?
        };
        let ended = i64::try_from(page.len()).unwrap_or(i64::MAX) < span.limit;
        after = page.last().map(cursor_of);
        let seen = page.into_iter();
        rows.extend(seen.filter(|row| caller.may(Action::ReadUsage, belonging(row))));
        if ended || rows.len() > most {
            break;
        }
    }
    let complete = rows.len() <= most;
    rows.truncate(most);
    let mut link = HeaderMap::new();
    if let Some(last) = rows.last().filter(|_| !complete) {
        let UsageCursor {
            place,
            space,
            owner,
        } = cursor_of(last);
        let cursor = format!("{to}.{place}.{space}.{owner}");
        let arrival = Arrival::of(&state.config, &headers);
        let query = query.with("cursor", &cursor);
        let next = format!("<{arrival}/api/usage?{query}>; rel=\"next\"");
        if let Ok(next) = HeaderValue::from_str(&next) {
            link.insert(header::LINK, next);
        }
    }
    if csv {
        let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((link, kind, as_csv(&rows)).into_response());
    }
    let shown: Vec<_> = rows.iter().map(as_json).collect();
    let body = Json(json!({
        "from": date(span.from * HOUR_MILLIS),
        "to": date((span.to + 1) * HOUR_MILLIS),
        "complete": complete,
        "rows": shown,
    }));
    Ok((link, body).into_response())
}

/// The Space of a row, which may be gone, as its owner's own affair: what is used is not public where the Space is.
fn belonging(row: &UsageRow) -> Belonging {
    Belonging {
        id: row.space.into(),
        owner: row.owner,
        visibility: Visibility::Private,
    }
}

/// The last hour of a listing, and where its page before this one ended.
fn read_cursor(text: &str) -> Result<(i64, UsageCursor), ApiError> {
    let read = || {
        let mut parts = text.split('.');
        let to = parts.next()?.parse().ok()?;
        let cursor = UsageCursor {
            place: parts.next()?.parse().ok()?,
            space: parts.next()?.parse().ok()?,
            owner: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some((to, cursor))
    };
    read().ok_or_else(|| ApiError::bad_request("`cursor` is not one of this server's"))
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
