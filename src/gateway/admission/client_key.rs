//! Who a request counts for where visitors share a Space.

use std::net::IpAddr;

use crate::domain::{AccountId, household};
use crate::server::Client;

/// An account where a Space asks for one, and else an address: all of it for IPv4, and for IPv6 the first 64 bits, which
/// are what a household is given (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::gateway) enum ClientKey {
    Account(AccountId),
    Address(IpAddr),
}

// === impl ClientKey ===

impl ClientKey {
    /// The visitor at the other end; all are one where no server stands between.
    pub(in crate::gateway) fn at(client: Option<&Client>) -> Self {
        Self::of(client.map_or(IpAddr::from([0, 0, 0, 0]), |client| client.peer.client))
    }

    pub(in crate::gateway) fn of(address: IpAddr) -> Self {
        Self::Address(household(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_by_what_its_owner_was_given() {
        let of = |text: &str| ClientKey::of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:aaaa::1"), of("2001:db8:1:2:bbbb::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}
