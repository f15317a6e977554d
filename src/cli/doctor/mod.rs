//! `doctor`: what this host can and cannot do, and what to install or change. Asks no server.

mod containers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::process::{Resource, getrlimit};
use serde_json::json;

use super::output::{Output, Tone};

/// Guests' memory is reserved as address space, tens of gigabytes for the pool as a whole; that much a process must be
/// allowed to map.
const ADDRESS_BITS: u32 = 47;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// It works, with less than there could be.
    Limited,
    /// The server would not do its work.
    Bad,
}

/// One thing looked at.
#[derive(Debug)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    advice: Option<&'static str>,
}

/// Prints every check; fails when one is bad.
pub(super) fn run(data: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    let checks = [
        kernel(),
        cores(),
        memory(),
        cgroup(),
        disk(data),
        open_files(),
        address_space(),
        containers::docker(),
        containers::packet_filter(),
        git(),
        hf(),
    ];
    let place = containers::place(data);
    let checks: Vec<_> = checks.into_iter().chain(place).collect();
    let documents: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "verdict": check.verdict.word(),
                "found": check.found,
                "advice": check.advice,
            })
        })
        .collect();
    let lines: Vec<_> = checks.iter().map(|check| check.line(output)).collect();
    let bad = checks.iter().any(|check| check.verdict == Verdict::Bad);
    output.result(
        &json!({ "ok": !bad, "checks": documents }),
        lines.join("\n"),
    );
    Ok(if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn kernel() -> Check {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = format!("Linux {release}, {}", name.machine().to_string_lossy());
    Check::of("kernel", version >= (5, 4), found).or(
        Verdict::Limited,
        "Glasshouse is tested on Linux 5.4 and newer; older kernels may lack parts of the sandbox",
    )
}

fn cores() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Check::of("cores", cores >= 2, format!("{cores}")).or(
        Verdict::Limited,
        "with one core, builds slow down visitors and visitors slow down builds",
    )
}

fn memory() -> Check {
    let total = proc_number("/proc/meminfo", "MemTotal:").map(|kib| kib * 1024);
    let free = proc_number("/proc/meminfo", "MemAvailable:").map(|kib| kib * 1024);
    let allowed = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let allowed: Option<u64> = allowed.and_then(|text| text.trim().parse().ok());
    let usable = total.unwrap_or(0).min(allowed.unwrap_or(u64::MAX));
    let mut found = format!(
        "{} in total, {} free",
        gib(total.unwrap_or(0)),
        gib(free.unwrap_or(0))
    );
    if let Some(allowed) = allowed {
        found += &format!(", {} allowed by the cgroup", gib(allowed));
    }
    Check::of("memory", usable >= 2 << 30, found).or(
        Verdict::Limited,
        "with less than 2 GiB only few Spaces can run at once; see [host] in the configuration",
    )
}

fn cgroup() -> Check {
    match fs::read_to_string("/sys/fs/cgroup/cgroup.controllers") {
        Ok(controllers) => Check::of(
            "cgroup",
            true,
            format!("version 2 ({})", controllers.trim()),
        ),
        Err(_) if Path::new("/sys/fs/cgroup/memory").is_dir() => {
            Check::of("cgroup", true, "version 1".to_owned())
        }
        Err(_) => Check::of("cgroup", false, "none".to_owned()).or(
            Verdict::Limited,
            "containers cannot be limited without it; WASI and static Spaces do not need it",
        ),
    }
}

fn disk(data: &Path) -> Check {
    let shown = data.display();
    let existing = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let Some(existing) = existing.ancestors().find(|path| path.exists()) else {
        return Check::of(
            "disk",
            false,
            format!("{shown} is a link to a folder that does not exist"),
        )
        .or(Verdict::Bad, "choose another folder with --data");
    };
    let Ok(facts) = rustix::fs::statvfs(existing) else {
        return Check::of("disk", false, format!("{shown} cannot be accessed"))
            .or(Verdict::Bad, "choose another folder with --data");
    };
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let found = format!("{} free at {shown}", gib(free));
    if rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_err() {
        return Check::of(
            "disk",
            false,
            format!("{} is not writable", existing.display()),
        )
        .or(
            Verdict::Bad,
            "make this user the folder's owner, or choose another folder with --data",
        );
    }
    let verdict = if free < 256 << 20 {
        Verdict::Bad
    } else {
        Verdict::Limited
    };
    Check::of("disk", free >= 2 << 30, found).or(
        verdict,
        "free some space: repositories and compiled demos are stored there",
    )
}

