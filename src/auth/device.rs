//! Signing in a program by a code (RFC 8628): the program shows a code, its user types it into a page of ours, and the
//! program is given a token.
//!
//! What waits is kept in memory alone. Whoever is cut off by a restart of the server begins anew.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use rand::seq::IndexedRandom;

use super::allowance::HOUSEHOLDS_OF_A_SITE;
use super::token::{SecretToken, WantedToken, hash_token, new_token};
use super::{Auth, now};
use crate::domain::{AccountId, household, site};
use crate::store::StoreError;

/// What a program is told.
#[derive(Debug, Clone)]
pub struct DeviceCodes {
    /// For the program, which asks with it.
    pub device: SecretToken,
    /// For its user: `XXXX-XXXX`.
    pub user: String,
}

/// What a program that asks is told.
#[derive(Debug)]
pub enum DeviceAnswer {
    /// Nobody has said anything yet.
    Pending,
    /// It asks more often than it was told to.
    SlowDown,
    /// Its user said no.
    Denied,
    /// Nobody said anything in time, or there is no such code.
    Expired,
    /// Here it is, this once.
    Token(SecretToken),
}

/// How long a code is good.
pub const DEVICE_CODE_LIFE: Duration = Duration::from_secs(15 * 60);

/// How long a program waits before it asks again.
pub const DEVICE_CODE_INTERVAL: Duration = Duration::from_secs(2);

/// Programs that wait at once. For a further one, the site of which most wait gives up its newest, if it has at least two
/// more; or else it is refused. So nobody's ends because others begin, unless more of their own site wait.
const MOST: usize = 5_000;

/// Programs of one household that wait at once: a classroom behind one address begins together.
const MOST_OF_ONE: usize = 50;

/// The same of one site, which has as many households as it likes.
const MOST_OF_A_SITE: usize = HOUSEHOLDS_OF_A_SITE as usize * MOST_OF_ONE;

/// Why a program cannot wait for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefused {
    /// From that address.
    #[error(
        "{MOST_OF_ONE} sign-ins from your address are waiting for their codes; finish one of them first"
    )]
    Address,
    /// From wherever.
    #[error(
        "too many sign-ins are waiting for their codes; create a token on your account's page instead"
    )]
    Everybody,
}

/// Letters that are hard to mistake for each other and make no words (RFC 8628 §6.1).
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Programs that wait. All clones are the same.
#[derive(Clone, Default)]
pub(super) struct Devices(Arc<Mutex<HashMap<[u8; 32], Waiting>>>);

struct Waiting {
    user: String,
    from: IpAddr,
    since: Instant,
    asked: Option<Instant>,
    decision: Option<Decision>,
}

#[derive(Clone, Copy)]
enum Decision {
    Yes(AccountId),
    No,
}

// === impl Devices ===

impl Devices {
    /// Forgets what an account has said yes to and was not asked for yet.
    pub(super) fn forget(&self, account: AccountId) {
        let is_theirs =
            |one: &Waiting| matches!(one.decision, Some(Decision::Yes(by)) if by == account);
        self.waiting().retain(|_, one| !is_theirs(one));
    }

    /// What still is good.
    fn waiting(&self) -> MutexGuard<'_, HashMap<[u8; 32], Waiting>> {
        let mut waiting = self.0.lock();
        waiting.retain(|_, one| one.since.elapsed() < DEVICE_CODE_LIFE);
        waiting
    }
}

// === impl Auth ===

impl Auth {
    /// Lets a program wait for its user, from that address.
    ///
    /// # Errors
    /// Too many wait already. Those go on waiting.
    pub fn begin_device(&self, address: IpAddr) -> Result<DeviceCodes, DeviceRefused> {
        let from = household(address);
        let (device, hash) = new_token();
        let user = format!("{}-{}", letters(), letters());
        let mut waiting = self.devices.waiting();
        let same = waiting.values().filter(|one| one.from == from).count();
        let near = waiting
            .values()
            .filter(|one| site(one.from) == site(from))
            .count();
        if same >= MOST_OF_ONE || near >= MOST_OF_A_SITE {
            return Err(DeviceRefused::Address);
        }
        if waiting.len() >= MOST {
            let newest = one_too_many(&waiting, near).ok_or(DeviceRefused::Everybody)?;
            waiting.remove(&newest);
        }
        waiting.insert(
            hash,
            Waiting {
                user: user.clone(),
                from,
                since: Instant::now(),
                asked: None,
                decision: None,
            },
        );
        Ok(DeviceCodes { device, user })
    }

