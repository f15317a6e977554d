//! What was used hour by hour: one chart for each thing that is counted, the numbers of all of them in a table, and in
//! another what each Space had of it.

use super::{PageError, WebState, text};
use crate::domain::{AccountId, UsageCounts, decimal_text};
use crate::store::UsageSpan;

const HOUR_MILLIS: i64 = 3_600_000;

/// The spans on offer, in hours.
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;

/// Spaces that are listed.
const MAX_SPACES: i64 = 50;

/// The picture's height, in the units in which an hour is [`STEP`] wide.
const HEIGHT: f64 = 40.0;
const STEP: f64 = 4.0;

/// Something that is counted.
struct Measure {
    name: &'static str,
    /// How much of it there is in what was used, be it in one hour or in many.
    of: fn(&UsageCounts) -> f64,
    text: fn(f64) -> String,
}

const OWNERS: [Measure; 4] = [
    Measure {
        name: "CPU time",
        of: |counts| counts.cpu_micros as f64,
        text: |micros| text::cpu_time((micros / 1000.0) as u64),
    },
    Measure {
        name: "Memory, GB-seconds",
        of: |counts| counts.memory_kib_seconds as f64 * 1024.0 / 1e9,
        text: text::decimal,
    },
    Measure {
        name: "Requests",
        of: |counts| counts.requests() as f64,
        text: |count| text::whole(count as u64),
    },
    Measure {
        name: "Sent to visitors",
        of: |counts| counts.bytes_out as f64,
        text: |bytes| decimal_text(bytes as u64),
    },
];

const OPERATORS: [Measure; 4] = [
    Measure {
        name: "Wakes",
        of: |counts| counts.wakes as f64,
        text: |count| text::whole(count as u64),
    },
    Measure {
        name: "Average time to wake",
        of: |counts| counts.wake_micros as f64 / counts.wakes.max(1) as f64,
        text: |micros| match micros {
            0.0 => "–".to_owned(),
            _ => text::short_time((micros / 1000.0) as u64),
        },
    },
    Measure {
        name: "Builds",
        of: |counts| counts.builds as f64,
        text: |count| text::whole(count as u64),
    },
    Measure {
        name: "Refused requests",
        of: |counts| counts.turned_away as f64,
        text: |count| text::whole(count as u64),
    },
];

/// The charts of a page.
pub(super) struct Usage {
    pub(super) charts: Vec<Chart>,
    /// The table behind them, the newest hour first.
    pub(super) rows: Vec<Row>,
    /// What each Space used of it, the one that took most CPU first.
    pub(super) spaces: Vec<SpaceRow>,
    /// Hours looked back.
    pub(super) hours: usize,
    /// The width of every picture.
    pub(super) width: f64,
    /// What stands below the pictures: where they begin, and their middle.
    pub(super) begin: String,
    pub(super) middle: String,
}

pub(super) struct Chart {
    pub(super) name: &'static str,
    /// Over the whole span.
    pub(super) total: String,
    /// Of the highest bar.
    pub(super) most: String,
    pub(super) bars: Vec<HourBar>,
}

/// One hour's bar, from its left upper corner.
pub(super) struct HourBar {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) tip: String,
}

pub(super) struct SpaceRow {
    /// Its full name then; it may be gone.
    pub(super) name: String,
    pub(super) amounts: Vec<String>,
}

pub(super) struct Row {
    pub(super) moment: String,
    pub(super) hour: String,
    pub(super) amounts: Vec<String>,
}

// === impl Usage ===

impl Usage {
    /// Of one owner.
    pub(super) async fn of_owner(
        state: &WebState,
        owner: AccountId,
        hours: &str,
    ) -> Result<Self, PageError> {
        Self::load(state, Some(owner), hours, &OWNERS.each_ref()).await
    }

    /// Of everybody together, with what concerns operators.
    pub(super) async fn of_host(state: &WebState, hours: &str) -> Result<Self, PageError> {
        let measures: Vec<_> = OWNERS.iter().chain(&OPERATORS).collect();
        Self::load(state, None, hours, &measures).await
    }

    async fn load(
        state: &WebState,
        owner: Option<AccountId>,
        hours: &str,
        measures: &[&Measure],
    ) -> Result<Self, PageError> {
        let hours = match hours == WEEK.to_string() {
            true => WEEK,
            false => DAY,
        };
        state.lifecycle.store_usage().await?;
        let now = jiff::Timestamp::now().as_millisecond();
        let last = now.div_euclid(HOUR_MILLIS);
        let span = UsageSpan {
            from: last + 1 - hours as i64,
            to: last,
            owner,
            limit: hours as i64,
        };
        let used = state.store.usage_by_hour(span).await?;
        let most = UsageSpan {
            limit: MAX_SPACES,
            ..span
        };
        let spaces = state.store.usage_by_space(most).await?;
        Ok(Self {
            spaces: spaces
                .into_iter()
                .map(|(name, counts)| SpaceRow {
                    name,
                    amounts: amounts(measures, &counts),
                })
                .collect(),
            ..Self::new(span.from, hours, &used, measures)
        })
    }

