//! Which addresses of the network strangers may have us reach, and which are one stranger's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one household or machine is given: all of an IPv4 address, and of an IPv6 one the first 64 bits (RFC 6177).
pub fn household(address: IpAddr) -> IpAddr {
    network(address, 64)
}

/// What one customer of a network may be given at most: all of an IPv4 address, and of an IPv6 one the first 48 bits, which are
/// 65,536 households (RFC 6177).
pub fn site(address: IpAddr) -> IpAddr {
    network(address, 48)
}

/// The first so many bits of an IPv6 address; all of an IPv4 one.
fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let rest = 128 - bits;
            IpAddr::V6((u128::from(address) >> rest << rest).into())
        }
        address => address,
    }
}

/// Whether a stranger's wish may lead to that address; to one of a private network only where `private` says so.
pub fn may_reach(address: IpAddr, private: bool) -> bool {
    match address {
        IpAddr::V4(address) => may_reach_v4(address, private),
        IpAddr::V6(address) => match address.to_ipv4_mapped().or_else(|| embedded_v4(address)) {
            Some(inner) => may_reach_v4(inner, private),
            None => may_reach_v6(address, private),
        },
    }
}

fn may_reach_v4(address: Ipv4Addr, private: bool) -> bool {
    let [a, b, c, _] = address.octets();
    // This machine, link-local with the cloud's metadata service, multicast and reserved ranges (RFC 6890).
    let never = address.is_loopback()
        || address.is_unspecified()
        || address.is_link_local()
        || a == 0
        || a >= 224
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 0, 2)
        // Where clouds keep what their machines know, beside link-local: Azure's among public addresses, Alibaba's in RFC
        // 6598's.
        || address == Ipv4Addr::new(168, 63, 129, 16)
        || address == Ipv4Addr::new(100, 100, 100, 200)
        || (a, b, c) == (198, 51, 100)
        || (a, b, c) == (203, 0, 113)
        || (a, b & 0xfe) == (198, 18);
    // RFC 1918, and RFC 6598's shared addresses.
    let inner = address.is_private() || (a, b & 0xc0) == (100, 64);
    !never && (private || !inner)
}

fn may_reach_v6(address: Ipv6Addr, private: bool) -> bool {
    let first = address.segments()[0];
    // Global unicast is 2000::/3 (RFC 4291); documentation prefixes in it lead nowhere.
    let global = first & 0xe000 == 0x2000 && !(first == 0x2001 && address.segments()[1] == 0x0db8);
    // The metadata services of AWS and Google are unique local addresses.
    let metadata = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    let unique_local = first & 0xfe00 == 0xfc00 && !metadata.contains(&address);
    global || (private && unique_local)
}

/// The IPv4 address inside a NAT64 (RFC 6052) or 6to4 (RFC 3056) address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b) {
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => Some(from(g, h)),
        (0x2002, _) => Some(from(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_an_ipv4_address_or_half_of_an_ipv6_one() {
        let of = |text: &str| household(text.parse().expect("address")).to_string();
        for (address, wanted) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ] {
            assert_eq!(of(address), wanted);
        }
        let site = site("2001:db8:1:2:3:4:5:6".parse().expect("address"));
        assert_eq!(site.to_string(), "2001:db8:1::");
    }

    #[test]
    fn inner_addresses_are_denied_in_every_spelling() {
        let denied = [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "198.18.0.1",
            "192.0.0.1",
        ];
        for text in denied {
            assert!(!may_reach(text.parse().expect("address"), false), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(may_reach(text.parse().expect("address"), false), "{text}");
        }
        for text in ["10.1.2.3", "fc00::1"] {
            assert!(may_reach(text.parse().expect("address"), true), "{text}");
        }
        for text in [
            "127.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:127.0.0.1",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert!(!may_reach(text.parse().expect("address"), true), "{text}");
        }
    }
}
