//! The platform that images are built for: this server's.

use std::collections::BTreeMap;

use super::super::text::Text;
use super::super::{Problem, problem, shown};
use super::Reader;

/// This server's processor as Go calls it.
const ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") {
    "amd64"
} else if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    std::env::consts::ARCH
};

/// The arguments that every Dockerfile has before its first stage.
pub(super) fn arguments() -> BTreeMap<String, Option<String>> {
    let platform = format!("linux/{ARCHITECTURE}");
    let mut arguments = BTreeMap::new();
    for side in ["BUILD", "TARGET"] {
        for (name, value) in [
            ("PLATFORM", platform.as_str()),
            ("OS", "linux"),
            ("ARCH", ARCHITECTURE),
            ("VARIANT", ""),
        ] {
            arguments.insert(format!("{side}{name}"), Some(value.to_owned()));
        }
    }
    arguments
}

// === impl Reader ===

impl Reader<'_> {
    /// An option of `FROM`: `--platform`, if it is this server's.
    pub(super) fn platform(&self, number: usize, flag: &str) -> Result<(), Problem> {
        let Some(value) = flag.strip_prefix("--platform=") else {
            let message = format!("`FROM {}` is not supported; remove it", shown(flag));
            return Err(problem(number, message));
        };
        let text = Text::parse(value, self.escape)
            .map_err(|what| problem(number, format!("`{}` {what}", shown(value))))?;
        let wanted = self.filled(number, "--platform", &text)?;
        let ours = format!("linux/{ARCHITECTURE}");
        if wanted.to_ascii_lowercase().starts_with(&ours) || wanted == ARCHITECTURE {
            return Ok(());
        }
        let message = format!(
            "`{}` is another platform than this server's, which is `{ours}`; remove it",
            shown(flag)
        );
        Err(problem(number, message))
    }
}
