//! What was used in the last day, hour by hour: charts, and the table behind them.

use super::chart::share;
use super::{PageError, WebState, text};
use crate::domain::{AccountId, UsageCounts};
use crate::store::UsageSpan;

const HOUR_MILLIS: i64 = 3_600_000;

/// Hours that are shown, with the present one.
const HOURS: i64 = 24;

/// Width and height of a chart's picture, and what is left free between two columns.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 60.0;
const GAP: f64 = 2.0;

/// One amount over the hours.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// Of all hours together.
    pub(super) sum: String,
    /// Of the greatest hour, as what the picture's height stands for.
    pub(super) most: String,
    pub(super) columns: Vec<Column>,
}

/// One hour in a chart's picture.
pub(super) struct Column {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// As people read it: when, and how much.
    pub(super) label: String,
}

/// A line of the table.
pub(super) struct Hour {
    /// For machines.
    pub(super) moment: String,
    /// For people: `14:00`.
    pub(super) clock: String,
    /// In the order of the charts.
    pub(super) amounts: Vec<String>,
}

/// A day's use.
pub(super) struct DayOfUse {
    pub(super) charts: Vec<Chart>,
    /// The newest first; those in which nothing was used are left out.
    pub(super) hours: Vec<Hour>,
}

/// An amount that is drawn: its title, how to find it, how people read it.
type Amount = (&'static str, fn(&UsageCounts) -> u64, fn(u64) -> String);

const AMOUNTS: [Amount; 5] = [
    (
        "CPU time",
        |counts| counts.cpu_micros / 1000,
        text::cpu_time,
    ),
    (
        "Memory over time",
        |counts| counts.memory_kib_seconds,
        memory_hours,
    ),
    ("Requests", UsageCounts::requests, |count| count.to_string()),
    ("Sent to visitors", |counts| counts.bytes_out, text::bytes),
    ("Wakes", |counts| counts.wakes, |count| count.to_string()),
];

// === impl DayOfUse ===

impl DayOfUse {
    /// That of an owner, or of everybody.
    ///
    /// # Errors
    /// Ours only.
    pub(super) async fn of(state: &WebState, owner: Option<AccountId>) -> Result<Self, PageError> {
        state.lifecycle.store_usage().await?;
        let now = jiff::Timestamp::now()
            .as_millisecond()
            .div_euclid(HOUR_MILLIS);
        let span = UsageSpan {
            from: now - HOURS + 1,
            to: now,
            owner,
            limit: HOURS,
        };
        Ok(Self::draw(&state.store.usage_by_hour(span).await?, now))
    }

    fn draw(used: &[(i64, UsageCounts)], now: i64) -> Self {
        let counts = |hour| {
            let found = used.iter().find(|(known, _)| *known == hour);
            found.map(|(_, counts)| *counts).unwrap_or_default()
        };
        let day: Vec<_> = (now - HOURS + 1..=now)
            .map(|hour| (hour, counts(hour)))
            .collect();
        let hours = day.iter().rev().filter(|(_, counts)| !counts.is_zero());
        Self {
            charts: AMOUNTS.iter().map(|amount| chart(amount, &day)).collect(),
            hours: hours
                .map(|(hour, counts)| Hour {
                    moment: text::moment(hour * HOUR_MILLIS),
                    clock: clock(*hour),
                    amounts: AMOUNTS
                        .iter()
                        .map(|(_, of, text)| text(of(counts)))
                        .collect(),
                })
                .collect(),
        }
    }
}

fn chart((title, of, text): &Amount, day: &[(i64, UsageCounts)]) -> Chart {
    let amounts = day.iter().map(|(_, counts)| of(counts));
    let most = amounts.clone().max().unwrap_or(0);
    let sum = amounts.fold(0, u64::saturating_add);
    let step = WIDTH / day.len().max(1) as f64;
    let columns = day.iter().enumerate().map(|(place, (hour, counts))| {
        let height = share(of(counts), most) / 100.0 * HEIGHT;
        Column {
            x: place as f64 * step + GAP / 2.0,
            y: HEIGHT - height,
            width: step - GAP,
            height,
            label: format!("{}: {}", clock(*hour), text(of(counts))),
        }
    });
    Chart {
        title,
        sum: text(sum),
        most: text(most),
        columns: columns.collect(),
    }
}

/// An hour as people read it, of universal time.
fn clock(hour: i64) -> String {
    format!("{:02}:00", hour.rem_euclid(24))
}

/// Memory over time as people read it: `1.4 GB·h`.
fn memory_hours(kib_seconds: u64) -> String {
    format!("{}·h", text::bytes(kib_seconds.saturating_mul(1024) / 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_has_its_column_and_what_was_used_its_line() {
        let counts = |cpu_micros| UsageCounts {
            cpu_micros,
            ..UsageCounts::default()
        };
        let used = [(100, counts(4_000_000)), (98, counts(1_000_000))];
        let day = DayOfUse::draw(&used, 100);
        let cpu = &day.charts[0];
        assert_eq!((cpu.sum.as_str(), cpu.most.as_str()), ("5.00 s", "4.00 s"));
        assert_eq!(cpu.columns.len(), 24);
        assert_eq!((cpu.columns[23].y, cpu.columns[23].height), (0.0, HEIGHT));
        assert_eq!(cpu.columns[21].height, HEIGHT / 4.0);
        assert_eq!(cpu.columns[22].height, 0.0);
        assert_eq!(cpu.columns[21].label, "02:00: 1.00 s");
        let clocks: Vec<_> = day.hours.iter().map(|hour| hour.clock.as_str()).collect();
        assert_eq!(clocks, ["04:00", "02:00"]);
        assert_eq!(day.charts[4].most, "0", "nothing is drawn of nothing");
    }
}
