//! Where an account sends xorbs to: a store for each day.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::domain::{AccountId, Millis};

/// Time for which an address takes xorbs; they are removed a day after it, or earlier when they are in the way.
const DAY: Millis = 24 * 3600 * 1000;

/// Xorbs of one account and one day. When they are removed, the account sends to another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Store {
    account: AccountId,
    day: i64,
    /// Which of that day: the millisecond in which it was begun.
    number: i64,
}

// === impl Store ===

impl Store {
    /// A new one.
    pub(super) fn new(account: AccountId, now: Millis) -> Self {
        Self {
            account,
            day: now / DAY,
            number: now,
        }
    }

    /// The store that an address names, while it is open: in its day, and in the one after for uploads that began before.
    pub fn open(address: &str, now: Millis) -> Option<Self> {
        let mut parts = address.splitn(3, '-');
        let store = Self {
            day: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            account: parts.next()?.parse().ok()?,
        };
        store.is_open(now).then_some(store)
    }

    /// That of a folder: the inverse of where it is put.
    pub(super) fn of_folder(path: &Path) -> Option<Self> {
        let mut names = path.iter().rev().map(OsStr::to_str);
        Some(Self {
            number: names.next()??.parse().ok()?,
            account: names.next()??.parse().ok()?,
            day: names.next()??.parse().ok()?,
        })
    }

    pub(super) fn is_open(self, now: Millis) -> bool {
        !Self::is_past(self.day, now) && self.day <= now / DAY
    }

    /// Whether nothing of that day is of use any more.
    pub(super) fn is_past(day: i64, now: Millis) -> bool {
        day < now / DAY - 1
    }

    /// Whether they are of the same account and day.
    pub(super) fn is_like(self, other: Self) -> bool {
        (self.account, self.day) == (other.account, other.day)
    }

    /// Whose xorbs they are.
    pub fn account(self) -> AccountId {
        self.account
    }

    /// Its address.
    pub fn address(self) -> String {
        format!("{}-{}-{}", self.day, self.number, self.account)
    }

    pub(super) fn folder(self, root: &Path) -> PathBuf {
        root.join(self.day.to_string())
            .join(self.account.to_string())
            .join(self.number.to_string())
    }
}