    fn new(first: i64, hours: usize, used: &[(i64, UsageCounts)], measures: &[&Measure]) -> Self {
        let label = |hour: i64| match hours {
            DAY => clock(hour),
            _ => day(hour),
        };
        let is_any =
            |counts: &UsageCounts| measures.iter().any(|measure| (measure.of)(counts) > 0.0);
        let used_hours = used.iter().filter(|(_, counts)| is_any(counts));
        let rows = used_hours.map(|(hour, counts)| Row {
            moment: text::moment(hour * HOUR_MILLIS),
            hour: format!("{} {}", day(*hour), clock(*hour)),
            amounts: amounts(measures, counts),
        });
        Self {
            charts: measures
                .iter()
                .map(|measure| Chart::new(measure, first, used))
                .collect(),
            rows: rows.collect(),
            spaces: Vec::new(),
            hours,
            width: hours as f64 * STEP,
            begin: label(first),
            middle: label(first + hours as i64 / 2),
        }
    }

    /// Whether it is the span of that many hours.
    pub(super) fn is_of(&self, hours: usize) -> bool {
        self.hours == hours
    }
}

// === impl Chart ===

impl Chart {
    fn new(measure: &Measure, first: i64, used: &[(i64, UsageCounts)]) -> Self {
        let amount = |counts: &UsageCounts| (measure.of)(counts);
        let sum = used
            .iter()
            .fold(UsageCounts::default(), |sum, (_, counts)| sum.plus(counts));
        let most = used
            .iter()
            .map(|(_, counts)| amount(counts))
            .fold(0.0, f64::max);
        let bars = used
            .iter()
            .filter(|(_, counts)| amount(counts) > 0.0)
            .map(|(hour, counts)| {
                // What is there is seen, however small beside the rest.
                let height = tenth((amount(counts) / most * HEIGHT).max(1.0));
                HourBar {
                    left: (hour - first) as f64 * STEP + 0.5,
                    top: tenth(HEIGHT - height),
                    width: STEP - 1.0,
                    height,
                    tip: format!(
                        "{} {}: {}",
                        day(*hour),
                        clock(*hour),
                        (measure.text)(amount(counts))
                    ),
                }
            });
        Self {
            name: measure.name,
            total: (measure.text)(amount(&sum)),
            most: (measure.text)(most),
            bars: bars.collect(),
        }
    }
}

fn amounts(measures: &[&Measure], counts: &UsageCounts) -> Vec<String> {
    measures
        .iter()
        .map(|measure| (measure.text)((measure.of)(counts)))
        .collect()
}

fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// `14:00`
fn clock(hour: i64) -> String {
    format!("{:02}:00", hour.rem_euclid(24))
}

/// `28 Nov`
fn day(hour: i64) -> String {
    let at = jiff::Timestamp::from_second(hour * 3600).unwrap_or_default();
    at.strftime("%-d %b").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(cpu_micros: u64, wakes: u64, wake_micros: u64) -> UsageCounts {
        UsageCounts {
            cpu_micros,
            wakes,
            wake_micros,
            ..UsageCounts::default()
        }
    }

    #[test]
    fn bars_stand_at_their_hour_and_within_the_picture() {
        let used = [
            (123, counts(4_000_000, 0, 0)),
            (101, counts(1, 0, 0)),
            (100, counts(1_000_000, 0, 0)),
        ];
        let chart = Chart::new(&OWNERS[0], 100, &used);
        assert_eq!(
            (chart.total.as_str(), chart.most.as_str()),
            ("5.00 s", "4.00 s")
        );
        let places: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.left, bar.top, bar.height))
            .collect();
        assert_eq!(
            places,
            [(92.5, 0.0, 40.0), (4.5, 39.0, 1.0), (0.5, 30.0, 10.0)]
        );
        assert!(chart.bars[0].tip.ends_with(" 03:00: 4.00 s"));
    }

    #[test]
    fn an_average_over_hours_is_of_all_wakes_alike() {
        let used = [(1, counts(0, 1, 9_000_000)), (0, counts(0, 3, 3_000_000))];
        let chart = Chart::new(&OPERATORS[1], 0, &used);
        assert_eq!(
            (chart.total.as_str(), chart.most.as_str()),
            ("3.0 s", "9.0 s")
        );
        assert!(Chart::new(&OPERATORS[1], 0, &[]).bars.is_empty());
    }
}
