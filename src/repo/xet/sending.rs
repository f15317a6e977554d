//! Sends to stores, and removes them: in time, or as room is short.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::address::Store;
use super::senders::Sending;
use crate::domain::{AccountId, Millis};
use crate::repo::large::entries;
use crate::repo::{RepoError, Repos};

/// An upload may go on with a second shard after its first.
const BETWEEN_SHARDS: Duration = Duration::from_secs(30);

// === impl Repos ===

impl Repos {
    /// Where an account sends xorbs to at a moment.
    pub fn xet_store(&self, account: AccountId, now: Millis) -> Store {
        self.senders().current(account, now)
    }

    /// Begins a request that sends to a store.
    pub(super) fn sending(&self, store: Store) -> Sending {
        self.senders().begin(store)
    }

    /// Removes the xorbs of an account that no upload under way needs; `at_once` also those of an upload that ended within
    /// the last half minute. Whether there were some.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn free_xorbs(&self, account: AccountId, at_once: bool) -> Result<bool, RepoError> {
        let idle = if at_once {
            Duration::ZERO
        } else {
            BETWEEN_SHARDS
        };
        let repos = self.clone();
        self.work(move || {
            let stores = repos.stores(|owner| owner == account.to_string())?;
            repos.remove_stores(stores, idle)
        })
        .await
    }

    /// Removes the xorbs of days past, and of uploads that were given up.
    ///
    /// # Errors
    /// Only of the disk.
    pub async fn sweep_xorbs(&self, now: Millis) -> Result<(), RepoError> {
        let repos = self.clone();
        self.work(move || {
            for day in entries(&repos.xorbs())? {
                let number = day.file_name().to_str().and_then(|name| name.parse().ok());
                if number.is_none_or(|number: i64| Store::is_past(number, now)) {
                    fs::remove_dir_all(day.path())?;
                }
            }
            repos.senders().forget_closed(now);
            // Those of a finished upload are of use for as long as they have their address.
            repos.remove_stores(repos.stores(|_| true)?, Duration::MAX)?;
            Ok(())
        })
        .await
    }

    /// The stores on disk of accounts that are `wanted`, and where they are.
    fn stores(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<(Store, PathBuf)>> {
        let mut found = Vec::new();
        for day in entries(&self.xorbs())? {
            for account in entries(&day.path())? {
                if !account.file_name().to_str().is_some_and(&wanted) {
                    continue;
                }
                for store in entries(&account.path())? {
                    let path = store.path();
                    found.extend(Store::of_folder(&path).map(|store| (store, path)));
                }
            }
        }
        Ok(found)
    }

    fn remove_stores(
        &self,
        stores: Vec<(Store, PathBuf)>,
        idle: Duration,
    ) -> Result<bool, RepoError> {
        let mut removed = false;
        for (store, folder) in stores {
            let written = fs::metadata(&folder)?.modified()?;
            let age = SystemTime::now().duration_since(written);
            if self.senders().give_up(store, idle, age.unwrap_or_default()) {
                let away = self.aside().join(Uuid::now_v7().simple().to_string());
                fs::rename(folder, &away)?;
                fs::remove_dir_all(away)?;
                removed = true;
            }
        }
        Ok(removed)
    }
}
