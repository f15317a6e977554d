//! Every Space in one table, in the order that an operator asks for.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use crate::domain::{Desired, Space};
use crate::store::ListRepositories;
use crate::web::chart::share;
use crate::web::page_request::quoted;
use crate::web::space::{Hold, hold_of};
use crate::web::summary::StageSummary;
use crate::web::{PageError, WebState, text};

/// Spaces looked at, and those shown.
const MAX_SPACES: i64 = 1000;
const SHOWN: usize = 100;

/// A column's head.
pub(super) struct Column {
    pub(super) label: &'static str,
    /// Empty for a column that nothing can be sorted by.
    pub(super) href: String,
    pub(super) chosen: bool,
    pub(super) number: bool,
}

pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) stage: StageSummary,
    pub(super) sdk: String,
    pub(super) hardware: String,
    pub(super) cpu: String,
    pub(super) cpu_now: String,
    /// Of its own rate, of a hundred.
    pub(super) cpu_share: f64,
    pub(super) memory: String,
    /// Of its own limit, of a hundred.
    pub(super) memory_share: f64,
    pub(super) requests: u64,
    pub(super) changed: String,
    pub(super) paused: bool,
    pub(super) hold: Option<Hold>,
}

pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// How many are not shown.
    pub(super) beyond: usize,
}

/// A Space with what the ledger knows of it.
struct Used {
    space: Space,
    cpu_nanos: u64,
    cpu_now: u64,
    cpu_limit: u64,
    memory: u64,
    memory_limit: u64,
    requests: u64,
}

const COLUMNS: [(&str, &str, bool); 9] = [
    ("Space", "name", false),
    ("Stage", "", false),
    ("Owner", "owner", false),
    ("Hardware", "", false),
    ("CPU now", "cpu-now", true),
    ("CPU used", "cpu", true),
    ("Memory", "memory", true),
    ("Requests", "requests", true),
    ("Changed", "changed", true),
];

/// What is shown first when nothing was asked for.
const DEFAULT: &str = "memory";

pub(super) async fn table(state: &WebState, sort: &str, search: &str) -> Result<Table, PageError> {
    let list = ListRepositories {
        everything: true,
        search: Some(search.trim().to_owned()).filter(|search| !search.is_empty()),
        limit: MAX_SPACES,
        ..ListRepositories::default()
    };
    let listed = state.store.list_spaces(&list).await?;
    let mut used: Vec<_> = listed
        .into_iter()
        .map(|space| Used::of(state, space))
        .collect();
    let sort = match COLUMNS
        .iter()
        .any(|(_, word, _)| !word.is_empty() && *word == sort)
    {
        true => sort,
        false => DEFAULT,
    };
    order(&mut used, sort);
    let beyond = used.len().saturating_sub(SHOWN);
    used.truncate(SHOWN);
    let mut rows = Vec::with_capacity(used.len());
    for used in used {
        rows.push(used.row(state).await?);
    }
    let search = match search.trim() {
        "" => String::new(),
        search => format!("&search={}", quoted(search)),
    };
    let columns = COLUMNS.into_iter().map(|(label, word, number)| Column {
        label,
        href: match word {
            "" => String::new(),
            word => format!("/operator?tab=spaces&sort={word}{search}"),
        },
        chosen: !word.is_empty() && word == sort,
        number,
    });
    Ok(Table {
        columns: columns.collect(),
        rows,
        beyond,
    })
}

fn order(used: &mut [Used], sort: &str) {
    match sort {
        "name" => used.sort_by_key(|used| used.space.name.name.as_str().to_lowercase()),
        "owner" => used.sort_by_key(|used| used.space.name.to_string().to_lowercase()),
        "cpu-now" => used.sort_by_key(|used| Reverse((used.cpu_now, used.cpu_nanos))),
        "cpu" => used.sort_by_key(|used| Reverse(used.cpu_nanos)),
        "requests" => used.sort_by_key(|used| Reverse(used.requests)),
        "changed" => used.sort_by_key(|used| Reverse(used.space.updated_at)),
        _ => used.sort_by_key(|used| Reverse((used.memory, used.cpu_nanos))),
    }
}

// === impl Used ===

impl Used {
    fn of(state: &WebState, space: Space) -> Self {
        let account = state.ledger.known(space.id);
        let number = |read: fn(&crate::ledger::WorkloadAccount) -> u64| {
            account.as_ref().map_or(0, |account| read(account))
        };
        let cpu_nanos = number(|account| account.usage.cpu_nanos.load(Ordering::Relaxed));
        Self {
            cpu_now: state.rates.space(space.id, cpu_nanos),
            cpu_limit: number(|account| u64::from(account.cpu_millis())),
            memory: number(|account| account.memory.used()),
            memory_limit: number(|account| account.memory.limit()),
            requests: number(|account| account.totals().requests()),
            cpu_nanos,
            space,
        }
    }

    async fn row(self, state: &WebState) -> Result<Row, PageError> {
        let view = state.lifecycle.view(&self.space).await?;
        let space = self.space;
        let hold = hold_of(state, &space).await?;
        Ok(Row {
            id: space.id.to_string(),
            name: space.name.to_string(),
            owner: space.name.owner.to_string(),
            stage: StageSummary::of_view(&view),
            sdk: space.sdk.unwrap_or_default(),
            hardware: view
                .hardware_requested
                .map(|hardware| hardware.name)
                .unwrap_or_default(),
            cpu: text::cpu_time(self.cpu_nanos / 1_000_000),
            cpu_now: format!("{:.2}", self.cpu_now as f64 / 1000.0),
            cpu_share: share(self.cpu_now, self.cpu_limit),
            memory: text::memory(self.memory),
            memory_share: share(self.memory, self.memory_limit),
            requests: self.requests,
            changed: text::ago(space.updated_at),
            paused: space.desired == Desired::Paused,
            hold,
        })
    }
}
