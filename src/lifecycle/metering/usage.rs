//! Keeps what Spaces use: measured every second, stored every few, by the hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::domain::{AccountId, Millis, Resource, Stage, WorkloadId};
use crate::ledger::{Day, UsageDelta, WorkloadAccount};
use crate::lifecycle::{Parts, now};
use crate::routes::Refusal;
use crate::store::{StoreError, UsageRow};

/// Between two looks at what is held.
const LOOK: Duration = Duration::from_secs(1);

/// Looks between two writes: a server that is killed loses what was used since the last.
const LOOKS_PER_WRITE: u32 = 5;

const HOUR_MILLIS: Millis = 3_600_000;

/// Hours for which use is kept: 400 days, so that a year can be compared with the one before.
const KEPT_HOURS: i64 = 400 * 24;

/// Reads what operators have set, and what was used today before the server started.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::lifecycle) async fn remember(parts: &Parts) -> anyhow::Result<()> {
    let defaults = *parts.ledger.default_quota();
    for (owner, overrides) in parts.store.quotas().await? {
        parts
            .ledger
            .owner(owner)
            .set_quota(&overrides.over(&defaults));
    }
    let now = now();
    let midnight = (Day::end(now) / HOUR_MILLIS) - 24;
    for (owner, used) in parts.store.used_by_owner(midnight, midnight + 23).await? {
        let owner = parts.ledger.owner(owner);
        owner.carry(now, &used);
        owner.look_at_the_day(now);
    }
    Ok(())
}

/// Measures and stores, again and again.
pub(in crate::lifecycle) async fn run(parts: Arc<Parts>) {
    let mut rounds = tokio::time::interval(LOOK);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut looks) = (Instant::now(), 0);
    loop {
        rounds.tick().await;
        let present = Instant::now();
        parts.ledger.look(present - last);
        last = present;
        let news: Vec<_> = parts
            .ledger
            .owners()
            .into_iter()
            .filter(|owner| owner.look_at_the_day(now()))
            .map(|owner| owner.owner)
            .collect();
        if !news.is_empty() {
            self::news(&parts, &news);
        }
        looks += 1;
        if looks >= LOOKS_PER_WRITE {
            looks = 0;
            if let Err(error) = store(&parts).await {
                // Nothing is lost: it is tried again with what comes meanwhile.
                tracing::error!("usage could not be stored: {error}");
            }
        }
    }
}

/// Stores what is not stored yet.
///
/// # Errors
/// Ours; then all of it is kept for the next time.
pub(in crate::lifecycle) async fn store(parts: &Parts) -> Result<(), StoreError> {
    let _turn = parts.ledger.collecting().await;
    let bookings = parts.ledger.collect();
    let hour = now().div_euclid(HOUR_MILLIS);
    let rows: Vec<_> = bookings.iter().map(|booking| row(booking, hour)).collect();
    parts.store.add_usage(&rows).await?;
    bookings.into_iter().for_each(UsageDelta::stored);
    Ok(())
}

/// Forgets what is too old.
///
/// # Errors
/// Ours.
pub(in crate::lifecycle) async fn forget(parts: &Parts) -> Result<(), StoreError> {
    let hour = now().div_euclid(HOUR_MILLIS);
    parts.store.forget_usage(hour - KEPT_HOURS).await
}

/// Some quotas of these owners for the day are spent, or are not any more.
pub(in crate::lifecycle) fn news(parts: &Parts, owners: &[AccountId]) {
    let accounts = parts.ledger.accounts().into_iter();
    let theirs = accounts.filter(|account| owners.contains(&account.owner.owner));
    theirs.for_each(|account| bar(parts, &account));
    parts.ledger.builds_look_again();
    parts.ledger.starts().look_again();
}

/// Lets nobody in to a Space while a quota of its owner's for the day is spent that it needs, and everybody else.
pub(in crate::lifecycle) fn bar(parts: &Parts, account: &WorkloadAccount) {
    let Some(entry) = account
        .name()
        .and_then(|name| parts.routes.get_by_name(&name))
    else {
        return;
    };
    let spent = account.owner.is_spent(account.cpu_millis() > 0);
    let refusal = spent.map(|resource| Refusal {
        stage: Stage::Paused,
        message: spent_today(resource),
    });
    if refusal.is_some() || entry.barred().is_some() {
        entry.bar(refusal);
    }
}

/// Why nothing is shown any more today, for visitors and authors.
pub(in crate::lifecycle) fn spent_today(resource: Resource) -> String {
    format!(
        "The owner of this Space has used up its {}. It resets at {}.",
        resource.noun(),
        clock(Day::end(now()))
    )
}

/// Why a build waits, for its author.
pub(in crate::lifecycle) fn waits_to_build() -> String {
    format!(
        "The owner of this Space has used up its {}. The build starts after {}.",
        Resource::BuildMinutesPerDay.noun(),
        clock(Day::end(now()))
    )
}

/// A moment within the day, for people.
pub(in crate::lifecycle) fn clock(at: Millis) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%H:%M UTC").to_string()
}

fn row(booking: &UsageDelta, hour: i64) -> UsageRow {
    let account = &booking.account;
    let WorkloadId::Space(space) = account.workload;
    let name = account.name();
    UsageRow {
        hour,
        space,
        owner: account.owner.owner,
        owner_name: name
            .as_ref()
            .map_or_else(String::new, |name| name.owner.to_string()),
        name: name.map_or_else(String::new, |name| name.to_string()),
        counts: booking.counts,
    }
}