fn open_files() -> Check {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let shown = |limit: Option<u64>| {
        limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
    };
    let found = format!(
        "{} (at most {})",
        shown(limit.current),
        shown(limit.maximum)
    );
    Check::of("open files", soft >= 8192, found).or(
        Verdict::Limited,
        "each visitor needs one or two: run `ulimit -n 65536`, or set LimitNOFILE=65536 in the service",
    )
}

fn address_space() -> Check {
    let limit = getrlimit(Resource::As).current;
    let bits = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| virtual_bits(&text));
    let overcommit = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    let mut found = bits.map_or_else(|| "unknown width".to_owned(), |bits| format!("{bits} bits"));
    if let Some(limit) = limit {
        found += &format!(", limited to {}", gib(limit));
        return Check::of("address space", false, found).or(
            Verdict::Bad,
            "remove the limit (`ulimit -v unlimited`): the server reserves address space for guests in advance",
        );
    }
    if overcommit.trim() == "2" {
        found += ", strict overcommit";
        return Check::of("address space", false, found).or(
            Verdict::Limited,
            "this host counts reserved memory as used: run `sysctl vm.overcommit_memory=0`",
        );
    }
    Check::of(
        "address space",
        bits.is_none_or(|bits| bits >= ADDRESS_BITS),
        found,
    )
    .or(
        Verdict::Limited,
        "a processor with at least 47 bits of address space can run more guests",
    )
}

fn git() -> Check {
    match in_path("git") {
        Some(path) => Check::of("git", true, path.display().to_string()),
        None => Check::of("git", false, "not installed".to_owned()).or(
            Verdict::Limited,
            "needed only to clone and push with git: `apt-get install git`",
        ),
    }
}

fn in_path(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn hf() -> Check {
    match in_path("hf") {
        Some(path) => Check::of("hf", true, path.display().to_string()),
        None => Check::of("hf", false, "not installed".to_owned()).or(
            Verdict::Limited,
            "`glasshouse push` publishes without it; to use the Hub's own client: `pip install huggingface_hub`",
        ),
    }
}

// === impl Check ===

impl Check {
    /// Good, or still to be judged with [`Check::or`].
    fn of(name: &'static str, good: bool, found: String) -> Self {
        let verdict = if good {
            Verdict::Good
        } else {
            Verdict::Limited
        };
        Self {
            name,
            verdict,
            found,
            advice: None,
        }
    }

    /// What it is and what to do when it is not good.
    fn or(self, verdict: Verdict, advice: &'static str) -> Self {
        if self.verdict == Verdict::Good {
            return self;
        }
        Self {
            verdict,
            advice: Some(advice),
            ..self
        }
    }

    fn line(&self, output: &Output) -> String {
        let tone = match self.verdict {
            Verdict::Good => Tone::Good,
            Verdict::Limited => Tone::Busy,
            Verdict::Bad => Tone::Bad,
        };
        let word = output.toned(&format!("{:<7}", self.verdict.word()), tone);
        let mut line = format!("{word}  {:<14}  {}", self.name, self.found);
        if let Some(advice) = self.advice {
            line += &format!("\n{:25}{advice}", "");
        }
        line
    }
}

// === impl Verdict ===

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Limited => "limited",
            Self::Bad => "bad",
        }
    }
}

/// The number after a word at the beginning of a line.
fn proc_number(file: &str, word: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// `address sizes : 46 bits physical, 48 bits virtual`, as /proc/cpuinfo has it on x86-64.
fn virtual_bits(cpuinfo: &str) -> Option<u32> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("address sizes"))?;
    let (_, after) = line.split_once(", ")?;
    after.split_whitespace().next()?.parse().ok()
}

fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
