//! Keeps containers off the host and off private networks.
//!
//! The engine keeps bridges apart from each other; it does not keep a container from this host's own listeners, from
//! the network the host stands in, or from the metadata address of a cloud. Two chains of the kernel's packet filter
//! do, for every bridge named as in [`Reach`]. Their text is the same for all servers on a host, so that several may
//! write them and none needs to take them away.

use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::{HUB_PORT, PROXY_PORT};

/// How far connections from inside a network lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Nowhere.
    Nothing,
    /// To the internet, never to private networks.
    Internet,
    /// To the internet and to private networks, never to this host.
    Private,
}

/// The rules, written when they are first needed and looked at again behind the back of whoever needs them later.
#[derive(Debug, Clone, Default)]
pub struct Firewall(Arc<Mutex<Option<Instant>>>);

/// The rules are written again after this time: something else on the host may have cleared them.
const FRESH: Duration = Duration::from_secs(60);

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
/// Where clouds keep their machines' credentials (RFC 3927).
const LINK_LOCAL: &str = "169.254.0.0/16";

const INPUT: &str = "GLASSHOUSE-INPUT";
const FORWARD: &str = "GLASSHOUSE-FORWARD";

// === impl Reach ===

impl Reach {
    const ALL: [Self; 3] = [Self::Nothing, Self::Internet, Self::Private];

    /// The first letters of the names of its bridges.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Nothing => "ghn",
            Self::Internet => "ghi",
            Self::Private => "ghp",
        }
    }

    /// A word for names of networks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Internet => "internet",
            Self::Private => "private",
        }
    }
}

// === impl Firewall ===

impl Firewall {
    /// Sees to it that the rules stand. Only the first caller, and whoever comes after a failure, waits for that.
    ///
    /// # Errors
    /// When they cannot be written, with the reason as the operator should read it.
    pub async fn ensure(&self) -> anyhow::Result<()> {
        let mut written = self.0.lock().await;
        match *written {
            Some(at) if at.elapsed() < FRESH => {}
            Some(_) => {
                *written = Some(Instant::now());
                let firewall = self.clone();
                tokio::spawn(async move {
                    if let Err(error) = write().await {
                        tracing::error!(
                            "the packet filter's rules are gone and cannot be written: {error:#}"
                        );
                        *firewall.0.lock().await = None;
                    }
                });
            }
            None => {
                write().await?;
                *written = Some(Instant::now());
            }
        }
        Ok(())
    }
}

/// Writes both chains and leads the traffic of every bridge through them.
async fn write() -> anyhow::Result<()> {
    let rules = rules(&nameservers().await);
    iptables("iptables-restore", &["--noflush", "-w", "5"], &rules).await?;
    for reach in Reach::ALL {
        let bridges = format!("{}+", reach.prefix());
        for (chain, target) in [("INPUT", INPUT), ("DOCKER-USER", FORWARD)] {
            let rule = [chain, "-i", &bridges, "-j", target];
            let there = [["-w", "5", "-C"].as_slice(), &rule].concat();
            if iptables("iptables", &there, "").await.is_err() {
                let insert = [["-w", "5", "-I"].as_slice(), &rule].concat();
                iptables("iptables", &insert, "").await?;
            }
        }
    }
    Ok(())
}

/// Both chains, whole: what is named here is emptied and filled in one step.
fn rules(nameservers: &[String]) -> String {
    let mut text = format!("*filter\n:{INPUT} - [0:0]\n:{FORWARD} - [0:0]\n");
    let mut rule = |chain: &str, rest: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "-A {chain} {rest}");
    };
    for chain in [INPUT, FORWARD] {
        // Answers to what the gateway, or the container itself, began.
        rule(
            chain,
            format_args!("-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"),
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
    rule(FORWARD, format_args!("-d {LINK_LOCAL} -j REJECT"));
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
    text.push_str("COMMIT\n");
    text
}

/// The IPv4 name servers of this host that are not the host itself.
async fn nameservers() -> Vec<String> {
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

async fn iptables(program: &str, arguments: &[&str], input: &str) -> anyhow::Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("`{program}` cannot be run; install iptables"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{program}` failed, which needs root or CAP_NET_ADMIN: {}",
            said.trim()
        );
    }
    Ok(())
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
        assert!(lines.contains(&"-A GLASSHOUSE-FORWARD -d 169.254.0.0/16 -j REJECT"));
        assert!(lines.contains(&"-A GLASSHOUSE-FORWARD -i ghn+ -j REJECT"));
        assert!(lines.contains(&"-A GLASSHOUSE-FORWARD -i ghi+ -d 10.0.0.0/8 -j REJECT"));
        assert!(!rules.contains("-i ghn+ -p udp"), "names leak: {rules}");
    }
}