    /// Whether a program waits for what is said to that code, in whatever case and with or without its hyphen.
    pub fn device_waits(&self, user: &str) -> bool {
        let user = plain(user);
        let waiting = self.devices.waiting();
        waiting
            .values()
            .any(|one| plain(&one.user) == user && one.decision.is_none())
    }

    /// Says yes for an account, or no. `false` if nobody waits for that.
    pub fn answer_device(&self, user: &str, account: Option<AccountId>) -> bool {
        let user = plain(user);
        let mut waiting = self.devices.waiting();
        let one = waiting
            .values_mut()
            .find(|one| plain(&one.user) == user && one.decision.is_none());
        let Some(one) = one else { return false };
        one.decision = Some(account.map_or(Decision::No, Decision::Yes));
        true
    }

    /// What the program is told that asks with its code.
    ///
    /// # Errors
    /// Ours only.
    pub async fn redeem_device(&self, device: &str) -> Result<DeviceAnswer, StoreError> {
        let hash = hash_token(device);
        let (account, user) = {
            let mut waiting = self.devices.waiting();
            let Some(one) = waiting.get_mut(&hash) else {
                return Ok(DeviceAnswer::Expired);
            };
            let asked = one.asked.replace(Instant::now());
            match one.decision {
                // Clocks of programs are not that exact.
                None if asked.is_some_and(|at| at.elapsed() < DEVICE_CODE_INTERVAL / 2) => {
                    return Ok(DeviceAnswer::SlowDown);
                }
                None => return Ok(DeviceAnswer::Pending),
                Some(decision) => {
                    let user = one.user.clone();
                    waiting.remove(&hash);
                    match decision {
                        Decision::Yes(account) => (account, user),
                        Decision::No => return Ok(DeviceAnswer::Denied),
                    }
                }
            }
        };
        // Names are unique in an account, and codes nearly so.
        let wanted = WantedToken::plain(account, &format!("signed in by {user}, {}", now()));
        Ok(DeviceAnswer::Token(self.issue_token(wanted).await?))
    }
}

/// The newest of the site of which most wait, if those are at least two more than `of_newcomer`.
fn one_too_many(waiting: &HashMap<[u8; 32], Waiting>, of_newcomer: usize) -> Option<[u8; 32]> {
    let mut sites = HashMap::<IpAddr, usize>::new();
    for one in waiting.values() {
        *sites.entry(site(one.from)).or_default() += 1;
    }
    let (largest, most) = sites.into_iter().max_by_key(|(_, count)| *count)?;
    let of_theirs = waiting.iter().filter(|(_, one)| site(one.from) == largest);
    let (newest, _) = of_theirs.max_by_key(|(_, one)| one.since)?;
    (most >= of_newcomer + 2).then_some(*newest)
}

fn letters() -> String {
    let mut random = rand::rng();
    let letters = (0..4).filter_map(|_| LETTERS.choose(&mut random));
    letters.map(|letter| char::from(*letter)).collect()
}

fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

    use super::*;
    use crate::store::{Sealer, Store};

    #[tokio::test]
    async fn who_begins_a_thousand_ends_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("data.db").display());
        let auth = Auth::new(Store::connect(&url, Sealer::new(&[7; 32])).await.unwrap());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let adas = auth.begin_device(address("192.0.2.1")).unwrap();
        // One household, however many addresses it has.
        let crowd = |number: u32| address(&format!("2001:db8:1:2::{number:x}"));
        let begun = (0..1010).filter(|number| auth.begin_device(crowd(*number)).is_ok());
        assert_eq!(begun.count(), MOST_OF_ONE);
        let refused = auth.begin_device(crowd(1)).unwrap_err();
        assert_eq!(refused, DeviceRefused::Address);
        assert!(auth.device_waits(&adas.user));
        auth.begin_device(address("2001:db8:1:3::1")).unwrap();
        // One site, however many households it has.
        let near = |number: usize| address(&format!("2001:db8:2:{number:x}::1"));
        let begun = (0..300).filter(|number| auth.begin_device(near(*number)).is_ok());
        assert_eq!(begun.count(), MOST_OF_A_SITE);

        // From everywhere: those who have most make room, until nobody has more than another.
        let far = |number: usize| address(&format!("2001:db8:{:x}::1", number + 16));
        let begun = (0..MOST + 10).filter(|number| auth.begin_device(far(*number)).is_ok());
        // All but Ada's, and one of each of the two sites before.
        assert_eq!(begun.count(), MOST - 3);
        assert_eq!(
            auth.begin_device(far(0)).unwrap_err(),
            DeviceRefused::Everybody
        );
        assert!(auth.device_waits(&adas.user));
    }
}
