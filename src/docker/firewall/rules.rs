//! What the chains say.

use std::fmt::Write as _;

use super::super::{HUB_PORT, PROXY_PORT};
use super::Reach;

/// What is no part of the public internet (RFC 6890), as far as a packet could be sent there.
const PRIVATE: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
];
/// Where clouds keep their machines' credentials: link-local addresses (RFC 3927), and those of Azure, Alibaba and Oracle,
/// which may pass for the internet or for a private network.
const METADATA: [&str; 4] = [
    "169.254.0.0/16",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
];

pub(super) const INPUT: &str = "GLASSHOUSE-INPUT";
pub(super) const FORWARD: &str = "GLASSHOUSE-FORWARD";

/// Both chains, whole: what is named here is emptied and filled in one step.
pub(super) fn rules(nameservers: &[String]) -> String {
    let mut text = format!("*filter\n:{INPUT} - [0:0]\n:{FORWARD} - [0:0]\n");
    let mut rule = |chain: &str, rest: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "-A {chain} {rest}");
    };
    for chain in [INPUT, FORWARD] {
        // Answers to what others began, such as the gateway. What the container began is judged packet by packet: a
        // connection that was made while these rules were gone ends when they are back.
        rule(
            chain,
            format_args!("-m conntrack --ctstate ESTABLISHED,RELATED --ctdir REPLY -j RETURN"),
        );
        for reach in [Reach::Internet, Reach::Private] {
            for server in nameservers {
                for protocol in ["udp", "tcp"] {
                    // Names are resolved by the host's own servers, wherever they stand.
                    rule(
                        chain,
                        format_args!(
                            "-i {}+ -p {protocol} -d {server} --dport 53 -j RETURN",
                            reach.prefix()
                        ),
                    );
                }
            }
        }
    }
    // The hub and the proxy, at the bridge's own address: none of the host's others, and none of another Space's bridge.
    for port in [HUB_PORT, PROXY_PORT] {
        rule(
            INPUT,
            format_args!(
                "-p tcp --dport {port} -m addrtype --dst-type LOCAL --limit-iface-in -j ACCEPT"
            ),
        );
    }
    // This host: every address of its own, for every bridge.
    rule(INPUT, format_args!("-j REJECT"));
    for network in METADATA {
        rule(FORWARD, format_args!("-d {network} -j REJECT"));
    }
    rule(
        FORWARD,
        format_args!("-i {}+ -j REJECT", Reach::Nothing.prefix()),
    );
    for network in PRIVATE {
        rule(
            FORWARD,
            format_args!("-i {}+ -d {network} -j REJECT", Reach::Internet.prefix()),
        );
    }
    // Other Spaces, also where private networks may be reached and the engine's own rules are gone.
    for reach in Reach::ALL {
        rule(FORWARD, format_args!("-o {}+ -j REJECT", reach.prefix()));
    }
    text
}

/// The IPv4 name servers of this host that are not the host itself.
pub(super) async fn nameservers() -> Vec<String> {
    let text = tokio::fs::read_to_string("/etc/resolv.conf")
        .await
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("nameserver")?.split_whitespace().next())
        .filter_map(|address| address.parse::<std::net::Ipv4Addr>().ok())
        .filter(|address| !address.is_loopback())
        .map(|address| address.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bridge_is_kept_off_the_host_and_the_metadata_address() {
        let rules = rules(&["192.0.2.53".to_owned()]);
        let lines: Vec<_> = rules.lines().collect();
        let last_of_input = lines
            .iter()
            .rfind(|line| line.contains("-A GLASSHOUSE-INPUT"));
        assert_eq!(last_of_input, Some(&"-A GLASSHOUSE-INPUT -j REJECT"));
        for metadata in METADATA {
            let rule = format!("-A GLASSHOUSE-FORWARD -d {metadata} -j REJECT");
            assert!(lines.contains(&rule.as_str()), "{metadata}");
        }
        assert!(lines.contains(&"-A GLASSHOUSE-FORWARD -i ghn+ -j REJECT"));
        assert!(lines.contains(&"-A GLASSHOUSE-FORWARD -i ghi+ -d 10.0.0.0/8 -j REJECT"));
        assert!(!rules.contains("-i ghn+ -p udp"), "names leak: {rules}");
    }
}
