//! How often a browser may try what needs no account: each try costs a hash, a request to a provider, or a row.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{AddressAllowance, Allowance};
use crate::domain::site;

/// Counts by address, of a household and of a site (see [`AddressAllowance`]), and by name. Cheap to clone; all clones count
/// together.
#[derive(Debug, Clone)]
pub(in crate::web) struct Attempts(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    /// Passwords for one name.
    names: AddressAllowance<String>,
    /// Passwords for whatever name.
    addresses: AddressAllowance<()>,
    /// Passwords for one name from wherever, so that many addresses have not many times as many. Far above what one address
    /// has.
    everywhere: Allowance<String>,
    /// What one site has for a name beyond that: or strangers could keep its owner out.
    beyond: Allowance<(IpAddr, String)>,
    /// Comings back from a provider, which is asked each time.
    provider: AddressAllowance<()>,
    /// Reports.
    reports: AddressAllowance<()>,
}

const WINDOW: Duration = Duration::from_secs(300);

/// Addresses and names remembered at once.
const PLACES: usize = 100_000;

// === impl Attempts ===

impl Default for Attempts {
    fn default() -> Self {
        Self(Arc::new(Counts {
            names: AddressAllowance::new(10, WINDOW, PLACES),
            addresses: AddressAllowance::new(100, WINDOW, PLACES),
            everywhere: Allowance::new(500, WINDOW, PLACES),
            beyond: Allowance::new(3, WINDOW, PLACES),
            provider: AddressAllowance::new(60, WINDOW, PLACES),
            reports: AddressAllowance::new(20, Duration::from_secs(3600), PLACES),
        }))
    }
}

impl Attempts {
    /// Counts a password for that name from that address before it is looked at; whether it may be.
    pub(in crate::web) fn may_sign_in(&self, name: &str, address: IpAddr) -> bool {
        let (name, counts) = (key(name), &self.0);
        if !counts.names.take(address, name.clone()) {
            return false;
        }
        if !counts.addresses.take(address, ()) {
            counts.names.give_back(address, name);
            return false;
        }
        let allowed = counts.everywhere.take(name.clone())
            || counts.beyond.take((site(address), name.clone()));
        if !allowed {
            counts.names.give_back(address, name);
            counts.addresses.give_back(address, ());
        }
        allowed
    }

    /// The password was right: it does not count.
    pub(in crate::web) fn signed_in(&self, name: &str, address: IpAddr) {
        let (name, counts) = (key(name), &self.0);
        counts.names.give_back(address, name.clone());
        counts.addresses.give_back(address, ());
        // It may have been one of those beyond, which have little to be given back.
        counts.everywhere.give_back(&name);
    }

    /// Counts a coming back from a provider; whether it is one too many.
    pub(in crate::web) fn comes_back_too_often(&self, address: IpAddr) -> bool {
        !self.0.provider.take(address, ())
    }

    /// Counts a report; whether it is one too many.
    pub(in crate::web) fn reports_too_often(&self, address: IpAddr) -> bool {
        !self.0.reports.take(address, ())
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

    fn household(site: u16, number: u16) -> IpAddr {
        IpAddr::from([0x2001, 0xdb8, site, number, 0, 0, 0, 1])
    }

    #[test]
    fn a_name_has_ten_attempts_from_an_address_and_is_nobody_elses_to_use_up() {
        let attempts = Attempts::default();
        for _ in 0..10 {
            assert!(attempts.may_sign_in("Ada", address(1)));
        }
        assert!(!attempts.may_sign_in("ADA", address(1)));
        assert!(attempts.may_sign_in("bob", address(1)));
        // Whoever wanted to keep her out has not.
        assert!(attempts.may_sign_in("ada", address(2)));
    }

    #[test]
    fn a_right_password_does_not_count() {
        let attempts = Attempts::default();
        for _ in 0..1000 {
            assert!(attempts.may_sign_in("ada", address(1)));
            attempts.signed_in("ada", address(1));
        }
    }

    #[test]
    fn an_address_has_a_hundred_attempts_for_all_names() {
        let attempts = Attempts::default();
        let tried = (0..1000).filter(|name| attempts.may_sign_in(&name.to_string(), address(1)));
        assert_eq!(tried.count(), 100);
        assert!(attempts.may_sign_in("ada", address(2)));
    }

    #[test]
    fn a_site_with_many_households_tries_no_more_than_four_and_keeps_nobody_out() {
        let attempts = Attempts::default();
        let tried = (0..1000).filter(|number| attempts.may_sign_in("ada", household(1, *number)));
        assert_eq!(tried.count(), 40);
        assert!(attempts.may_sign_in("ada", household(2, 1)));
    }

    #[test]
    fn strangers_from_everywhere_leave_the_owner_some() {
        let attempts = Attempts::default();
        for site in 100..600 {
            assert!(attempts.may_sign_in("ada", household(site, 1)));
        }
        let tried = (0..10).filter(|_| attempts.may_sign_in("ada", address(7)));
        assert_eq!(tried.count(), 3);
        assert!(attempts.may_sign_in("bob", address(7)));
    }
}
