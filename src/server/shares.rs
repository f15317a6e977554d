//! How many connections each holds, and who gives one up when all are taken. Pure counting.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::site;

/// The connections in use, by the site that holds them: an IPv4 address or an IPv6 /48.
///
/// The rule, when none is left: the site that holds most gives one up to whoever holds at least two fewer. So of `k` sites,
/// however many, each may have its `k`th part at any time, and none that holds no more than that ever loses one.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<IpAddr, usize>);

// === impl Shares ===

impl Shares {
    pub(super) fn take(&mut self, address: IpAddr) {
        *self.0.entry(site(address)).or_default() += 1;
    }

    pub(super) fn give_back(&mut self, address: IpAddr) {
        let site = site(address);
        if let Some(held) = self.0.get_mut(&site) {
            *held -= 1;
            if *held == 0 {
                self.0.remove(&site);
            }
        }
    }

    /// What the site of that address holds; of nobody that is known, nothing.
    pub(super) fn held(&self, address: Option<IpAddr>) -> usize {
        let held = address.and_then(|address| self.0.get(&site(address)));
        held.copied().unwrap_or(0)
    }

    /// The site that gives one up to a newcomer from that address.
    pub(super) fn who_gives_way(&self, newcomer: Option<IpAddr>) -> Option<IpAddr> {
        let (site, most) = self.0.iter().max_by_key(|(_, held)| **held)?;
        (*most >= self.held(newcomer) + 2).then_some(*site)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_addresses_of_an_ipv6_site_count_together() {
        let mut shares = Shares::default();
        let address = |number| Ipv6Addr::new(0x2001, 0xdb8, 1, number, 0, 0, 0, 1).into();
        for number in 0..9 {
            shares.take(address(number));
        }
        assert_eq!(shares.held(Some(address(77))), 9);
        assert_eq!(shares.who_gives_way(Some(address(77))), None);
        assert_eq!(shares.who_gives_way(None), Some(site(address(0))));
    }

    proptest! {
        /// Whoever comes, in whatever order, and never leaves by himself.
        #[test]
        fn a_full_server_has_room_for_who_has_less_than_an_equal_part(
            all in 1..40_usize,
            comers in prop::collection::vec(0..12_u32, 0..400),
        ) {
            let address = |number: u32| IpAddr::from(Ipv4Addr::from(number));
            let mut shares = Shares::default();
            let mut used = 0;
            for comer in comers.into_iter().map(address) {
                let held = shares.held(Some(comer));
                let sites = shares.0.len() + usize::from(held == 0);
                if used < all {
                    used += 1;
                } else if let Some(loser) = shares.who_gives_way(Some(comer)) {
                    prop_assert!(shares.held(Some(loser)) * sites > all);
                    shares.give_back(loser);
                } else {
                    prop_assert!((held + 1) * sites > all, "{held} of {all} among {sites}");
                    continue;
                }
                shares.take(comer);
                prop_assert_eq!(shares.0.values().sum::<usize>(), used);
            }
        }
    }
}
