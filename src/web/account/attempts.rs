//! How often a browser may try what needs no account: each try costs a hash, a request to a provider, or a row.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Allowance;

/// Counts by address, which is a household's (see [`household`](crate::domain::household)), and by name. Cheap to clone;
/// all clones count together.
#[derive(Debug, Clone)]
pub(in crate::web) struct Attempts(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Wrong passwords for one name from one address.
    names: Allowance<(IpAddr, String)>,
    /// Wrong passwords for whatever name from one address.
    addresses: Allowance<IpAddr>,
    /// Wrong passwords for one name from wherever, so that many addresses have not many times as many. Far above what
    /// one address has, or anybody could keep anybody else from signing in.
    everywhere: Allowance<String>,
    /// Comings back from a provider, which is asked each time.
    provider: Allowance<IpAddr>,
    /// Reports.
    reports: Allowance<IpAddr>,
}

const WINDOW: Duration = Duration::from_secs(300);

/// Addresses and names remembered at once.
const PLACES: usize = 100_000;

// === impl Attempts ===

impl Default for Attempts {
    fn default() -> Self {
        Self(Arc::new(Counts {
            names: Allowance::new(10, WINDOW, PLACES),
            addresses: Allowance::new(100, WINDOW, PLACES),
            everywhere: Allowance::new(500, WINDOW, PLACES),
            provider: Allowance::new(60, WINDOW, PLACES),
            reports: Allowance::new(20, Duration::from_secs(3600), PLACES),
        }))
    }
}

impl Attempts {
    /// Whether another password may be tried for that name from that address.
    pub(in crate::web) fn may_sign_in(&self, name: &str, address: IpAddr) -> bool {
        let name = key(name);
        self.0.everywhere.is_left(&name)
            && self.0.addresses.is_left(&address)
            && self.0.names.is_left(&(address, name))
    }

    /// Counts a wrong one.
    pub(in crate::web) fn failed(&self, name: &str, address: IpAddr) {
        let name = key(name);
        self.0.everywhere.take(name.clone());
        self.0.addresses.take(address);
        self.0.names.take((address, name));
    }

    /// Counts a coming back from a provider; whether it is one too many.
    pub(in crate::web) fn comes_back_too_often(&self, address: IpAddr) -> bool {
        !self.0.provider.take(address)
    }

    /// Counts a report; whether it is one too many.
    pub(in crate::web) fn reports_too_often(&self, address: IpAddr) -> bool {
        !self.0.reports.take(address)
    }
}

fn key(name: &str) -> String {
    name.chars()
        .take(64)
        .collect::<String>()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_has_ten_attempts_from_an_address_and_is_nobody_elses_to_use_up() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert!(attempts.may_sign_in("ada", address(1)));
            attempts.failed("Ada", address(1));
        }
        assert!(!attempts.may_sign_in("ADA", address(1)));
        assert!(attempts.may_sign_in("bob", address(1)));
        // Whoever wanted to keep her out has not.
        assert!(attempts.may_sign_in("ada", address(2)));
    }

    #[test]
    fn an_address_has_a_hundred_attempts_for_all_names_and_a_name_five_hundred_from_all_addresses()
    {
        let attempts = Attempts::default();
        for name in 0..100 {
            attempts.failed(&name.to_string(), address(1));
        }
        assert!(!attempts.may_sign_in("ada", address(1)));
        for number in 0..500 {
            attempts.failed(
                "ada",
                address(2 + u8::try_from(number % 50).unwrap_or_default()),
            );
        }
        assert!(!attempts.may_sign_in("ada", address(200)));
        assert!(attempts.may_sign_in("bob", address(200)));
    }
}
