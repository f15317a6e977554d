//! The same wall for IPv6: nothing of the bridges comes in or passes through.
//!
//! Containers have no IPv6 address, but a bridge has one of its own, and so a packet that a container makes by hand reaches
//! the host on it. A build's steps may make such packets, for the engine gives them `CAP_NET_RAW`.

use std::path::Path;

use anyhow::bail;

use super::Reach;
use super::table::{is_harmless, run};

/// There while the kernel speaks IPv6.
const ADDRESSES: &str = "/proc/net/if_inet6";

const CHAINS: [&str; 2] = ["INPUT", "FORWARD"];

/// Sees to it that all of it is dropped.
///
/// # Errors
/// When the rules cannot be read or written, or something lets packets pass before them.
pub(super) async fn ensure() -> anyhow::Result<()> {
    if !Path::new(ADDRESSES).exists() {
        return Ok(());
    }
    let shown = run("ip6tables-save", &["-t", "filter"], "").await?;
    let Some(text) = missing(&shown) else {
        return Ok(());
    };
    run("ip6tables-restore", &["--noflush", "-w", "5"], &text).await?;
    if missing(&run("ip6tables-save", &["-t", "filter"], "").await?).is_some() {
        bail!("the packet filter's rules for IPv6 were written but are not in effect");
    }
    Ok(())
}

/// What is to be written so that every rule stands where it counts; `None` when all do.
fn missing(shown: &str) -> Option<String> {
    let lines: Vec<&str> = shown.lines().collect();
    let mut text = String::from("*filter\n");
    let empty = text.len();
    for chain in CHAINS {
        let begin = format!("-A {chain} ");
        for reach in Reach::ALL {
            let rule = format!("{chain} -i {}+ -j DROP", reach.prefix());
            let wanted = format!("-A {rule}");
            let mut of_chain = lines.iter().filter(|line| line.starts_with(&begin));
            let first = of_chain.find(|line| **line == wanted || !is_harmless(line));
            if first.is_some_and(|line| *line == wanted) {
                continue;
            }
            if lines.contains(&wanted.as_str()) {
                text.push_str(&format!("-D {rule}\n"));
            }
            text.push_str(&format!("-I {rule}\n"));
        }
    }
    (text.len() > empty).then(|| text + "COMMIT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Vec<String> {
        let of = |chain: &&str| {
            Reach::ALL.map(|reach| format!("-A {chain} -i {}+ -j DROP", reach.prefix()))
        };
        CHAINS.iter().flat_map(of).collect()
    }

    #[test]
    fn each_rule_is_written_where_it_is_missing_or_comes_too_late() {
        let lines = standing();
        assert_eq!(missing(&lines.join("\n")), None);
        let all = missing("").expect("nothing stands");
        assert_eq!(all.matches("-I ").count(), 6);
        for gone in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(gone);
            let text = missing(&fewer.join("\n")).expect("one is gone");
            assert_eq!(text.matches("-I ").count(), 1, "{text}");
        }
        let mut late = lines.clone();
        late.insert(0, "-A INPUT -j ACCEPT".into());
        let text = missing(&late.join("\n")).expect("they come too late");
        assert_eq!(
            (text.matches("-D ").count(), text.matches("-I ").count()),
            (3, 3)
        );
        let mut others = lines;
        others.insert(0, "-A INPUT -i eth0 -j ACCEPT".into());
        assert_eq!(missing(&others.join("\n")), None);
    }
}
