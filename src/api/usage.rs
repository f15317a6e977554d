//! What was used, by the hour: one's own for everybody, everybody's for operators.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::accounts::account_named;
use super::answers::Page;
use super::describe::{Operation, Output};
use super::query::{Query, within};
use super::schema::{Moment, date};
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::{Action, Object};
use crate::base_url::BaseUrl;
use crate::domain::{Belonging, Owner, UsageCounts, Visibility};
use crate::store::{UsageCursor, UsageRow, UsageSpan};

const HOUR_MILLIS: i64 = 3_600_000;

/// Hours that are looked back when nothing is said.
const HOURS: u64 = 24;

/// The most that may be asked for.
const MOST_HOURS: u64 = 400 * 24;

/// Rows of one answer when nothing is said, and at most.
const ROWS: u64 = 1000;
const MOST_ROWS: u64 = 10_000;

/// Of what, and how.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UsageQuery {
    /// How many hours are looked back, the one under way among them; 24 when nothing is said.
    #[schemars(range(min = 1, max = MOST_HOURS))]
    hours: Option<u64>,
    /// Whose; operators alone may ask for others'. They are told of everybody when nothing is said.
    #[schemars(with = "Option<Owner>")]
    owner: Option<String>,
    /// One row for each Space, of all hours together, instead of one for each hour.
    #[serde(default)]
    sum: bool,
    #[serde(default)]
    format: Format,
    /// Rows of one page; 1000 when nothing is said.
    #[schemars(range(min = 1, max = MOST_ROWS))]
    limit: Option<u64>,
    /// From the address in the header `Link` of the page before.
    #[schemars(regex(pattern = "^[0-9]{1,9}[.][0-9]{1,18}[.][0-9a-f]{32}[.][0-9a-f]{32}$"))]
    cursor: Option<String>,
}

/// `csv` is RFC 4180, with a first line of names.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// What was used within some hours.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Usage {
    /// The beginning of the first hour.
    from: Moment,
    /// The end of the last.
    to: Moment,
    /// Whether there is no page after this one.
    complete: bool,
    rows: Vec<UsageRowShown>,
}

/// What one Space has used within an hour, or within all of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UsageRow")]
struct UsageRowShown {
    /// The beginning of the hour.
    hour: Moment,
    /// `owner/name`, as it was called last.
    space: String,
    owner: String,
    #[serde(flatten)]
    counts: UsageCounts,
}

/// A page in the form that was asked for.
#[derive(Debug)]
pub(super) enum UsageAnswer {
    Json(Page<Usage>),
    Csv(Page<()>, String),
}

pub(super) fn routes() -> Routes {
    Routes::new().get(
        "/api/usage",
        Access::Account,
        "Shows usage by the hour: your own, or everyone's for operators.",
        usage,
    )
}

/// `GET /api/usage`: a page of rows, and with the header `Link` the address of the next, while there is one.
async fn usage(
    State(state): State<ApiState>,
    headers: HeaderMap,
    query: Query<UsageQuery>,
) -> Result<UsageAnswer, ApiError> {
    let caller = Caller::of(&state, &headers).await?;
    let everybody = caller.may(Action::ReadUsage, Object::Server);
    let owner = match query.owner.as_deref() {
        None if everybody => None,
        None => Some(caller.account.id),
        Some(name) if caller.account.name.as_str().eq_ignore_ascii_case(name) => {
            Some(caller.account.id)
        }
        Some(name) if everybody => Some(account_named(&state, name).await?.id),
        Some(_) => {
            return Err(ApiError::forbidden(
                "Only operators may see the usage of others",
            ));
        }
    };
    let hours = within("hours", query.hours, HOURS, 1..=MOST_HOURS)?;
    let limit = within("limit", query.limit, ROWS, 1..=MOST_ROWS)?;
    let cursor = query.cursor.as_deref().map(read_cursor).transpose()?;
    state.lifecycle.store_usage().await?;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::now()
        .as_millisecond()
        .div_euclid(HOUR_MILLIS);
    // All pages of a listing are of the same hours.
    let (to, mut after) = match cursor {
        Some((to, after)) => (to.clamp(now - whole(MOST_HOURS), now), Some(after)),
        None => (now, None),
    };
    let span = UsageSpan {
        from: to - whole(hours) + 1,
        to,
        owner,
        limit: whole(limit.max(ROWS)) + 1,
    };
    let sum = query.sum;
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
    let next = rows.last().filter(|_| !complete).map(|last| {
        let UsageCursor {
            place,
            space,
            owner,
        } = cursor_of(last);
        let cursor = format!("{to}.{place}.{space}.{owner}");
        let base_url = BaseUrl::of(&state.config, &headers);
        format!("{base_url}/api/usage?{}", query.with("cursor", &cursor))
    });
    if query.format == Format::Csv {
        return Ok(UsageAnswer::Csv(Page { items: (), next }, as_csv(&rows)));
    }
    let items = Usage {
        from: Moment(span.from * HOUR_MILLIS),
        to: Moment((span.to + 1) * HOUR_MILLIS),
        complete,
        rows: rows.into_iter().map(UsageRowShown::from).collect(),
    };
    Ok(UsageAnswer::Json(Page { items, next }))
}

impl IntoResponse for UsageAnswer {
    fn into_response(self) -> Response {
        match self {
            Self::Json(page) => page.into_response(),
            Self::Csv(page, text) => {
                let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
                page.linked((kind, text).into_response())
            }
        }
    }
}

impl Output for UsageAnswer {
    fn describe(operation: &mut Operation<'_>) {
        Page::<Usage>::describe(operation);
        operation.answers::<String>(200, "text/csv", "As asked.");
    }
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
    read().ok_or_else(|| ApiError::bad_request("`cursor` was not issued by this server"))
}

impl From<UsageRow> for UsageRowShown {
    fn from(row: UsageRow) -> Self {
        Self {
            hour: Moment(row.hour * HOUR_MILLIS),
            space: row.name,
            owner: row.owner_name,
            counts: row.counts,
        }
    }
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
