//! The kernel's table of packets that come in or pass through, as `iptables` shows and takes it.

use std::fmt::Write as _;
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Reach;
use super::rules::{FORWARD, INPUT};

/// Where the engine lets others have a say before its own rules (it makes the chain and leads to it).
const USERS: &str = "DOCKER-USER";

/// The table at one moment, a line each.
#[derive(Debug)]
pub(super) struct Table(Vec<String>);

// === impl Table ===

impl Table {
    pub(super) async fn read() -> anyhow::Result<Self> {
        let text = run("iptables-save", &["-t", "filter"], "").await?;
        Ok(Self(text.lines().map(str::to_owned).collect()))
    }

    /// Our chains, line by line.
    pub(super) fn chains(&self) -> Vec<String> {
        let ours = [format!("-A {INPUT} "), format!("-A {FORWARD} ")];
        let lines = self.0.iter();
        lines
            .filter(|line| ours.iter().any(|chain| line.starts_with(chain.as_str())))
            .cloned()
            .collect()
    }

    /// Whether all traffic of the bridges is led through them.
    pub(super) fn is_led(&self) -> bool {
        jumps().iter().all(|(chain, jump)| self.leads(chain, jump))
    }

    /// Writes both chains and leads the traffic of every bridge through them, all in one step.
    pub(super) async fn write(&self, rules: &str) -> anyhow::Result<()> {
        let mut text = rules.to_owned();
        if !self
            .0
            .iter()
            .any(|line| line.starts_with(&format!(":{USERS} ")))
        {
            let _ = writeln!(text, ":{USERS} - [0:0]");
        }
        for (chain, jump) in jumps() {
            if self.leads(&chain, &jump) {
                continue;
            }
            if self.position(&chain, &jump).is_some() {
                let _ = writeln!(text, "-D {chain} {jump}");
            }
            let _ = writeln!(text, "-I {chain} {jump}");
        }
        text.push_str("COMMIT\n");
        run("iptables-restore", &["--noflush", "-w", "5"], &text).await?;
        Ok(())
    }

    /// Whether a chain has that jump, and nothing before it that lets packets of the bridges pass.
    fn leads(&self, chain: &str, jump: &str) -> bool {
        if chain == "INPUT" {
            let wanted = format!("-A {chain} {jump}");
            let begin = format!("-A {chain} ");
            let mut lines = self.0.iter().filter(|line| line.starts_with(&begin));
            // Nobody else puts rules there again and again, so nothing but what keeps out may stand before ours.
            return lines
                .find(|line| **line == wanted || !is_harmless(line))
                .is_some_and(|line| *line == wanted);
        }
        let open = ["-j ACCEPT", "-j RETURN"];
        let opened = open.iter().filter_map(|rule| self.position(chain, rule));
        let opened = opened.min().unwrap_or(usize::MAX);
        self.position(chain, jump).is_some_and(|at| at < opened)
    }

    fn position(&self, chain: &str, rule: &str) -> Option<usize> {
        let wanted = format!("-A {chain} {rule}");
        self.0.iter().position(|line| *line == wanted)
    }
}

/// Whether a rule lets nothing in that comes from a bridge of ours.
pub(super) fn is_harmless(rule: &str) -> bool {
    let words: Vec<&str> = rule.split(' ').collect();
    let after = |word: &str| {
        let at = words.iter().position(|known| *known == word)?;
        Some((at > 0 && words[at - 1] == "!", *words.get(at + 1)?))
    };
    if let Some((_, target)) = after("-j")
        && ["DROP", "REJECT", "LOG", INPUT].contains(&target)
    {
        return true;
    }
    // Of others alone: `lo`, `eth+`.
    after("-i").is_some_and(|(negated, name)| {
        let ours = Reach::ALL.iter().any(|reach| match name.strip_suffix('+') {
            Some(stem) => stem.starts_with(reach.prefix()) || reach.prefix().starts_with(stem),
            None => name.starts_with(reach.prefix()),
        });
        !negated && !ours
    })
}

/// Of each chain of the kernel's or the engine's, what leads on towards ours.
fn jumps() -> Vec<(String, String)> {
    let mut jumps = vec![("FORWARD".to_owned(), format!("-j {USERS}"))];
    for reach in Reach::ALL {
        for (chain, target) in [("INPUT", INPUT), (USERS, FORWARD)] {
            let jump = format!("-i {}+ -j {target}", reach.prefix());
            jumps.push((chain.to_owned(), jump));
        }
    }
    jumps
}

pub(super) async fn run(program: &str, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("`{program}` cannot be run; install iptables"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let answer = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{program}` failed (it needs root or CAP_NET_ADMIN): {}",
            answer.trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table(text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn traffic_is_led_only_where_nothing_opens_the_way_before() {
        let mut lines: Vec<_> = jumps()
            .iter()
            .map(|(chain, jump)| format!("-A {chain} {jump}"))
            .collect();
        lines.push("-A DOCKER-USER -j RETURN".into());
        assert!(table(&lines.join("\n")).is_led());
        for missing in 0..jumps().len() {
            let mut fewer = lines.clone();
            fewer.remove(missing);
            assert!(!table(&fewer.join("\n")).is_led(), "{missing}");
        }
        for open in [
            "-A INPUT -j ACCEPT",
            "-A INPUT -s 10.213.0.2/32 -j ACCEPT",
            "-A INPUT ! -i eth0 -j ACCEPT",
            "-A INPUT -i gh+ -j ACCEPT",
            "-A INPUT -j somewhere",
            "-A FORWARD -j ACCEPT",
            "-A DOCKER-USER -j RETURN",
        ] {
            let mut opened = lines.clone();
            opened.insert(0, open.into());
            assert!(!table(&opened.join("\n")).is_led(), "{open}");
        }
        for harmless in [
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -i eth+ -p tcp -j ACCEPT",
            "-A INPUT -s 10.213.0.2/32 -j DROP",
        ] {
            let mut more = lines.clone();
            more.insert(0, harmless.into());
            assert!(table(&more.join("\n")).is_led(), "{harmless}");
        }
        assert!(!table("").is_led());
    }
}
